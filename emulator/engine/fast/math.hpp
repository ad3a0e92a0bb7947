// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Elementary functions that vectorise: no branches, no tables, no calls. For kernels.cpp only,
/// whose instruction set they take on; hence the internal linkage. NaN gives NaN.

#include <bit>
#include <cmath>
#include <cstdint>

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
