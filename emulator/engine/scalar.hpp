// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What one element is: loading, storing, rounding, saturating, activating. Both implementations
/// take their rules from here, so each rule stands once.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "engine.hpp"
#include "float16.hpp"

namespace halyard::engine {

constexpr bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

/// Smallest and largest value of an integer type.
struct IntRange {
  std::int32_t low;
  std::int32_t high;
};

constexpr IntRange range_of(DType type) {
  if (type == DType::kI8) {
    return {.low = -128, .high = 127};
  }
  if (type == DType::kU8) {
    return {.low = 0, .high = 255};
  }
  return {.low = std::numeric_limits<std::int32_t>::min(),
          .high = std::numeric_limits<std::int32_t>::max()};
}

/// Rounds half to even and saturates to the range; NaN gives 0 (which the range must contain).
inline std::int32_t round_saturate(float value, IntRange range) {
  if (std::isnan(value)) {
    return 0;
  }
  const float rounded = std::nearbyint(value);
  // float(2^31 - 1) is 2^31, so "at least" keeps the cast inside int32.
  if (rounded <= static_cast<float>(range.low)) {
    return range.low;
  }
  if (rounded >= static_cast<float>(range.high)) {
    return range.high;
  }
  return static_cast<std::int32_t>(rounded);
}

/// saturate(round_half_even(value) + zero_point) for a zero point inside an 8-bit type's range.
inline std::int32_t round_offset_saturate(float value, IntRange range, std::int32_t zero_point) {
  return round_saturate(value, {.low = range.low - zero_point, .high = range.high - zero_point}) +
         zero_point;
}

constexpr std::int32_t saturate(std::int64_t value, IntRange range) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, range.low, range.high));
}

/// sum / count, rounded half to even; count is positive.
constexpr std::int64_t divide_half_even(std::int64_t sum, std::int64_t count) {
  std::int64_t quotient = sum / count;
  std::int64_t rest = sum % count;
  if (rest < 0) {  // make it floor division
    rest += count;
    --quotient;
  }
  const bool up = rest > count - rest || (rest == count - rest && (quotient & 1) != 0);
  return quotient + (up ? 1 : 0);
}

/// Product and sum in int32, wrapping modulo 2^32.
constexpr std::int32_t multiply_add_wrapping(std::int32_t sum, std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) +
                                   static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b));
}

constexpr std::int32_t add_wrapping(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

/// NaN passes through every activation.
inline float activate_float(Activation activation, float x) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return x < 0.0F ? 0.0F : x;
    case Activation::kGelu:  // x times the normal distribution's cumulative function
      return 0.5F * x * std::erfc(-x * 0.70710678F);
    case Activation::kSilu:
      return x / (1.0F + std::exp(-x));
    case Activation::kSigmoid:
      return 1.0F / (1.0F + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
  }
  return x;
}

/// NaN passes through every function.
inline float function_float(Function function, float x) {
  switch (function) {
    case Function::kExp:
      return std::exp(x);
    case Function::kExpm1:
      return std::expm1(x);
    case Function::kLog:
      return std::log(x);
    case Function::kSqrt:
      return std::sqrt(x);
    case Function::kSin:
      return std::sin(x);
    case Function::kCos:
      return std::cos(x);
    case Function::kFloor:
      return std::floor(x);
    case Function::kCeil:
      return std::ceil(x);
    case Function::kRound:
      return std::round(x);
    case Function::kTrunc:
      return std::trunc(x);
    case Function::kSign:
      return x > 0.0F ? 1.0F : x < 0.0F ? -1.0F : x;
  }
  return x;
}

/// Integers know kNone and kRelu; the checks admit no other.
constexpr std::int32_t activate_int(Activation activation, std::int32_t x) {
  return activation == Activation::kRelu ? std::max(x, 0) : x;
}

/// The larger of two; NaN if either is.
inline float max_float(float a, float b) {
  return a > b || std::isnan(a) ? a : b;
}

/// The smaller of two; NaN if either is.
inline float min_float(float a, float b) {
  return a < b || std::isnan(a) ? a : b;
}

template <typename T>
T load_as(const std::byte* address) {
  T value;
  std::memcpy(&value, address, sizeof value);
  return value;
}

template <typename T>
void store_as(std::byte* address, T value) {
  std::memcpy(address, &value, sizeof value);
}

/// Address of the element `offset` elements away from the tensor's first.
inline std::byte* address_of(const Tensor& tensor, std::int64_t offset) {
  return tensor.data + offset * static_cast<std::int64_t>(size_of(tensor.type));
}

/// The element as float32; int32 rounds to nearest.
inline float load_float(const Tensor& tensor, std::int64_t offset) {
  const std::byte* address = address_of(tensor, offset);
  switch (tensor.type) {
    case DType::kF32:
      return load_as<float>(address);
    case DType::kF16:
      return f16_to_f32(load_as<std::uint16_t>(address));
    case DType::kBF16:
      return bf16_to_f32(load_as<std::uint16_t>(address));
    case DType::kI8:
      return load_as<std::int8_t>(address);
    case DType::kU8:
      return load_as<std::uint8_t>(address);
    case DType::kI32:
      return static_cast<float>(load_as<std::int32_t>(address));
  }
  return 0.0F;
}

/// The element of an integer tensor.
inline std::int32_t load_int(const Tensor& tensor, std::int64_t offset) {
  const std::byte* address = address_of(tensor, offset);
  switch (tensor.type) {
    case DType::kI8:
      return load_as<std::int8_t>(address);
    case DType::kU8:
      return load_as<std::uint8_t>(address);
    default:
      return load_as<std::int32_t>(address);
  }
}

/// Stores to an integer tensor, saturating.
inline void store_int(const Tensor& tensor, std::int64_t offset, std::int64_t value) {
  std::byte* address = address_of(tensor, offset);
  const std::int32_t fitted = saturate(value, range_of(tensor.type));
  switch (tensor.type) {
    case DType::kI8:
      store_as(address, static_cast<std::int8_t>(fitted));
      return;
    case DType::kU8:
      store_as(address, static_cast<std::uint8_t>(fitted));
      return;
    default:
      store_as(address, fitted);
      return;
  }
}

/// Stores to any tensor: rounds once, to nearest even; integers saturate.
inline void store_float(const Tensor& tensor, std::int64_t offset, float value) {
  std::byte* address = address_of(tensor, offset);
  switch (tensor.type) {
    case DType::kF32:
      store_as(address, value);
      return;
    case DType::kF16:
      store_as(address, f32_to_f16(value));
      return;
    case DType::kBF16:
      store_as(address, f32_to_bf16(value));
      return;
    default:
      store_int(tensor, offset, round_saturate(value, range_of(tensor.type)));
      return;
  }
}

}  // namespace halyard::engine
