// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Weights in blocks as the right operand of a product: they are unpacked into the cache, or for
/// one row into registers, and never to memory.

#include <cstddef>
#include <cstdint>

#include "../engine.hpp"
#include "kernels.hpp"
#include "product.hpp"

namespace halyard::engine {

/// Rows of blocks, `stride` bytes apart, each of which is a column of the matrix. The rows that
/// are asked for begin and end with blocks.
class BlockSource final : public Source<float> {
 public:
  BlockSource(Format format, const std::byte* data, std::int64_t stride);

  [[nodiscard]] bool packs() const override { return true; }
  [[nodiscard]] Panel<float> panel(std::int64_t row, std::int64_t rows, std::int64_t column,
                                   std::int64_t columns, ScratchUse use) const override;
  /// Each row would unpack them anew.
  [[nodiscard]] std::int64_t few_rows() const override { return 1; }
  void multiply_row(const float* x, std::int64_t row, std::int64_t depth, std::int64_t column,
                    std::int64_t columns, float* sums, bool accumulate) const override;

 private:
  /// Columns one behind the other, `rows` elements of each.
  void unpack(std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns,
              float* out) const;

  Kernels::UnpackBlocks unpack_;
  Kernels::DotBlocks dots_;
  BlockShape shape_;
  const std::byte* data_;
  std::int64_t stride_;
};

}  // namespace halyard::engine
