// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Shapes and strides of operands.

#include <cstdint>
#include <span>

#include "lowering/command.hpp"

namespace halyard::hal::lowering {

/// Gives `operand` the type, shape and strides of a tensor without gaps.
void set_shape(Operand& operand, const halyard_tensor_desc& desc);

/// Its elements are neighbours in memory, in order.
bool contiguous(const Operand& operand);

/// `in` with the rank of `whole`, stride 0 along what is repeated.
Operand broadcast(const Operand& in, const Operand& whole);

/// The same elements as a vector; `operand` is contiguous.
Operand as_vector(const Operand& operand);

/// A 64-bit cell for a timestamp.
Operand cell(std::uint32_t binding, std::uint64_t offset);

/// Merges neighbouring dimensions that all `operands` walk as one, until there are at most
/// `max_rank` or nothing can be merged. They have the rank and, where they are not repeated, the
/// dims of the last. The last `keep` dimensions stay.
void merge_dimensions(std::span<Operand* const> operands, std::uint32_t max_rank,
                      std::uint32_t keep);

}  // namespace halyard::hal::lowering
