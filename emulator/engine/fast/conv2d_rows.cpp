// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <type_traits>

#include "../scalar.hpp"
#include "conv2d.hpp"
#include "finish.hpp"
#include "kernels.hpp"
#include "product.hpp"
#include "rows.hpp"
#include "scratch.hpp"

namespace halyard::engine {
namespace {

/// Input and weights as float, or as int8 with int32 sums.
template <typename T>
struct Number;

template <>
struct Number<float> {
  using Sum = float;
  static constexpr DType kType = DType::kF32;
  static float add(float sum, float x, float weight) { return sum + x * weight; }
  static constexpr auto kAddTaps = &Kernels::add_taps_f32;
};

template <>
struct Number<std::int8_t> {
  using Sum = std::int32_t;
  static constexpr DType kType = DType::kI8;
  static std::int32_t add(std::int32_t sum, std::int8_t x, std::int8_t weight) {
    return multiply_add_wrapping(sum, x, weight);
  }
  static constexpr auto kAddTaps = &Kernels::add_taps_i8;
};

/// One output channel of one image.
template <typename T>
class Plane {
 public:
  using Sum = typename Number<T>::Sum;

  Plane(const ConvShape& shape, const Tensor& in, const Tensor& weight, const Tensor& out,
        std::int64_t image, std::int64_t channel)
      : shape_(shape),
        in_(in),
        weight_(weight),
        out_(out),
        first_in_(image * shape.image_stride +
                  channel / shape.out_channels * shape.in_channels * shape.channel_stride),
        first_weight_(channel * stride_of(weight, 0)),
        first_out_(image * stride_of(out, 0) + channel * stride_of(out, 1)) {}

  void run(const Finisher& finisher) const {
    const auto width = static_cast<std::size_t>(shape_.x.out);
    auto* sums = scratch<Sum>(ScratchUse::kSums, width);
    const T* weights = load_weights();
    for (std::int64_t y = 0; y < shape_.y.out; ++y) {
      std::fill_n(sums, width, Sum{0});
      for (std::int64_t channel = 0; channel < shape_.in_channels; ++channel) {
        add_rows(y, channel, weights + channel * shape_.y.taps * shape_.x.taps, sums);
      }
      finish_row(finisher, y, sums, width);
    }
  }

 private:
  /// Rows of the kernel that are added at once.
  static constexpr std::int64_t kRowsAtOnce = 8;

  /// Of all input channels, row by row.
  const T* load_weights() const {
    const auto count = static_cast<std::size_t>(shape_.x.taps);
    const auto rows = static_cast<std::size_t>(shape_.in_channels * shape_.y.taps);
    auto* weights = scratch<T>(ScratchUse::kLeft, rows * count);
    auto* row = weights;
    for (std::int64_t channel = 0; channel < shape_.in_channels; ++channel) {
      for (std::int64_t tap = 0; tap < shape_.y.taps; ++tap, row += count) {
        const std::int64_t offset =
            first_weight_ + channel * stride_of(weight_, 1) + tap * stride_of(weight_, 2);
        load_row({address_of(weight_, offset), weight_.type, stride_of(weight_, 3)}, row, count);
      }
    }
    return weights;
  }

  /// Adds what one channel makes of output row `y`: those rows of the kernel that meet the input.
  void add_rows(std::int64_t y, std::int64_t channel, const T* weights, Sum* sums) const {
    std::array<const T*, kRowsAtOnce> rows;
    std::int64_t count = 0;
    for (std::int64_t tap = 0; tap < shape_.y.taps; ++tap) {
      const std::int64_t source = shape_.y.source(y, tap);
      if (source < 0 || source >= shape_.y.in) {
        continue;
      }
      rows.at(static_cast<std::size_t>(count)) = input_row(channel, source, count);
      ++count;
      if (count == kRowsAtOnce) {
        add_taps(rows.data(), count, weights + (tap + 1 - count) * shape_.x.taps, sums);
        count = 0;
      } else if (tap + 1 == shape_.y.taps || shape_.y.source(y, tap + 1) >= shape_.y.in) {
        add_taps(rows.data(), count, weights + (tap + 1 - count) * shape_.x.taps, sums);
        return;
      }
    }
  }

