// SPDX-License-Identifier: MIT
#include "conv2d.hpp"

#include "../scalar.hpp"
#include "fast.hpp"

namespace halyard::engine {
namespace {

/// Output channels per group below which rows are added one by one. By measurement.
constexpr std::int64_t kFewChannels = 4;

ConvShape shape_of(const Tensor& in, const Tensor& weight, const Tensor& out,
                   const Conv2dParams& params) {
  return {.images = in.dims[0],
          .groups = params.groups,
          .in_channels = weight.dims[1],
          .out_channels = weight.dims[0] / params.groups,
          .y = {in.dims[2], out.dims[2], weight.dims[2], params.stride_h, params.dilation_h,
                params.pad_top, params.pad_bottom, stride_of(in, 2)},
          .x = {in.dims[3], out.dims[3], weight.dims[3], params.stride_w, params.dilation_w,
                params.pad_left, params.pad_right, stride_of(in, 3)},
          .image_stride = stride_of(in, 0),
          .channel_stride = stride_of(in, 1)};
}

template <typename T>
void convolve(const ConvShape& shape, const Tensor& in, const Tensor& weight, const Tensor& out,
              const Epilogue& epilogue) {
  const bool rows = shape.out_channels < kFewChannels &&
                    std::max({shape.x.in, shape.x.out, shape.x.taps}) <= kLongestConvRow;
  if (!convolve_by_library(shape, in, weight, out, epilogue)) {
    (rows ? convolve_by_rows<T> : convolve_by_product<T>)(shape, in, weight, out, epilogue);
  }
}

}  // namespace

void Fast::conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                  const Conv2dParams& params, const Epilogue& epilogue) {
  const ConvShape shape = shape_of(in, weight, out, params);
  if (is_float(in.type)) {
    convolve<float>(shape, in, weight, out, epilogue);
  } else {
    convolve<std::int8_t>(shape, in, weight, out, epilogue);
  }
}

}  // namespace halyard::engine
