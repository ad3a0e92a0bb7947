// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What follows a product and can be done in the same command.

#include <optional>
#include <span>
#include <vector>

#include "graph.hpp"
#include "lowering/capabilities.hpp"
#include "lowering/command.hpp"
#include "lowering/uses.hpp"

namespace halyard::hal::lowering {

/// The activation that an operation is; nothing when it is none.
std::optional<Activation> activation_of(halyard_op op);

struct Fused {
  halyard_tensor product = 0;
  std::uint32_t channel_axis = 0;
  halyard_tensor result = 0;  ///< tensor that the command produces
  std::optional<halyard_tensor> bias, scale;
  Epilogue epilogue;
  std::vector<halyard_tensor> away;  ///< tensors that exist inside the command only
};

/// `placed` are the operands of all tensors; the rank is 0 for those that have no memory yet.
Fused fuse(const Graph& graph, const Uses& uses, const Capabilities& chip,
           std::span<const Operand> placed, halyard_tensor product);

}  // namespace halyard::hal::lowering
