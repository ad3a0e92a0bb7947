// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "graph.hpp"

namespace halyard::hal {

/// A tensor's bytes stay far below what 64-bit arithmetic and a device's address space hold.
inline constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1} << 40;

/// Throws Error(HALYARD_INVALID_ARGUMENT) unless a name has 1 to 63 bytes.
void check_name(std::string_view name);

/// Throws Error(HALYARD_INVALID_ARGUMENT) when a description is not one of a tensor: unknown type,
/// rank, zero or too large dims.
void check_desc(const halyard_tensor_desc& desc);

/// Shape and type of an operation's result. Throws Error(HALYARD_INVALID_ARGUMENT) with what does
/// not fit.
halyard_tensor_desc infer(halyard_op op, std::span<const halyard_tensor_desc> inputs,
                          const OpParams& params);

/// Throws Error(HALYARD_INVALID_ARGUMENT) unless rows of `in` by `index` fit into `out`.
void check_scatter(const halyard_tensor_desc& in, const halyard_tensor_desc& index,
                   const halyard_tensor_desc& out);

/// Inputs that the operation takes; throws for an unknown operation.
std::size_t arity(halyard_op op);

}  // namespace halyard::hal
