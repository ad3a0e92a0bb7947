// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "graph.hpp"

namespace halyard::hal {

/// Throws Error(HALYARD_INVALID_ARGUMENT) when a description is not one of a tensor: unknown type,
/// rank, zero or too large dims.
void check_desc(const halyard_tensor_desc& desc);

/// Shape and type of an operation's result. Throws Error(HALYARD_INVALID_ARGUMENT) with what does
/// not fit.
halyard_tensor_desc infer(halyard_op op, std::span<const halyard_tensor_desc> inputs,
                          const OpParams& params);

/// Inputs that the operation takes; throws for an unknown operation.
std::size_t arity(halyard_op op);

}  // namespace halyard::hal
