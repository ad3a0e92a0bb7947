// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Device addresses: who has which range.

#include <cstdint>
#include <map>
#include <mutex>

namespace halyard::hal {

/// Hands out ranges of [start, end), in pages. Behind each one page stays free, so that an access
/// past the end of a buffer faults instead of hitting its neighbour. Thread-safe.
class VaAllocator {
 public:
  /// `large_page` is what ranges of at least that size are aligned to, 0: nothing.
  VaAllocator(std::uint64_t start, std::uint64_t end, std::uint64_t page, std::uint64_t large_page);

  /// `size` is a multiple of the page size, at least one. Throws Error(HALYARD_OUT_OF_MEMORY).
  std::uint64_t allocate(std::uint64_t size);
  /// Takes back what allocate(size) returned.
  void free(std::uint64_t va, std::uint64_t size) noexcept;
  /// Bytes in no range, guard pages not counted.
  [[nodiscard]] std::uint64_t free_bytes() const;

 private:
  std::uint64_t page_, large_page_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> free_;  ///< start -> end, neighbours merged
};

}  // namespace halyard::hal
