// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// From operations to the commands that do them.

#include <span>

#include "graph.hpp"
#include "lowering/command.hpp"

namespace halyard::hal::lowering {

/// The one command that does an operation on operands that fit it; not a transpose or a reshape,
/// which have none. Products come without bias, scale and activation.
Command translate(halyard_op op, const OpParams& params, std::span<const Operand> inputs,
                  const Operand& out);

}  // namespace halyard::hal::lowering
