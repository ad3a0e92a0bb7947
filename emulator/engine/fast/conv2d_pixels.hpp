// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The input of a convolution as a matrix: a row for each tap, a column for each output pixel.

#include <cstring>
#include <optional>
#include <type_traits>

#include "conv2d.hpp"
#include "product.hpp"
#include "rows.hpp"
#include "scratch.hpp"

namespace halyard::engine {

/// Elements of input that are copied to be nearer at hand; with more the input stays where it is.
inline constexpr std::int64_t kMaxSpread = 1 << 22;

/// A copy of a group's input in which each row of the matrix of pixels is made of whole pieces:
/// with the padding, as T, and with the rows and columns that a step of the convolution skips
/// sorted apart (a plane for each remainder of y and x modulo the step).
template <typename T>
class SpreadInput {
 public:
  SpreadInput(const ConvShape& shape, std::byte* data, DType type, std::int64_t images)
      : shape_(shape),
        pitch_(length(shape.x)),
        plane_(pitch_ * length(shape.y)),
        planes_(shape.y.step * shape.x.step),
        elements_(scratch<T>(ScratchUse::kSpread, static_cast<std::size_t>(images * size(shape)))) {
    const auto element = static_cast<std::int64_t>(size_of(type));
    for (std::int64_t image = 0; image < images; ++image) {
      for (std::int64_t channel = 0; channel < shape.in_channels; ++channel) {
        const std::int64_t offset = image * shape.image_stride + channel * shape.channel_stride;
        fill({data + offset * element, type, shape.x.in_stride},
             elements_ + (image * shape.in_channels + channel) * planes_ * plane_);
      }
    }
  }

  /// How many images a copy may hold; 0 if already one is too much.
  static std::int64_t fitting_images(const ConvShape& shape) {
    std::int64_t room = kMaxSpread;  // divided step by step: the product may not fit in 64 bits
    for (const std::int64_t factor :
         {shape.in_channels, shape.y.step, shape.x.step, length(shape.y), length(shape.x)}) {
      room /= factor;
    }
    return std::min(room, shape.images);
  }

  /// What a tap makes of the first output row of the first image. The following rows lie pitch()
  /// elements apart, the images image_size().
  [[nodiscard]] const T* rows(std::int64_t channel, std::int64_t tap_y, std::int64_t tap_x) const {
    const std::int64_t from_y = tap_y * shape_.y.dilation;
    const std::int64_t from_x = tap_x * shape_.x.dilation;
    const std::int64_t plane = from_y % shape_.y.step * shape_.x.step + from_x % shape_.x.step;
    return elements_ + (channel * planes_ + plane) * plane_ + from_y / shape_.y.step * pitch_ +
           from_x / shape_.x.step;
  }
  [[nodiscard]] std::int64_t pitch() const { return pitch_; }
  [[nodiscard]] std::int64_t image_size() const { return shape_.in_channels * planes_ * plane_; }

 private:
  static std::int64_t length(const ConvAxis& axis) {
    return axis.out + (axis.taps - 1) * axis.dilation / axis.step;
  }
  /// Elements of one image.
  static std::int64_t size(const ConvShape& shape) {
    return shape.in_channels * shape.y.step * shape.x.step * length(shape.y) * length(shape.x);
  }
  /// Does any tap have this remainder?
  static bool is_used(const ConvAxis& axis, std::int64_t remainder) {
    for (std::int64_t tap = 0; tap < std::min(axis.taps, axis.step); ++tap) {
      if (tap * axis.dilation % axis.step == remainder) {
        return true;
      }
    }
    return false;
  }

  /// All planes of one channel, whose first line is given.
  void fill(const Row& first_line, T* out) const {
    const std::int64_t line_bytes =
        shape_.y.in_stride * static_cast<std::int64_t>(size_of(first_line.type));
    for (std::int64_t i = 0; i < planes_; ++i) {
      const std::int64_t from_y = i / shape_.x.step;
      const std::int64_t from_x = i % shape_.x.step;
      if (!is_used(shape_.y, from_y) || !is_used(shape_.x, from_x)) {
        continue;
      }
      for (std::int64_t line = 0; line < length(shape_.y); ++line) {
        const std::int64_t y = line * shape_.y.step + from_y - shape_.y.pad;
        T* target = out + i * plane_ + line * pitch_;
        if (y < 0 || y >= shape_.y.in) {
          std::fill_n(target, pitch_, T{0});
        } else {
          fill_line({first_line.data + y * line_bytes, first_line.type, first_line.stride},
                    from_x - shape_.x.pad, target);
        }
      }
    }
  }

