// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The part of a chip's compiler that is the same for all: a graph becomes a list of commands on
/// strided operands. A plug-in links this, says what its chip can do, and encodes the list.

#include <span>
#include <vector>

#include "graph.hpp"
#include "lowering/capabilities.hpp"
#include "lowering/command.hpp"

namespace halyard::hal::lowering {

/// Transposes and reshapes become strides where they can; a bias, a scale and an activation after a
/// product become its epilogue; intermediate tensors share scratch memory. The last command writes
/// the status cell; with `profile` timestamps stand before the first command and after each. Throws
/// Error(HALYARD_UNSUPPORTED) that names the node and the reason.
Lowered lower(const Graph& graph, const Capabilities& chip, bool profile);

/// The commands' times from the cells that a profiled program wrote.
std::vector<ProfileSample> read_timestamps(const ProgramImage& image,
                                           std::span<const std::byte> profile);

}  // namespace halyard::hal::lowering
