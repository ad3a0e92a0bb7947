// SPDX-License-Identifier: MIT
#include "block_source.hpp"

namespace halyard::engine {

BlockSource::BlockSource(Format format, const std::byte* data, std::int64_t stride)
    : unpack_(kernels().unpack.at(static_cast<std::size_t>(format))),
      dots_(kernels().dot_blocks.at(static_cast<std::size_t>(format))),
      shape_(shape_of(format)),
      data_(data),
      stride_(stride) {}

void BlockSource::unpack(std::int64_t row, std::int64_t rows, std::int64_t column,
                         std::int64_t columns, float* out) const {
  const std::byte* first = data_ + row / shape_.elements * shape_.bytes;
  const auto blocks = static_cast<std::size_t>(rows / shape_.elements);
  for (std::int64_t i = 0; i < columns; ++i) {
    unpack_(first + (column + i) * stride_, out + i * rows, blocks);
  }
}

Panel<float> BlockSource::panel(std::int64_t row, std::int64_t rows, std::int64_t column,
                                std::int64_t columns, ScratchUse use) const {
  auto* packed = scratch<float>(use, static_cast<std::size_t>(rows * columns));
  unpack(row, rows, column, columns, packed);
  return {packed, rows, true};
}

void BlockSource::multiply_row(const float* x, std::int64_t row, std::int64_t depth,
                               std::int64_t column, std::int64_t columns, float* sums,
                               bool accumulate) const {
  const auto n = static_cast<std::size_t>(columns);
  auto* part = accumulate ? scratch<float>(ScratchUse::kPartialSums, n) : sums;
  const std::byte* first = data_ + column * stride_ + row / shape_.elements * shape_.bytes;
  dots_(x, first, stride_, part, n, static_cast<std::size_t>(depth / shape_.elements));
  if (accumulate) {
    kernels().binary_f32[static_cast<std::size_t>(Binary::kAdd)](sums, part, sums, n);
  }
}

}  // namespace halyard::engine
