// SPDX-License-Identifier: MIT
#include "block_source.hpp"

#include <algorithm>
#include <array>

#include "kernels.hpp"

namespace halyard::engine {
namespace {

/// Columns that are unpacked at a time for one row: with kRowChunk elements of each they stay in
/// the first-level cache.
constexpr std::int64_t kColumns = 4;

}  // namespace

BlockSource::BlockSource(Format format, const std::byte* data, std::int64_t stride)
    : unpack_(kernels().unpack.at(static_cast<std::size_t>(format))),
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
  constexpr auto kSpan = static_cast<std::int64_t>(kRowChunk);
  auto* unpacked = scratch<float>(ScratchUse::kRight, kColumns * kRowChunk);
  for (std::int64_t i = 0; i < columns; i += kColumns) {
    const std::int64_t count = std::min(kColumns, columns - i);
    for (std::int64_t k = 0; k < depth; k += kSpan) {
      const std::int64_t some = std::min(kSpan, depth - k);
      std::array<float, kColumns> part{};
      unpack(row + k, some, column + i, count, unpacked);
      kernels().dots_f32(x + k, unpacked, some, part.data(), static_cast<std::size_t>(count),
                         static_cast<std::size_t>(some));
      for (std::int64_t j = 0; j < count; ++j) {
        const float before = accumulate || k > 0 ? sums[i + j] : 0.0F;
        sums[i + j] = before + part.at(static_cast<std::size_t>(j));
      }
    }
  }
}

}  // namespace halyard::engine
