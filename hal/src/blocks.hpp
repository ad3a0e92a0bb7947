// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Formats of quantised blocks, and for the CPU reference what is in them.

#include <halyard/halyard.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace halyard::hal {

struct Blocks {
  std::uint32_t elements = 0, bytes = 0;  ///< of one; 0 for an unknown format
};

Blocks blocks_of(halyard_format format);

/// Element `i` of a block.
double block_element(halyard_format format, std::span<const std::byte> block, std::size_t i);

}  // namespace halyard::hal
