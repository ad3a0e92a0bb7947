// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Elementary functions that vectorise: no branches, no tables, no calls. For kernels.cpp only,
/// whose instruction set they take on; hence the internal linkage. NaN gives NaN.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace halyard::engine {
namespace {

inline constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
inline constexpr float kLog2E = 1.44269504F;
inline constexpr float kLn2High =
    0.693145752F;  // few bits, so that a product with a small integer is exact
inline constexpr float kLn2Low = 1.42860677e-6F;

/// x = n ln 2 + r with |r| <= ln(2) / 2, and exp(r) - 1.
struct ExpParts {
  std::int32_t n;
  float expm1_r;
};

inline ExpParts split_exp(float x) {
  const float shifted = x * kLog2E + kRounder;
  const float n = shifted - kRounder;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  // The Taylor series: what is left out is below 1e-8 of exp(r).
  float tail = 1.0F / 5040.0F;
  tail = tail * r + 1.0F / 720.0F;
  tail = tail * r + 1.0F / 120.0F;
  tail = tail * r + 1.0F / 24.0F;
  tail = tail * r + 1.0F / 6.0F;
  tail = tail * r + 0.5F;
  const auto exponent = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) -
                                                  std::bit_cast<std::uint32_t>(kRounder));
  return {.n = exponent, .expm1_r = r + r * r * tail};
}

/// 2^n for -126 <= n <= 127; other n give some value.
inline float power_of_two(std::int32_t n) {
  return std::bit_cast<float>((static_cast<std::uint32_t>(n) + 127U) << 23U);
}

/// exp(x) to 2 units in the last place, with subnormal results.
inline float exp_approx(float x) {
  // Outside, the result is infinite or zero; inside, it takes two steps to reach 2^128 and 2^-150.
  x = x > 89.0F ? 89.0F : x;
  x = x < -104.0F ? -104.0F : x;
  const ExpParts parts = split_exp(x);
  const std::int32_t half = parts.n >> 1;
  return (parts.expm1_r + 1.0F) * power_of_two(half) * power_of_two(parts.n - half);
}

/// exp(x) - 1, with the relative accuracy of small x.
inline float expm1_approx(float x) {
  // Below, the result is -1; above, what is subtracted does not matter.
  constexpr float kLow = -18.0F;
  constexpr float kHigh = 30.0F;
  const float clamped = x < kLow ? kLow : x > kHigh ? kHigh : x;
  const ExpParts parts = split_exp(clamped);
  const float power = power_of_two(parts.n);
  const float middle = power * parts.expm1_r + (power - 1.0F);
  const float result = x > kHigh ? exp_approx(x) : middle;
  return x == x ? result : x;
}

/// The natural logarithm; NaN below zero.
inline float log_approx(float x) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kSmallestNormal = 1.17549435e-38F;
  constexpr std::uint32_t kRootHalf = 0x3f3504f3U;  // sqrt(1/2)
  const bool subnormal = x < kSmallestNormal;
  const float scaled = subnormal ? x * 8388608.0F : x;
  // x = 2^n m with m from sqrt(1/2) to sqrt(2)
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(scaled) - kRootHalf;
  const auto exponent = static_cast<std::int32_t>(bits) >> 23;
  const float m = std::bit_cast<float>((bits & 0x007fffffU) + kRootHalf);
  const float n = static_cast<float>(exponent) - (subnormal ? 23.0F : 0.0F);
  // log(m) = 2 atanh(s): the series; what is left out is below 1e-9.
  const float s = (m - 1.0F) / (m + 1.0F);
  const float square = s * s;
  float tail = 2.0F / 9.0F;
  tail = tail * square + 2.0F / 7.0F;
  tail = tail * square + 2.0F / 5.0F;
  tail = tail * square + 2.0F / 3.0F;
  const float log_m = 2.0F * s + s * square * tail;
  float result = n * kLn2High + (log_m + n * kLn2Low);
  result = x == 0.0F ? -kInfinity : result;
  result = x == kInfinity ? x : result;
  return x >= 0.0F ? result : std::numeric_limits<float>::quiet_NaN();
}

