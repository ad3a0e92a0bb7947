// SPDX-License-Identifier: MIT
#include "platform/sim/address_space.hpp"

#include <algorithm>
#include <iterator>

namespace halyard::hal::sim {

AddressSpace::Ranges::iterator AddressSpace::find(std::uint64_t va) {
  auto it = ranges_.upper_bound(va);
  if (it != ranges_.begin()) {
    const auto before = std::prev(it);
    if (va - before->first < before->second.memory.size()) return before;
  }
  return it;
}

std::span<std::byte> AddressSpace::translate(std::uint64_t address, std::size_t size,
                                             emu::Access access, emu::Fault& fault) {
  const auto it = find(address);
  const bool mapped = it != ranges_.end() && it->first <= address;
  if (!mapped || (access == emu::Access::kWrite && it->second.read_only)) {
    fault.cause = mapped ? emu::FaultCause::kPermission : emu::FaultCause::kUnmapped;
    fault.address = address;
    fault.access = access;
    return {};
  }
  const auto memory = it->second.memory.subspan(static_cast<std::size_t>(address - it->first));
  return memory.first(std::min(size, memory.size()));
}

std::shared_lock<std::shared_mutex> AddressSpace::pin() {
  const std::lock_guard gate(gate_);
  return std::shared_lock(mutex_);
}

bool AddressSpace::bind(std::uint64_t va, std::span<std::byte> memory, bool read_only) {
  const Writer writer(*this);
  const auto next = find(va);
  if (next != ranges_.end() && next->first < va + memory.size()) return false;
  ranges_.emplace_hint(next, va, Range{memory, read_only});
  return true;
}

void AddressSpace::unbind(std::uint64_t va, std::uint64_t size) noexcept {
  const Writer writer(*this);
  const auto end = va + size;
  auto it = find(va);
  while (it != ranges_.end() && it->first < end) {
    const auto start = it->first;
    const auto range = it->second;
    const auto range_end = start + range.memory.size();
    if (start < va) {
      it->second.memory = range.memory.first(static_cast<std::size_t>(va - start));
      ++it;
    } else {
      it = ranges_.erase(it);
    }
    if (range_end > end) {
      const auto rest = range.memory.subspan(static_cast<std::size_t>(end - start));
      ranges_.emplace(end, Range{rest, range.read_only});
      return;
    }
  }
}

}  // namespace halyard::hal::sim
