// SPDX-License-Identifier: MIT
#include "chips/clipper/fault_queue.hpp"

#include <atomic>
#include <cstring>

namespace halyard::emu::clipper {

static_assert(sizeof(clp_fault) == 64);

void FaultQueue::set_order(unsigned order) {
  order_ = order;
  head_ = tail_ = 0;
}

bool FaultQueue::set_head(std::uint32_t head) {
  if (head - head_ > tail_ - head_) return false;
  head_ = head;
  return true;
}

std::uint64_t FaultQueue::next_address() const {
  const std::uint32_t mask = (1U << order_) - 1;
  return base_ + std::uint64_t{tail_ & mask} * sizeof(clp_fault);
}

FaultQueue::Pushed FaultQueue::push(clp_fault record) {
  if (order_ == 0 || tail_ - head_ == 1U << order_) {
    ++lost_;
    return Pushed::kLost;
  }
  const auto memory = host_->dma(next_address(), sizeof(record), Access::kWrite);
  if (memory.size() < sizeof(record)) {
    ++lost_;
    return Pushed::kBusError;
  }
  const std::uint32_t sequence = ++tail_;
  constexpr std::size_t kBehindSequence = offsetof(clp_fault, cause);
  std::memcpy(memory.data() + kBehindSequence,
              reinterpret_cast<const std::byte*>(&record) + kBehindSequence,
              sizeof(record) - kBehindSequence);
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory.data()))
      .store(sequence, std::memory_order_release);
  return Pushed::kWritten;
}

}  // namespace halyard::emu::clipper
