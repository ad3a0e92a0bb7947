// SPDX-License-Identifier: MIT
#include <type_traits>

#include "../scalar.hpp"
#include "block_source.hpp"
#include "fast.hpp"
#include "product.hpp"
#include "walk.hpp"
#include "workers.hpp"

namespace halyard::engine {
namespace {

/// The tensors as a stack of matrices: rows, columns and depth of one, and its strides.
struct Geometry {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  std::int64_t a_row, a_column;
  std::int64_t out_row, out_column;
};

std::int64_t stride_of(const Tensor& tensor, unsigned axis) {
  return tensor.dims.at(axis) > 1 ? tensor.strides.at(axis) : 0;
}

Geometry geometry_of(const Tensor& a, const Tensor& out) {
  const unsigned row = out.rank - 2;
  const unsigned column = out.rank - 1;
  return {.rows = out.dims.at(row),
          .columns = out.dims.at(column),
          .depth = a.dims.at(column),
          .a_row = stride_of(a, row),
          .a_column = stride_of(a, column),
          .out_row = stride_of(out, row),
          .out_column = stride_of(out, column)};
}

using Batches = Walk<3>;

/// A batch along which only `b` stays the same is more rows of one product, if the strides agree.
/// Returns how many of the axes are part of the geometry now.
unsigned merge_batch(const Batches& batches, Geometry& geometry) {
  const auto& axis = batches.inner();
  const bool mergeable =
      axis.size > 1 && axis.strides[2] == 0 &&
      (geometry.rows == 1 || (axis.strides[0] == geometry.rows * geometry.out_row &&
                              axis.strides[1] == geometry.rows * geometry.a_row));
  if (!mergeable) {
    return 0;
  }
  if (geometry.rows == 1) {
    geometry.out_row = axis.strides[0];
    geometry.a_row = axis.strides[1];
  }
  geometry.rows *= static_cast<std::int64_t>(axis.size);
  return 1;
}

/// `right_of(geometry, data)` is the Source<T> of a matrix of b that begins at `data`.
template <typename T, typename RightOf>
void multiply_matrices(const Tensor& a, const Tensor& b, const Tensor& out,
                       const Epilogue& epilogue, const RightOf& right_of) {
  const Batches batches({&out, &a, &b}, out.rank - 2);
  Geometry geometry = geometry_of(a, out);
  const unsigned merged = merge_batch(batches, geometry);
  const auto [rows, columns, depth, a_row, a_column, out_row, out_column] = geometry;
  const std::int64_t products = rows * columns * depth;
  const std::int64_t floats = products * (rows <= kFewRows ? kFewRowsCost : 1);
  const std::int64_t work = std::is_same_v<T, float> ? floats : products / 4;
  const auto multiply = [&, rows = rows, columns = columns, depth = depth, a_row = a_row,
                         a_column = a_column, out_row = out_row, out_column = out_column](
                            std::size_t item, std::size_t part, std::size_t parts) {
    const Batches::Offsets offsets = batches.begin_of_run(item, merged);
    const MatrixSource<T> left(address_of(a, offsets[1]), a.type, rows, depth, a_row, a_column);
    const auto right = right_of(geometry, address_of(b, offsets[2]));
    const Target target{.data = address_of(out, offsets[0]),
                        .type = out.type,
                        .row_stride = out_row,
                        .width = columns,
                        .column_stride = out_column,
                        .epilogue = &epilogue,
                        .channels_are_rows = false};
    Product<T>(rows, columns, depth, left, right, target).run(part, parts);
  };
  run_divided(batches.runs(merged), work, multiply);
}

template <typename T>
void multiply_elements(const Tensor& a, const Tensor& b, const Tensor& out,
                       const Epilogue& epilogue) {
  multiply_matrices<T>(a, b, out, epilogue, [&](const Geometry& geometry, std::byte* data) {
    return MatrixSource<T>(data, b.type, geometry.depth, geometry.columns,
                           stride_of(b, out.rank - 2), stride_of(b, out.rank - 1));
  });
}

}  // namespace

void Fast::matmul(const Tensor& a, const Tensor& b, const Tensor& out, const Epilogue& epilogue) {
  if (is_float(a.type)) {
    multiply_elements<float>(a, b, out, epilogue);
  } else {
    multiply_elements<std::int8_t>(a, b, out, epilogue);
  }
}

void Fast::linear(Format format, const Tensor& a, const Tensor& b, const Tensor& out) {
  multiply_matrices<float>(a, b, out, {}, [&](const Geometry& /*geometry*/, std::byte* data) {
    return BlockSource(format, data, stride_of(b, out.rank - 2));
  });
}

}  // namespace halyard::engine
