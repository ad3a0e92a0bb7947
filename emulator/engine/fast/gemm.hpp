// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Matrix products of plain operands by the library, on the calling thread alone.

#include <cstdint>

namespace halyard::engine {

/// A matrix with one stride of 1: row-major with rows `stride` elements apart, or, transposed,
/// column-major with columns `stride` elements apart.
template <typename T>
struct Panel {
  const T* data;
  std::int64_t stride;
  bool transposed;

  /// The part that begins at (row, column).
  [[nodiscard]] Panel at(std::int64_t row, std::int64_t column) const {
    return {data + (transposed ? column * stride + row : row * stride + column), stride,
            transposed};
  }
};

/// sums[i, j] (+)= a[i, k] * b[k, j]; rows of `sums` are `stride` elements apart. Adds to what is
/// there if `accumulate`.
void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Panel<float>& a,
              const Panel<float>& b, float* sums, std::int64_t stride, bool accumulate);

/// The same in int32, modulo 2^32.
void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth,
              const Panel<std::int8_t>& a, const Panel<std::int8_t>& b, std::int32_t* sums,
              std::int64_t stride, bool accumulate);

}  // namespace halyard::engine
