// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Matrix products of operands of any type and layout, in blocks: what matmul and conv2d have in
/// common. A block's operands are handed to the library where they lie, if they lie in a way that
/// it knows, else from packed copies; its sums go straight into the output if that can hold them,
/// else through a block of sums. All scratch is bounded, whatever the shapes.
///
/// T is float (sums are float) or int8_t (sums are int32_t).

#include <cstdint>
#include <type_traits>

#include "../engine.hpp"
#include "finish.hpp"
#include "function_ref.hpp"
#include "gemm.hpp"
#include "rows.hpp"
#include "scratch.hpp"

namespace halyard::engine {

template <typename T>
using SumOf = std::conditional_t<std::is_same_v<T, float>, float, std::int32_t>;

/// An operand: a matrix, whole or as it is put together block by block.
template <typename T>
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// True if panel() copies.
  [[nodiscard]] virtual bool packs() const = 0;

  /// A part of the matrix; a copy lies in the scratch of the use given.
  [[nodiscard]] virtual Panel<T> panel(std::int64_t row, std::int64_t rows, std::int64_t column,
                                       std::int64_t columns, ScratchUse use) const = 0;

  /// A row from `column` on where it lies; without data if it does not lie anywhere.
  [[nodiscard]] virtual Row row(std::int64_t /*row*/, std::int64_t /*column*/) const { return {}; }

  /// How many rows of the left operand, at most, it pays to multiply one by one.
  [[nodiscard]] virtual std::int64_t few_rows() const { return 0; }
  /// sums[j] (+)= sum of x[k] * the element at row + k, column + j, over k < depth, for j <
  /// columns. Only for a product of few_rows().
  virtual void multiply_row(const float* /*x*/, std::int64_t /*row*/, std::int64_t /*depth*/,
                            std::int64_t /*column*/, std::int64_t /*columns*/, float* /*sums*/,
                            bool /*accumulate*/) const {}
};

/// A matrix in memory, with any type and strides (in elements).
template <typename T>
class MatrixSource final : public Source<T> {
 public:
  MatrixSource(std::byte* data, DType type, std::int64_t rows, std::int64_t columns,
               std::int64_t row_stride, std::int64_t column_stride);

  [[nodiscard]] bool packs() const override { return plain_.data == nullptr; }
  [[nodiscard]] Panel<T> panel(std::int64_t row, std::int64_t rows, std::int64_t column,
                               std::int64_t columns, ScratchUse use) const override;
  [[nodiscard]] Row row(std::int64_t row, std::int64_t column) const override {
    return {at(row, column), type_, column_stride_};
  }
  [[nodiscard]] std::int64_t few_rows() const override;
  void multiply_row(const float* x, std::int64_t row, std::int64_t depth, std::int64_t column,
                    std::int64_t columns, float* sums, bool accumulate) const override;

 private:
  [[nodiscard]] std::byte* at(std::int64_t row, std::int64_t column) const {
    return data_ + (row * row_stride_ + column * column_stride_) *
                       static_cast<std::int64_t>(size_of(type_));
  }

  std::byte* data_;
  DType type_;
  std::int64_t row_stride_;
  std::int64_t column_stride_;
  Panel<T> plain_{};  ///< the whole where the library can take it, else without data
};

/// Where results go and what happens to them on the way. The columns of the product are spread over
/// three nested axes of the output; a plain matrix has one, `width`.
struct Target {
  std::byte* data;
  DType type;
  std::int64_t row_stride;
  std::int64_t width;  ///< columns along the innermost axis
  std::int64_t column_stride;
  std::int64_t height = 1;  ///< times `width`: columns of one image
  std::int64_t line_stride = 0;
  std::int64_t image_stride = 0;
  const Epilogue* epilogue;
  bool channels_are_rows;          ///< else they are the columns
  std::int64_t first_channel = 0;  ///< of row 0, if they are the rows
};

/// One product, of which any part can be computed by itself.
template <typename T>
class Product {
 public:
  using Sum = SumOf<T>;

  Product(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Source<T>& a,
          const Source<T>& b, const Target& target);

  /// Computes part `index` of `parts` equal ones.
  void run(std::size_t index, std::size_t parts) const;

 private:
  struct Block {
    std::int64_t begin;
    std::int64_t size;
  };

  [[nodiscard]] bool is_direct() const;
  [[nodiscard]] bool is_few_rows() const;
  [[nodiscard]] Sum* sums_of(Block rows, Block columns) const;
  [[nodiscard]] std::int64_t stride_of_sums(Block columns) const;
  /// For float alone.
  void run_few_rows(Block rows, Block columns) const;
  void run_range(Block rows, Block columns) const;
  void run_columns(Block rows, Block columns, std::int64_t height_limit) const;
  void finish(Block rows, Block columns, Sum* sums, std::int64_t stride) const;
  void finish_row(const Finisher& finisher, std::int64_t row, Block columns, Sum* sums) const;
  /// Calls store(offset in the block, output row, count) for the pieces of a row in the output.
  template <typename Store>
  void for_each_piece(std::int64_t row, Block columns, const Store& store) const;

  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t depth_;
  const Source<T>& a_;
  const Source<T>& b_;
  Target target_;
};

/// Multiply-accumulates (of float32; int8 counts a quarter) from which on it pays to wake a helper
/// thread.
inline constexpr std::int64_t kWorkPerTask = 1 << 21;

/// So few rows, and a matrix is read where it lies, in its own type, if its rows or its columns lie
/// element by element: one token's product with weights. Memory is what limits it, and the helpers
/// are awake from the product before: a multiply-accumulate counts as so many.
inline constexpr std::int64_t kFewRows = 4;
inline constexpr std::int64_t kFewRowsCost = 128;

/// Runs task(item, part, parts) for all `items` products of `work` multiply-accumulates each,
/// divided among threads where that pays: large products into parts, small ones into groups.
void run_divided(std::size_t items, std::int64_t work,
                 FunctionRef<void(std::size_t, std::size_t, std::size_t)> task);

extern template class MatrixSource<float>;
extern template class MatrixSource<std::int8_t>;
extern template class Product<float>;
extern template class Product<std::int8_t>;

}  // namespace halyard::engine
