// SPDX-License-Identifier: MIT
#include <optional>
#include <type_traits>

#include "../scalar.hpp"
#include "conv2d.hpp"
#include "conv2d_pixels.hpp"
#include "product.hpp"
#include "rows.hpp"
#include "scratch.hpp"

namespace halyard::engine {
namespace {

/// Output pixels per image below which several images make one product. By measurement.
constexpr std::int64_t kFewPixels = 256;

/// The matrix of one group's weights, a row for each output channel and a column for each tap,
/// where the taps lie at no regular distance.
template <typename T>
class WeightSource final : public Source<T> {
 public:
  WeightSource(const ConvShape& shape, const Tensor& weight, std::byte* data)
      : shape_(shape), weight_(weight), data_(data) {}

  [[nodiscard]] bool packs() const override { return true; }

  [[nodiscard]] Panel<T> panel(std::int64_t row, std::int64_t rows, std::int64_t column,
                               std::int64_t columns, ScratchUse use) const override {
    auto* packed = scratch<T>(use, static_cast<std::size_t>(rows * columns));
    for (std::int64_t i = 0; i < rows; ++i) {
      pack(row + i, column, columns, packed + i * columns);
    }
    return {packed, columns, false};
  }

 private:
  void pack(std::int64_t row, std::int64_t column, std::int64_t columns, T* out) const {
    const auto element = static_cast<std::int64_t>(size_of(weight_.type));
    while (columns > 0) {
      const std::int64_t x = column % shape_.x.taps;
      const std::int64_t y = column / shape_.x.taps % shape_.y.taps;
      const std::int64_t channel = column / shape_.x.taps / shape_.y.taps;
      const std::int64_t count = std::min(shape_.x.taps - x, columns);
      const std::int64_t offset = row * stride_of(weight_, 0) + channel * stride_of(weight_, 1) +
                                  y * stride_of(weight_, 2) + x * stride_of(weight_, 3);
      load_row({data_ + offset * element, weight_.type, stride_of(weight_, 3)}, out,
               static_cast<std::size_t>(count));
      out += count;
      column += count;
      columns -= count;
    }
  }

  const ConvShape& shape_;
  const Tensor& weight_;
  std::byte* data_;
};

/// Distance between neighbouring taps, if it is the same for all: if the three inner axes of the
/// weights nest without gaps.
std::optional<std::int64_t> tap_stride(const Tensor& weight) {
  std::optional<std::int64_t> stride;
  std::int64_t extent = 0;
  for (const unsigned axis : {3U, 2U, 1U}) {
    if (weight.dims.at(axis) == 1) {
      continue;
    }
    if (stride && weight.strides.at(axis) != extent) {
      return std::nullopt;
    }
    stride = stride.value_or(weight.strides.at(axis));
    extent = std::int64_t{weight.strides.at(axis)} * weight.dims.at(axis);
  }
  return stride.value_or(1);
}

/// Is the input itself the matrix of pixels?
bool is_pointwise(const ConvShape& shape) {
  const auto whole = [](const ConvAxis& axis) {
    return axis.taps == 1 && axis.step == 1 && axis.in == axis.out;
  };
  return whole(shape.y) && whole(shape.x) &&
         (shape.y.in == 1 || shape.x.in == 1 ||
          shape.y.in_stride == shape.x.in * shape.x.in_stride);
}

/// Where the images from `image` on go, for one group.
Target target_of(const ConvShape& shape, const Tensor& out, const Epilogue& epilogue,
                 std::int64_t image, std::int64_t group) {
  const std::int64_t channel = group * shape.out_channels;
  Target target{.data = address_of(out, image * stride_of(out, 0) + channel * stride_of(out, 1)),
                .type = out.type,
                .row_stride = stride_of(out, 1),
                .width = shape.x.out,
                .column_stride = stride_of(out, 3),
                .height = shape.y.out,
                .line_stride = stride_of(out, 2),
                .image_stride = stride_of(out, 0),
                .epilogue = &epilogue,
                .channels_are_rows = true,
                .first_channel = channel};
  if (shape.x.out == 1) {
    target.column_stride = target.line_stride;
  }
  if (shape.x.out == 1 || target.line_stride == shape.x.out * target.column_stride) {
    target.width = shape.pixels();
    target.height = 1;
  }
  return target;
}

/// A part of a convolution: one group of `images` images from `image` on.
struct Group {
  std::int64_t image;
  std::int64_t images;
  std::int64_t group;
};

/// Calls run(source) with the matrix of the group's weights.
template <typename T, typename Run>
void with_weights(const ConvShape& shape, const Tensor& weight, const Group& part, const Run& run) {
  std::byte* data = address_of(weight, part.group * shape.out_channels * stride_of(weight, 0));
  if (const auto stride = tap_stride(weight)) {
    run(MatrixSource<T>(data, weight.type, shape.out_channels, shape.taps(), stride_of(weight, 0),
                        *stride));
  } else {
    run(WeightSource<T>(shape, weight, data));
  }
}

/// Calls run(source) with the matrix of the group's pixels.
template <typename T, typename Run>
void with_pixels(const ConvShape& shape, const Tensor& in, const Group& part, const Run& run) {
  std::byte* data = address_of(
      in, part.image * shape.image_stride + part.group * shape.in_channels * shape.channel_stride);
  if (part.images == 1 && is_pointwise(shape)) {
    const std::int64_t stride = shape.x.in > 1 ? shape.x.in_stride : shape.y.in_stride;
    run(MatrixSource<T>(data, in.type, shape.in_channels, shape.pixels(), shape.channel_stride,
                        stride));
  } else {
    run(PixelSource<T>(shape, data, in.type, part.images));
  }
}

}  // namespace

template <typename T>
void convolve_by_product(const ConvShape& shape, const Tensor& in, const Tensor& weight,
                         const Tensor& out, const Epilogue& epilogue) {
  const std::int64_t together =
      shape.pixels() < kFewPixels ? std::max(SpreadInput<T>::fitting_images(shape), std::int64_t{1})
                                  : 1;
  const std::int64_t work = together * shape.pixels() * shape.out_channels * shape.taps() /
                            (std::is_same_v<T, float> ? 1 : 4);
  const std::int64_t rounds = (shape.images + together - 1) / together;
  run_divided(static_cast<std::size_t>(rounds * shape.groups), work,
              [&](std::size_t item, std::size_t part, std::size_t parts) {
                const auto i = static_cast<std::int64_t>(item);
                const std::int64_t image = i / shape.groups * together;
                const std::int64_t images = std::min(together, shape.images - image);
                const std::int64_t group = i % shape.groups;
                const Target target = target_of(shape, out, epilogue, image, group);
                const Group piece{.image = image, .images = images, .group = group};
                with_weights<T>(shape, weight, piece, [&](const Source<T>& weights) {
                  with_pixels<T>(shape, in, piece, [&](const Source<T>& pixels) {
                    Product<T>(shape.out_channels, images * shape.pixels(), shape.taps(), weights,
                               pixels, target)
                        .run(part, parts);
                  });
                });
              });
}

template void convolve_by_product<float>(const ConvShape&, const Tensor&, const Tensor&,
                                         const Tensor&, const Epilogue&);
template void convolve_by_product<std::int8_t>(const ConvShape&, const Tensor&, const Tensor&,
                                               const Tensor&, const Epilogue&);

}  // namespace halyard::engine
