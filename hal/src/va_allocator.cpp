// SPDX-License-Identifier: MIT
#include "va_allocator.hpp"

#include <iterator>
#include <new>
#include <string>

#include "error.hpp"

namespace halyard::hal {

namespace {

/// 0 when it does not fit into 64 bits: no range begins there.
std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  const auto bumped = value + (alignment - 1);
  return bumped < value ? 0 : bumped / alignment * alignment;
}

}  // namespace

VaAllocator::VaAllocator(std::uint64_t start, std::uint64_t end, std::uint64_t page,
                         std::uint64_t large_page)
    : page_(page), large_page_(large_page) {
  // Address 0 stays free whatever the device allows: it is what a forgotten address looks like.
  start = align_up(start == 0 ? page : start, page);
  end = end / page * page;
  if (start < end) free_.emplace(start, end);
}

std::uint64_t VaAllocator::allocate(std::uint64_t size) {
  const bool large = large_page_ != 0 && size >= large_page_;
  const auto alignment = large ? large_page_ : page_;
  const auto taken = size + page_;
  const std::lock_guard lock(mutex_);
  if (taken > size) {
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      const auto [start, end] = *it;
      const auto va = align_up(start, alignment);
      if (va < start || va >= end || end - va < taken) continue;
      // Both inserted before anything is given up: emplace() may throw.
      if (va + taken < end) free_.emplace(va + taken, end);
      if (va > start) {
        it->second = va;
      } else {
        free_.erase(it);
      }
      return va;
    }
  }
  throw Error(
      HALYARD_OUT_OF_MEMORY,
      "no " + std::to_string(size) + " contiguous bytes are free in the device's address space");
}

void VaAllocator::free(std::uint64_t va, std::uint64_t size) noexcept {
  auto start = va;
  auto end = va + size + page_;
  const std::lock_guard lock(mutex_);
  auto next = free_.lower_bound(start);
  if (next != free_.end() && next->first == end) {
    end = next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->second == start) {
      before->second = end;
      return;
    }
  }
  try {
    free_.emplace_hint(next, start, end);
  } catch (const std::bad_alloc&) {
    // The range stays unused: 2^47 bytes outlast a process without host memory.
  }
}

std::uint64_t VaAllocator::free_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [start, end] : free_)
    bytes += end - start;
  return bytes;
}

}  // namespace halyard::hal