  /// Every step-th element from `x` on, which may lie in the padding.
  void fill_line(const Row& line, std::int64_t x, T* out) const {
    const std::int64_t step = shape_.x.step;
    const std::int64_t room = shape_.x.in - 1 - x;
    const std::int64_t end = room < 0 ? 0 : std::min(room / step + 1, pitch_);
    const std::int64_t begin = x >= 0 ? 0 : std::min((step - 1 - x) / step, end);
    std::fill_n(out, begin, T{0});
    if (begin < end) {
      const std::int64_t bytes = line.stride * static_cast<std::int64_t>(size_of(line.type));
      const Row source{line.data + (x + begin * step) * bytes, line.type, line.stride * step};
      load_row(source, out + begin, static_cast<std::size_t>(end - begin));
    }
    std::fill_n(out + end, pitch_ - end, T{0});
  }

  const ConvShape& shape_;
  std::int64_t pitch_;
  std::int64_t plane_;   ///< elements of a plane
  std::int64_t planes_;  ///< per channel
  T* elements_;
};

/// The matrix of input pixels: a row for each tap (input channel, y, x), a column for each output
/// pixel (image, y, x).
template <typename T>
class PixelSource final : public Source<T> {
 public:
  PixelSource(const ConvShape& shape, std::byte* data, DType type, std::int64_t images)
      : shape_(shape),
        data_(data),
        type_(type),
        rows_are_shifted_(shape.x.step == 1 && shape.y.step == 1 && shape.x.in == shape.x.out &&
                          (shape.x.in_stride == 1 || shape.x.in == 1) &&
                          (shape.y.in_stride == shape.x.in || shape.y.in == 1) &&
                          type == (std::is_same_v<T, float> ? DType::kF32 : DType::kI8)) {
    if (!rows_are_shifted_ && images <= SpreadInput<T>::fitting_images(shape)) {
      spread_.emplace(shape, data, type, images);
    }
  }

  [[nodiscard]] bool packs() const override { return true; }

  [[nodiscard]] Panel<T> panel(std::int64_t row, std::int64_t rows, std::int64_t column,
                               std::int64_t columns, ScratchUse use) const override {
    auto* packed = scratch<T>(use, static_cast<std::size_t>(rows * columns));
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t tap = row + i;
      pack({.channel = tap / shape_.x.taps / shape_.y.taps,
            .y = tap / shape_.x.taps % shape_.y.taps,
            .x = tap % shape_.x.taps},
           column, columns, packed + i * columns);
    }
    return {packed, columns, false};
  }

 private:
  struct Tap {
    std::int64_t channel;
    std::int64_t y;
    std::int64_t x;
  };

  [[nodiscard]] std::byte* address(std::int64_t offset) const {
    return data_ + offset * static_cast<std::int64_t>(size_of(type_));
  }

  void pack(const Tap& tap, std::int64_t column, std::int64_t columns, T* out) const {
    if (spread_) {
      pack_spread(tap, column, columns, out);
      return;
    }
    const std::int64_t unit = rows_are_shifted_ ? shape_.pixels() : shape_.x.out;
    while (columns > 0) {
      const std::int64_t image = column / shape_.pixels();
      const std::int64_t pixel = column % shape_.pixels();
      const std::int64_t count = std::min(unit - pixel % unit, columns);
      const std::int64_t plane = image * shape_.image_stride + tap.channel * shape_.channel_stride;
      if (rows_are_shifted_) {
        pack_shifted(tap, plane, pixel, count, out);
      } else {
        pack_row(tap, plane, pixel, count, out);
      }
      out += count;
      column += count;
      columns -= count;
    }
  }

