// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The part of a chip's compiler that is the same for all: a graph, or a client's own list, becomes
/// commands on strided operands. A plug-in links this, says what its chip can do, and encodes the
/// list.

#include <span>
#include <string>
#include <vector>

#include "command_list.hpp"
#include "graph.hpp"
#include "lowering/capabilities.hpp"
#include "lowering/command.hpp"

namespace halyard::hal::lowering {

/// Transposes and reshapes become strides where they can; a bias, a scale and an activation after a
/// product become its epilogue; intermediate tensors share scratch memory. The last command writes
/// the status cell; with `profile` timestamps stand before the first command and after each. Throws
/// Error(HALYARD_UNSUPPORTED) that names the node and the reason.
Lowered lower(const Graph& graph, const Capabilities& chip, bool profile);

/// One command for each of the list's, on the memory that it says. Otherwise as above; errors name
/// the list's command.
Lowered lower(const CommandList& list, const Capabilities& chip, bool profile);

/// Why the chip cannot do one command of a list, whose bindings do not count; empty when it can.
std::string why_not(const Capabilities& chip, const ListCommand& command);

/// The commands' times from the cells that a profiled program wrote.
std::vector<ProfileSample> read_timestamps(const ProgramImage& image,
                                           std::span<const std::byte> profile);

}  // namespace halyard::hal::lowering
