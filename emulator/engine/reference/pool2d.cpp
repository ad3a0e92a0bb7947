// SPDX-License-Identifier: MIT
#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {
namespace {

/// The part of one axis that a window covers, without the padding.
struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

Range clip(std::uint32_t position, std::uint32_t stride, std::uint32_t pad, std::uint32_t kernel,
           std::uint32_t size) {
  const std::int64_t begin = std::int64_t{position} * stride - pad;
  const std::int64_t end = begin + kernel;
  return {.begin = static_cast<std::uint32_t>(std::max<std::int64_t>(begin, 0)),
          .end = static_cast<std::uint32_t>(std::min<std::int64_t>(end, size))};
}

/// Calls `visit(offset)` for every element of the window. The checks made sure that there is one.
template <typename Visit>
void for_each_in_window(const Tensor& in, const Index& index, Range rows, Range columns,
                        const Visit& visit) {
  for (std::uint32_t y = rows.begin; y < rows.end; ++y) {
    for (std::uint32_t x = columns.begin; x < columns.end; ++x) {
      visit(offset_of(in, {index[0], index[1], y, x}));
    }
  }
}

}  // namespace

void Reference::pool2d(const Tensor& in, const Tensor& out, const PoolParams& params) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const Range rows = clip(index[2], params.stride_h, params.pad_top, params.kernel_h, in.dims[2]);
    const Range columns =
        clip(index[3], params.stride_w, params.pad_left, params.kernel_w, in.dims[3]);
    const std::int64_t covered =
        std::int64_t{rows.end - rows.begin} * (columns.end - columns.begin);
    const std::int64_t whole = std::int64_t{params.kernel_h} * params.kernel_w;
    const std::int64_t count = params.count_padding ? whole : covered;
    const std::int64_t offset = offset_of(out, index);
    if (params.kind == Pool::kMax) {
      float largest = -std::numeric_limits<float>::infinity();
      for_each_in_window(in, index, rows, columns, [&](std::int64_t source) {
        largest = max_float(largest, load_float(in, source));
      });
      store_float(out, offset, largest);
    } else if (is_float(in.type)) {
      float sum = 0.0F;
      for_each_in_window(in, index, rows, columns,
                         [&](std::int64_t source) { sum += load_float(in, source); });
      store_float(out, offset, sum / static_cast<float>(count));
    } else {
      std::int64_t sum = 0;
      for_each_in_window(in, index, rows, columns,
                         [&](std::int64_t source) { sum += load_int(in, source); });
      store_int(out, offset, divide_half_even(sum, count));
    }
  });
}

}  // namespace halyard::engine