  /// From the copy, where each output row is one piece. The pieces are many and short: no divisions
  /// and no calls for each.
  void pack_spread(const Tap& tap, std::int64_t column, std::int64_t columns, T* out) const {
    const std::int64_t width = shape_.x.out;
    const T* image =
        spread_->rows(tap.channel, tap.y, tap.x) + column / shape_.pixels() * spread_->image_size();
    std::int64_t y = column % shape_.pixels() / width;
    std::int64_t x = column % width;
    while (columns > 0) {
      const std::int64_t count = std::min(width - x, columns);
      copy_short(image + y * spread_->pitch() + x, out, static_cast<std::size_t>(count));
      out += count;
      columns -= count;
      x = 0;
      if (++y == shape_.y.out) {
        y = 0;
        image += spread_->image_size();
      }
    }
  }

  static void copy_short(const T* in, T* out, std::size_t count) {
    constexpr std::size_t kPiece = 16 / sizeof(T);
    if (count < kPiece) {
      for (std::size_t i = 0; i < count; ++i) {
        out[i] = in[i];
      }
      return;
    }
    for (std::size_t i = 0; i + kPiece < count; i += kPiece) {
      std::memcpy(out + i, in + i, kPiece * sizeof(T));
    }
    std::memcpy(out + count - kPiece, in + count - kPiece, kPiece * sizeof(T));
  }

  /// Pixels of one output row.
  void pack_row(const Tap& tap, std::int64_t plane, std::int64_t pixel, std::int64_t count,
                T* out) const {
    const std::int64_t y = shape_.y.source(pixel / shape_.x.out, tap.y);
    const std::int64_t x = pixel % shape_.x.out;
    if (y < 0 || y >= shape_.y.in) {
      std::fill_n(out, count, T{0});
      return;
    }
    const std::int64_t begin = std::clamp(shape_.x.first_inside(tap.x) - x, std::int64_t{0}, count);
    const std::int64_t end = std::clamp(shape_.x.end_inside(tap.x) - x, begin, count);
    std::fill_n(out, begin, T{0});
    if (begin < end) {
      const std::int64_t offset =
          plane + y * shape_.y.in_stride + shape_.x.source(x + begin, tap.x) * shape_.x.in_stride;
      load_row({address(offset), type_, shape_.x.step * shape_.x.in_stride}, out + begin,
               static_cast<std::size_t>(end - begin));
    }
    std::fill_n(out + end, count - end, T{0});
  }

  /// Pixels of several output rows of a convolution that keeps the rows' length: for one tap they
  /// lie in the input as in the output, a constant distance apart, but for the columns of padding.
  void pack_shifted(const Tap& tap, std::int64_t plane, std::int64_t pixel, std::int64_t count,
                    T* out) const {
    const std::int64_t width = shape_.x.out;
    const std::int64_t shift = shape_.y.source(0, tap.y) * width + shape_.x.source(0, tap.x);
    const std::int64_t size = shape_.y.in * width;
    const std::int64_t begin = std::clamp(-shift - pixel, std::int64_t{0}, count);
    const std::int64_t end = std::clamp(size - shift - pixel, begin, count);
    std::fill_n(out, begin, T{0});
    if (begin < end) {
      std::memcpy(out + begin, address(plane + pixel + begin + shift),
                  static_cast<std::size_t>(end - begin) * sizeof(T));
    }
    std::fill_n(out + end, count - end, T{0});
    const std::int64_t left = shape_.x.first_inside(tap.x);
    const std::int64_t right = shape_.x.end_inside(tap.x);
    if (left == 0 && right == width) {
      return;
    }
    for (std::int64_t row = -(pixel % width); row < count; row += width) {
      const auto clear = [&](std::int64_t from, std::int64_t to) {
        from = std::clamp(row + from, std::int64_t{0}, count);
        to = std::clamp(row + to, from, count);
        std::fill(out + from, out + to, T{0});
      };
      clear(0, left);
      clear(right, width);
    }
  }

  const ConvShape& shape_;
  std::byte* data_;
  DType type_;
  bool rows_are_shifted_;
  std::optional<SpreadInput<T>> spread_;
};

}  // namespace halyard::engine
