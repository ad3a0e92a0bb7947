// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "chips/chip.hpp"
#include "chips/trace.hpp"

namespace halyard::emu::vfio_user {

/// How a card answered a recorded machine a second time.
struct ReplayResult {
  struct Difference {
    std::size_t record;   ///< index in the trace
    std::uint64_t value;  ///< what the card answered this time
  };

  std::size_t replayed =
      0;  ///< records taken into account: from the first up to the card's first DMA
  std::size_t compared = 0;  ///< answers compared
  std::vector<Difference> differences;
};

/// Gives `chip`, freshly made, the recorded register accesses and resets, and compares what it
/// answers.
///
/// A replay is faster than the machine was. Several reads of one register in a row are a driver
/// that polls: they are compared as one, which may take up to a tenth of a second to answer as the
/// last of them did. The trace does not hold the contents of guest memory, so the replay ends where
/// the card first used it. Until then a difference is a change of the model, or a register that
/// tells the time. Throws std::invalid_argument when the chip has no such BAR as the trace names.
ReplayResult replay(std::span<const TraceRecord> records, Chip& chip);

}  // namespace halyard::emu::vfio_user
