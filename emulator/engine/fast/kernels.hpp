// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Loops over contiguous rows, which the compiler vectorises. They are compiled once per
/// instruction set; kernels() is the best set that this processor runs. All sets give the same
/// integers; floats may differ by the order of sums.
///
/// An output may be one of the inputs, if they begin at the same element of the same size; else
/// they do not overlap. `n` is a number of elements and may be 0.

#include <array>
#include <cstddef>
#include <cstdint>

#include "../engine.hpp"

namespace halyard::engine {

/// How an int32 product, or any int32, becomes an 8-bit result; see Epilogue.
struct Rescale {
  const std::int32_t* bias;  ///< per element, or null
  const float* scale;        ///< per element
  bool relu;
  std::int32_t zero_point;
};

/// Neighbouring rows of a convolution's kernel.
template <typename T>
struct Taps {
  const T* weights;  ///< row by row
  std::size_t rows;
  std::size_t count;  ///< in a row
  std::size_t step;
  std::size_t dilation;
};

struct Kernels {
  template <typename From, typename To>
  using Convert = void (*)(const From* in, To* out, std::size_t n);
  template <typename T>
  using Combine = void (*)(const T* a, const T* b, T* out, std::size_t n);

  Convert<std::uint16_t, float> f16_to_f32;
  Convert<std::uint16_t, float> bf16_to_f32;
  Convert<std::int8_t, float> i8_to_f32;
  Convert<std::uint8_t, float> u8_to_f32;
  Convert<std::int32_t, float> i32_to_f32;
  Convert<float, std::uint16_t> f32_to_f16;
  Convert<float, std::uint16_t> f32_to_bf16;
  /// Rounding half to even, saturating, NaN to 0.
  Convert<float, std::int8_t> f32_to_i8;
  Convert<float, std::uint8_t> f32_to_u8;
  Convert<float, std::int32_t> f32_to_i32;
  Convert<std::int8_t, std::int32_t> i8_to_i32;
  Convert<std::uint8_t, std::int32_t> u8_to_i32;
  /// Saturating.
  Convert<std::int32_t, std::int8_t> i32_to_i8;
  Convert<std::int32_t, std::uint8_t> i32_to_u8;

  /// By Binary. The int32 ones saturate.
  std::array<Combine<float>, 6> binary_f32;
  std::array<Combine<std::int32_t>, 6> binary_i32;
  /// By Activation, in place.
  std::array<void (*)(float* x, std::size_t n), 6> activate_f32;
  /// By Function, in place.
  std::array<void (*)(float* x, std::size_t n), 11> function_f32;
  void (*relu_i32)(std::int32_t* x, std::size_t n);
  /// Turns the pairs (x, y) in place, of which neither overlaps the other nor the angles'.
  void (*rotate_f32)(float* x, float* y, const float* cosine, const float* sine, std::size_t n);

  /// x[i] = x[i] * factor + addend
  void (*affine_f32)(float* x, float factor, float addend, std::size_t n);
  /// x[i] += addend, wrapping.
  void (*add_i32)(std::int32_t* x, std::int32_t addend, std::size_t n);
  /// out[i] = a[i] + b[i], wrapping.
  Combine<std::int32_t> add_wrapping_i32;
  /// sums[i] += sum over r and t of x[r][i * step + t * dilation] * weights[r][t]; the integers
  /// wrap.
  void (*add_taps_f32)(const float* const* x, const Taps<float>& taps, float* sums, std::size_t n);
  void (*add_taps_i8)(const std::int8_t* const* x, const Taps<std::int8_t>& taps,
                      std::int32_t* sums, std::size_t n);
  /// out[i] = x[2 * i]
  Convert<std::uint8_t, std::uint8_t> every_second_u8;
  Convert<std::uint32_t, std::uint32_t> every_second_u32;

  /// -inf for n == 0; NaN if any element is.
  float (*max_f32)(const float* x, std::size_t n);
  float (*sum_f32)(const float* x, std::size_t n);
  float (*sum_squares_f32)(const float* x, std::size_t n);
  /// sums[j] = sum over i < n of x[i] * y[j * stride + i], for j < columns. Sums do not overlap the
  /// others.
  template <typename T>
  using Dots = void (*)(const float* x, const T* y, std::int64_t stride, float* sums,
                        std::size_t columns, std::size_t n);
  /// sums[i] += sum over j < rows of x[j] * y[j * stride + i], for i < n.
  template <typename T>
  using AddRows = void (*)(const float* x, const T* y, std::int64_t stride, float* sums,
                           std::size_t rows, std::size_t n);
  AddRows<float> add_rows_f32;
  AddRows<std::uint16_t> add_rows_f16;
  AddRows<std::uint16_t> add_rows_bf16;
  Dots<float> dots_f32;
  Dots<std::uint16_t> dots_f16;
  Dots<std::uint16_t> dots_bf16;
  /// out[i] = exp(x[i] - shift); returns the sum of them.
  float (*exp_sum_f32)(const float* x, float shift, float* out, std::size_t n);

  /// out = saturate(round_half_even(x / scale) + zero_point)
  void (*quantize_i8)(const float* x, const float* scale, std::int32_t zero_point, std::int8_t* out,
                      std::size_t n);
  void (*quantize_u8)(const float* x, const float* scale, std::int32_t zero_point,
                      std::uint8_t* out, std::size_t n);
  /// out = saturate(round_half_even(activation((x + bias) * scale)) + zero_point)
  void (*requantize)(const std::int32_t* x, const Rescale& rescale, std::int8_t* out,
                     std::size_t n);

  /// The elements of `count` neighbouring blocks.
  using UnpackBlocks = void (*)(const std::byte* in, float* out, std::size_t count);
  /// As Dots, of columns of blocks that begin `stride` bytes apart.
  using DotBlocks = Dots<std::byte>;
  /// By Format, of which 0 is none.
  std::array<UnpackBlocks, kNumFormats + 1> unpack;
  std::array<DotBlocks, kNumFormats + 1> dot_blocks;
};

/// The kernels for this processor.
const Kernels& kernels();

/// The compiled sets; the wider ones must not run on a processor without their instructions.
extern const Kernels kKernelsBase;
#ifdef __x86_64__
extern const Kernels kKernelsV3;  ///< x86-64-v3: AVX2, FMA, BMI, F16C
extern const Kernels kKernelsV4;  ///< x86-64-v4: AVX-512 F, BW, CD, DQ, VL
#endif

}  // namespace halyard::engine
