// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Indices of rows, which come from the client's memory: each is looked at when it is used.

#include <cstdint>
#include <string>

#include "check.hpp"
#include "index.hpp"
#include "scalar.hpp"

namespace halyard::engine {

/// Element `i` of the indices, which are numbers of 32 bits or pairs of words.
inline std::int64_t load_index(const Tensor& index, std::uint32_t i) {
  if (index.rank == 1) {
    return load_int(index, offset_of(index, {i}));
  }
  const auto low = static_cast<std::uint32_t>(load_int(index, offset_of(index, {i, 0})));
  const auto high = static_cast<std::uint32_t>(load_int(index, offset_of(index, {i, 1})));
  return static_cast<std::int64_t>(std::uint64_t{high} << 32U | low);
}

/// Calls visit(i, row) for each index in turn; a reason when one is outside of the rows, which ends
/// it. All are looked at before the first visit, so that nothing is written when one is wrong.
template <typename Visit>
std::string for_each_row(const Tensor& index, std::uint32_t rows, const Visit& visit) {
  const auto outside = [rows](std::int64_t row) { return row < 0 || row >= rows; };
  for (std::uint32_t i = 0; i < index.dims[0]; ++i) {
    if (const std::int64_t row = load_index(index, i); outside(row)) {
      return refuse_index(i, row, rows);
    }
  }
  for (std::uint32_t i = 0; i < index.dims[0]; ++i) {
    // The memory may have changed since.
    const std::int64_t row = load_index(index, i);
    if (outside(row)) {
      return refuse_index(i, row, rows);
    }
    visit(i, static_cast<std::uint32_t>(row));
  }
  return {};
}

/// The part of a tensor at `position` along its first axis, of which one element stays.
inline Tensor row_at(const Tensor& tensor, std::uint32_t position) {
  Tensor part = tensor;
  if (tensor.dims[0] > 1) {
    part.data = address_of(tensor, std::int64_t{position} * tensor.strides[0]);
  }
  part.dims[0] = 1;
  return part;
}

}  // namespace halyard::engine
