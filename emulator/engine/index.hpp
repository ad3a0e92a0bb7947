// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Walking over the elements of strided tensors.

#include <array>
#include <cstdint>

#include "engine.hpp"

namespace halyard::engine {

using Index = std::array<std::uint32_t, kMaxRank>;

/// Elements between the tensor's first element and that at `index`. A dimension of one element is
/// broadcast: its index does not matter.
inline std::int64_t offset_of(const Tensor& tensor, const Index& index) {
  std::int64_t offset = 0;
  for (unsigned i = 0; i < tensor.rank; ++i) {
    if (tensor.dims[i] > 1) {
      offset += std::int64_t{index[i]} * tensor.strides[i];
    }
  }
  return offset;
}

/// Calls `visit(index)` for every index into the first `rank` of `dims`, the last running fastest.
/// Rank 0 has one index. No dimension may be zero.
template <typename Visit>
void for_each_index(const std::array<std::uint32_t, kMaxRank>& dims, unsigned rank,
                    const Visit& visit) {
  Index index{};
  while (true) {
    visit(static_cast<const Index&>(index));
    unsigned axis = rank;
    while (axis > 0 && index[axis - 1] + 1 == dims[axis - 1]) {
      index[--axis] = 0;
    }
    if (axis == 0) {
      return;
    }
    ++index[axis - 1];
  }
}

}  // namespace halyard::engine
