// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A program's stream names bindings, and offsets in them; a job's names regions, which are its
/// buffers.

#include <cstddef>
#include <cstdint>
#include <span>

#include "plugin.hpp"

namespace halyard::hal::dory {

/// Walks a program's stream word by word and checks it. Returns the number of operations but END.
/// Throws Error(HALYARD_MALFORMED) that says where.
std::size_t check_stream(std::span<const std::byte> stream, std::size_t bindings,
                         std::uint32_t opcodes);

/// Gives the words of `stream`, which check_stream() accepts, to memory of the same size, with the
/// operands where `bindings` are. Throws Error(HALYARD_UNSUPPORTED) when that is beyond the reach
/// of an offset.
void relocate(std::span<const std::byte> stream, std::span<const DeviceRange> bindings,
              std::span<std::byte> out);

}  // namespace halyard::hal::dory
