// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The shape of a convolution, and the two ways to compute one.

#include <algorithm>
#include <cstdint>

#include "../engine.hpp"

namespace halyard::engine {

/// One spatial axis: where a tap meets the input.
struct ConvAxis {
  std::int64_t in;
  std::int64_t out;
  std::int64_t taps;
  std::int64_t step;
  std::int64_t dilation;
  std::int64_t pad;      ///< before the input
  std::int64_t pad_end;  ///< after it
  std::int64_t in_stride;

  friend bool operator==(const ConvAxis&, const ConvAxis&) = default;

  /// Input position of tap `tap` for output position `position`; maybe in the padding.
  [[nodiscard]] std::int64_t source(std::int64_t position, std::int64_t tap) const {
    return position * step - pad + tap * dilation;
  }
  /// The output positions from `from` on for which the tap is left of the input, inside, beyond.
  [[nodiscard]] std::int64_t first_inside(std::int64_t tap) const {
    const std::int64_t lacking = pad - tap * dilation;
    return lacking <= 0 ? 0 : std::min(out, (lacking + step - 1) / step);
  }
  [[nodiscard]] std::int64_t end_inside(std::int64_t tap) const {
    const std::int64_t room = in - 1 + pad - tap * dilation;
    return room < 0 ? 0 : std::min(out, room / step + 1);
  }
};

/// What the two ways need to know of a convolution.
struct ConvShape {
  std::int64_t images;
  std::int64_t groups;
  std::int64_t in_channels;   ///< per group
  std::int64_t out_channels;  ///< per group
  ConvAxis y;
  ConvAxis x;
  std::int64_t image_stride;
  std::int64_t channel_stride;

  friend bool operator==(const ConvShape&, const ConvShape&) = default;

  [[nodiscard]] std::int64_t taps() const { return in_channels * y.taps * x.taps; }
  [[nodiscard]] std::int64_t pixels() const { return y.out * x.out; }
};

/// Stride of a tensor's axis; 0 for an axis of one element, whose stride means nothing.
inline std::int64_t stride_of(const Tensor& tensor, unsigned axis) {
  return tensor.dims.at(axis) > 1 ? tensor.strides.at(axis) : 0;
}

/// By oneDNN's own convolution. Returns false, having done nothing, where the library cannot do it,
/// would not be exact, or is not expected to be the fastest.
bool convolve_by_library(const ConvShape& shape, const Tensor& in, const Tensor& weight,
                         const Tensor& out, const Epilogue& epilogue);

/// As a product of the weights [output channel, tap] with a matrix of the input's pixels [tap,
/// output pixel], which is put together block by block as the product asks for it. T is float or
/// int8_t.
template <typename T>
void convolve_by_product(const ConvShape& shape, const Tensor& in, const Tensor& weight,
                         const Tensor& out, const Epilogue& epilogue);

/// By adding, for each tap, a scaled input row to an output row. Where a group has few output
/// channels (depthwise above all) the matrix of pixels would cost more than it is worth. Input rows
/// must not be longer than kLongestConvRow.
template <typename T>
void convolve_by_rows(const ConvShape& shape, const Tensor& in, const Tensor& weight,
                      const Tensor& out, const Epilogue& epilogue);

inline constexpr std::int64_t kLongestConvRow = 1 << 18;

}  // namespace halyard::engine
