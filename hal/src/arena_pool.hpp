// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Memory for the tables of one queue's jobs.

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory.hpp"
#include "plugin.hpp"
#include "ring.hpp"

namespace halyard::hal {

/// An arena and the memory that it is in.
struct ArenaSlot {
  std::span<std::byte> host;
  Memory* memory = nullptr;
  std::uint64_t offset = 0;
};

/// Hands out arenas to jobs, which end in the order in which they began. Not synchronised.
class ArenaPool {
 public:
  explicit ArenaPool(Vm& vm) : vm_(vm) {}

  /// For job `number`; all jobs up to `done` need theirs no longer. A multiple of 64 in offset and
  /// size.
  ArenaSlot take(std::size_t bytes, std::uint64_t number, std::uint64_t done);

 private:
  static constexpr std::size_t kFirstChunk = std::size_t{64} << 10U;
  static constexpr std::size_t kLargestChunk = std::size_t{1} << 20U;

  struct Chunk {
    Ref<Memory> memory;
    std::span<std::byte> host;
    std::size_t used = 0;
    std::uint64_t last_job = 0;
  };
  void add_chunk(std::size_t bytes);

  Vm& vm_;
  Ring<Chunk> chunks_;  ///< the last one is in use
};

}  // namespace halyard::hal
