// SPDX-License-Identifier: MIT
#include "epilogue.hpp"
#include "reference.hpp"

namespace halyard::engine {
namespace {

/// Calls `accumulate(input offset, weight offset)` for every weight that meets the input (and not
/// the padding) for the element of the output at `index`.
template <typename Accumulate>
void for_each_tap(const Tensor& in, const Tensor& weight, const Conv2dParams& params,
                  const Index& index, const Accumulate& accumulate) {
  const std::uint32_t channel = index[1];
  const std::uint32_t channels = weight.dims[1];
  const std::uint32_t first = channel / (weight.dims[0] / params.groups) * channels;
  const std::int64_t top = std::int64_t{index[2]} * params.stride_h - params.pad_top;
  const std::int64_t left = std::int64_t{index[3]} * params.stride_w - params.pad_left;
  const std::array<std::uint32_t, kMaxRank> taps = {channels, weight.dims[2], weight.dims[3]};
  for_each_index(taps, 3, [&](const Index& tap) {
    const std::int64_t row = top + std::int64_t{tap[1]} * params.dilation_h;
    const std::int64_t column = left + std::int64_t{tap[2]} * params.dilation_w;
    if (row < 0 || row >= in.dims[2] || column < 0 || column >= in.dims[3]) {
      return;
    }
    accumulate(offset_of(in, {index[0], first + tap[0], static_cast<std::uint32_t>(row),
                              static_cast<std::uint32_t>(column)}),
               offset_of(weight, {channel, tap[0], tap[1], tap[2]}));
  });
}

}  // namespace

void Reference::conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                       const Conv2dParams& params, const Epilogue& epilogue) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const std::int64_t offset = offset_of(out, index);
    if (is_float(in.type)) {
      float sum = 0.0F;
      for_each_tap(in, weight, params, index, [&](std::int64_t input, std::int64_t tap) {
        sum += load_float(in, input) * load_float(weight, tap);
      });
      finish(epilogue, index[1], sum, out, offset);
    } else {
      std::int32_t sum = 0;
      for_each_tap(in, weight, params, index, [&](std::int64_t input, std::int64_t tap) {
        sum = multiply_add_wrapping(sum, load_int(in, input), load_int(weight, tap));
      });
      finish(epilogue, index[1], sum, out, offset);
    }
  });
}

}  // namespace halyard::engine
