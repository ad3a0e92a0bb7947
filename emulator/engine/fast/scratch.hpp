// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Working memory that a thread keeps from call to call, so that small calls do not allocate.

#include <array>
#include <cstddef>
#include <memory>
#include <new>

namespace halyard::engine {

/// What a buffer is for. Buffers of different uses exist side by side; asking again for the same
/// use invalidates the former buffer.
enum class ScratchUse : unsigned char {
  kLeft,
  kRight,
  kSums,
  kPartialSums,
  kWideLeft,
  kWideRight,
  kWideSums,
  kBias,
  kScale,
  kBytes,
  kRow,
  kOtherRow,
  kLibrary,
  kSpread,
  kKeys,
  kCount
};

/// Memory for `count` elements, uninitialised, aligned to a cache line, of the calling thread.
template <typename T>
T* scratch(ScratchUse use, std::size_t count) {
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kGranule = 4096;  // grow in steps
  struct Release {
    void operator()(std::byte* memory) const {
      ::operator delete[](memory, std::align_val_t{kAlignment});
    }
  };
  struct Buffer {
    std::unique_ptr<std::byte[], Release> memory;  // NOLINT(modernize-avoid-c-arrays)
    std::size_t size = 0;
  };
  static thread_local std::array<Buffer, static_cast<std::size_t>(ScratchUse::kCount)> buffers;
  Buffer& buffer = buffers.at(static_cast<std::size_t>(use));
  const std::size_t size = count * sizeof(T);
  if (buffer.size < size) {
    buffer.memory.reset();
    buffer.size = 0;
    const std::size_t grown = (size / kGranule + 1) * kGranule;
    buffer.memory.reset(new (std::align_val_t{kAlignment}) std::byte[grown]);
    buffer.size = grown;
  }
  return reinterpret_cast<T*>(buffer.memory.get());
}

}  // namespace halyard::engine