/// Angles up to here, beyond which few bits of the reduced one are right.
inline constexpr float kLargestAngle = 8192.0F;

/// sin(x + turns * pi / 2) for |x| <= kLargestAngle, to 2^-22.
inline float sine_approx(float x, std::int32_t turns) {
  // pi / 2 in three parts, of which the first two have few bits: their products with n are exact.
  constexpr float kHigh = 1.5703125F;
  constexpr float kMiddle = 4.83751297e-4F;
  constexpr float kLow = 7.54978942e-8F;
  const float shifted = x * 0.636619772F + kRounder;
  const float n = shifted - kRounder;
  const float r = ((x - n * kHigh) - n * kMiddle) - n * kLow;
  const auto quadrant = std::bit_cast<std::uint32_t>(shifted) + static_cast<std::uint32_t>(turns);
  // Taylor's series: what is left out is below 2e-9.
  const float square = r * r;
  float sine = 1.0F / 362880.0F;
  sine = sine * square - 1.0F / 5040.0F;
  sine = sine * square + 1.0F / 120.0F;
  sine = sine * square - 1.0F / 6.0F;
  sine = r + r * square * sine;
  float cosine = -1.0F / 3628800.0F;
  cosine = cosine * square + 1.0F / 40320.0F;
  cosine = cosine * square - 1.0F / 720.0F;
  cosine = cosine * square + 1.0F / 24.0F;
  cosine = 1.0F - 0.5F * square + square * square * cosine;
  const float result = (quadrant & 1U) != 0 ? cosine : sine;
  return (quadrant & 2U) != 0 ? -result : result;
}

/// Half away from zero.
inline float round_away(float x) {
  const float whole = std::trunc(x);
  return std::fabs(x - whole) >= 0.5F ? whole + std::copysign(1.0F, x) : whole;
}

/// NaN, -1, 0 or 1.
inline float sign_of(float x) {
  const float sign = x > 0.0F ? 1.0F : x < 0.0F ? -1.0F : 0.0F;
  return x == x ? sign : x;
}

/// From expm1, so that small x keep their relative accuracy.
inline float tanh_approx(float x) {
  float doubled = 2.0F * std::fabs(x);
  doubled = doubled > 20.0F ? 20.0F : doubled;
  const ExpParts parts = split_exp(doubled);
  const float power = power_of_two(parts.n);
  const float expm1 = power * parts.expm1_r + (power - 1.0F);
  return std::copysign(expm1 / (expm1 + 2.0F), x);
}

inline float sigmoid_approx(float x) {
  return 1.0F / (1.0F + exp_approx(-x));
}

inline float silu_approx(float x) {
  return x / (1.0F + exp_approx(-x));
}

/// exp(z^2) erfc(z) for 0 <= z <= 10.2, where float32's erfc ends; beyond, a value that does no
/// harm. A polynomial in 1 / (1 + 0.4 z), fitted by iterated weighted least squares to a relative
/// error of 6.4e-8.
inline float erfcx_approx(float z) {
  const float t = 1.0F / (1.0F + 0.4F * z);
  float p = 0.0416145511F;
  p = p * t - 0.142089725F;
  p = p * t + 0.0876732841F;
  p = p * t + 0.0837149173F;
  p = p * t + 0.0827152357F;
  p = p * t + 0.192122847F;
  p = p * t + 0.202215135F;
  p = p * t + 0.226396859F;
  p = p * t + 0.225636959F;
  return p * t;
}

inline float gelu_approx(float x) {
  // Squaring x and not x / sqrt(2) saves the exponential a rounding of what it magnifies.
  const float tail = 0.5F * erfcx_approx(std::fabs(x) * 0.70710678F) * exp_approx(-0.5F * x * x);
  // A NaN takes the second way.
  return x * (x > 0.0F ? 1.0F - tail : tail);
}

}  // namespace
}  // namespace halyard::engine
