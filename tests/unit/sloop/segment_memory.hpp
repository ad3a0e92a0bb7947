// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A job's segments without a card around them.

#include <drm/halyard_sloop.h>

#include <cstdint>
#include <span>
#include <vector>

#include "chips/sloop/dram.hpp"
#include "chips/sloop/execution.hpp"
#include "chips/sloop/segments.hpp"

namespace halyard::emu::test {

/// Card memory of which segment 0 (read) and segment 1 (write) are pieces, with memory of others
/// before, between and behind them.
class SegmentMemory {
 public:
  static constexpr std::uint64_t kPiece = 1 << 16;

  SegmentMemory();
  [[nodiscard]] std::span<std::byte> segment(unsigned number) {
    return dram_.at((2 * number + 1) * kPiece, kPiece);
  }
  AddressSpace& space() { return space_; }
  /// What a job may not change is still what it was.
  [[nodiscard]] bool intact();
  void mark();

 private:
  sloop::Dram dram_{5 * kPiece};
  sloop::SegmentSpace space_;
  std::vector<std::byte> before_;
};

/// Runs a stream of one binding, segment 1, to its end. The fault, or one of no cause.
Fault run_stream(SegmentMemory& memory, std::span<const drm_halyard_sloop_task> tasks);

}  // namespace halyard::emu::test
