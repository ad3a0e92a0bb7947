// SPDX-License-Identifier: MIT
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
  static void load(const Row& in, float* out, std::size_t n) { load_f32(in, out, n); }
  static float load(const Tensor& tensor, std::int64_t offset) {
    return load_float(tensor, offset);
  }
  static void multiply_add(const float* x, float weight, float* sums, std::size_t n) {
    kernels().multiply_add_f32(x, weight, sums, n);
  }
};

template <>
struct Number<std::int8_t> {
  using Sum = std::int32_t;
  static constexpr DType kType = DType::kI8;
  static void load(const Row& in, std::int8_t* out, std::size_t n) { load_i8(in, out, n); }
  static std::int8_t load(const Tensor& tensor, std::int64_t offset) {
    return load_as<std::int8_t>(address_of(tensor, offset));
  }
  static void multiply_add(const std::int8_t* x, std::int8_t weight, std::int32_t* sums,
                           std::size_t n) {
    kernels().multiply_add_i8(x, weight, sums, n);
  }
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
    for (std::int64_t y = 0; y < shape_.y.out; ++y) {
      std::fill_n(sums, width, Sum{0});
      for (std::int64_t channel = 0; channel < shape_.in_channels; ++channel) {
        for (std::int64_t tap = 0; tap < shape_.y.taps; ++tap) {
          const std::int64_t source = shape_.y.source(y, tap);
          if (source >= 0 && source < shape_.y.in) {
            add_row(channel, source, tap, sums);
          }
        }
      }
      store_row(finisher, y, sums, width);
    }
  }

 private:
  /// Adds what the taps of one kernel row make of one input row.
  void add_row(std::int64_t channel, std::int64_t source, std::int64_t tap_y, Sum* sums) const {
    const Row row{
        address_of(in_, first_in_ + channel * shape_.channel_stride + source * shape_.y.in_stride),
        in_.type, shape_.x.in_stride};
    const T* values = reinterpret_cast<const T*>(row.data);
    if (!row.is_plain(Number<T>::kType)) {
      const auto width = static_cast<std::size_t>(shape_.x.in);
      auto* copied = scratch<T>(ScratchUse::kRow, width);
      Number<T>::load(row, copied, width);
      values = copied;
    }
    const std::int64_t weights =
        first_weight_ + channel * stride_of(weight_, 1) + tap_y * stride_of(weight_, 2);
    for (std::int64_t tap = 0; tap < shape_.x.taps; ++tap) {
      const std::int64_t begin = shape_.x.first_inside(tap);
      const std::int64_t end = shape_.x.end_inside(tap);
      if (begin < end) {
        const auto n = static_cast<std::size_t>(end - begin);
        const T weight = Number<T>::load(weight_, weights + tap * stride_of(weight_, 3));
        Number<T>::multiply_add(spaced(values + shape_.x.source(begin, tap), n), weight,
                                sums + begin, n);
      }
    }
  }

  /// n values that lie a step of the convolution apart, side by side.
  const T* spaced(const T* values, std::size_t n) const {
    if (shape_.x.step == 1) {
      return values;
    }
    auto* gathered = scratch<T>(ScratchUse::kOtherRow, n);
    for (std::size_t i = 0; i < n; ++i) {
      gathered[i] = values[static_cast<std::int64_t>(i) * shape_.x.step];
    }
    return gathered;
  }

  void store_row(const Finisher& finisher, std::int64_t y, Sum* sums, std::size_t n) const {
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
      store_i32(sums, row, n);
    } else {
      finisher.apply(sums, n);
      store_f32(sums, row, n);
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