  /// Where it is, or else a copy, of which there are kRowsAtOnce.
  const T* input_row(std::int64_t channel, std::int64_t source, std::int64_t copy) const {
    const Row row{
        address_of(in_, first_in_ + channel * shape_.channel_stride + source * shape_.y.in_stride),
        in_.type, shape_.x.in_stride};
    if (row.is_plain(Number<T>::kType)) {
      return reinterpret_cast<const T*>(row.data);
    }
    const auto width = static_cast<std::size_t>(shape_.x.in);
    auto* copied =
        scratch<T>(ScratchUse::kRow, kRowsAtOnce * width) + static_cast<std::size_t>(copy) * width;
    load_row(row, copied, width);
    return copied;
  }

  void add_taps(const T* const* rows, std::int64_t count, const T* weights, Sum* sums) const {
    const ConvAxis& x = shape_.x;
    // Where all taps meet the input, and the positions to the left and to the right of that.
    const std::int64_t end = x.end_inside(x.taps - 1);
    const std::int64_t begin = std::min(x.first_inside(0), end);
    add_edge(rows, count, weights, 0, begin, sums);
    if (begin < end) {
      std::array<const T*, kRowsAtOnce> inside;
      std::transform(rows, rows + count, inside.begin(),
                     [&](const T* row) { return row + x.source(begin, 0); });
      const Taps<T> taps{.weights = weights,
                         .rows = static_cast<std::size_t>(count),
                         .count = static_cast<std::size_t>(x.taps),
                         .step = static_cast<std::size_t>(x.step),
                         .dilation = static_cast<std::size_t>(x.dilation)};
      (kernels().*Number<T>::kAddTaps)(inside.data(), taps, sums + begin,
                                       static_cast<std::size_t>(end - begin));
    }
    add_edge(rows, count, weights, end, x.out, sums);
  }

  /// Positions of which some taps meet the padding.
  void add_edge(const T* const* rows, std::int64_t count, const T* weights, std::int64_t begin,
                std::int64_t end, Sum* sums) const {
    for (std::int64_t position = begin; position < end; ++position) {
      for (std::int64_t tap = 0; tap < shape_.x.taps; ++tap) {
        const std::int64_t source = shape_.x.source(position, tap);
        if (source < 0 || source >= shape_.x.in) {
          continue;
        }
        for (std::int64_t row = 0; row < count; ++row) {
          sums[position] =
              Number<T>::add(sums[position], rows[row][source], weights[row * shape_.x.taps + tap]);
        }
      }
    }
  }

  void finish_row(const Finisher& finisher, std::int64_t y, Sum* sums, std::size_t n) const {
    const Row row{address_of(out_, first_out_ + y * stride_of(out_, 2)), out_.type,
                  stride_of(out_, 3)};
    if constexpr (std::is_same_v<T, std::int8_t>) {
      if (finisher.rescales()) {
        auto* bytes = scratch<std::int8_t>(ScratchUse::kBytes, n);
        finisher.apply(sums, bytes, n);
        copy_row({reinterpret_cast<std::byte*>(bytes), DType::kI8, 1}, row, n);
        return;
      }
      finisher.apply(sums, n);
      store_row(sums, row, n);
    } else {
      finisher.apply(sums, n);
      store_row(sums, row, n);
    }
  }

  const ConvShape& shape_;
  const Tensor& in_;
  const Tensor& weight_;
  const Tensor& out_;
  std::int64_t first_in_;
  std::int64_t first_weight_;
  std::int64_t first_out_;
};

}  // namespace

template <typename T>
void convolve_by_rows(const ConvShape& shape, const Tensor& in, const Tensor& weight,
                      const Tensor& out, const Epilogue& epilogue) {
  const std::int64_t channels = shape.groups * shape.out_channels;
  const std::int64_t work = shape.pixels() * shape.taps();
  run_divided(static_cast<std::size_t>(shape.images * channels), work,
              [&](std::size_t item, std::size_t part, std::size_t /*parts*/) {
                if (part != 0) {
                  return;  // a plane is not divided
                }
                const std::int64_t channel = static_cast<std::int64_t>(item) % channels;
                Finisher finisher(epilogue);
                finisher.set_channel(channel, static_cast<std::size_t>(shape.x.out));
                Plane<T>(shape, in, weight, out, static_cast<std::int64_t>(item) / channels,
                         channel)
                    .run(finisher);
              });
}

template void convolve_by_rows<float>(const ConvShape&, const Tensor&, const Tensor&, const Tensor&,
                                      const Epilogue&);
template void convolve_by_rows<std::int8_t>(const ConvShape&, const Tensor&, const Tensor&,
                                            const Tensor&, const Epilogue&);

}  // namespace halyard::engine
