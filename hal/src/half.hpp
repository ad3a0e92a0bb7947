// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// float16 and bfloat16 as 16 bits, rounded to nearest even.

#include <bit>
#include <cstdint>

namespace halyard::hal {

constexpr float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

constexpr std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

constexpr float from_f16(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU;
  const std::uint32_t fraction = bits & 0x3ffU;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;  // subnormal, exact
  return sign != 0 ? -magnitude : magnitude;
}

constexpr std::uint16_t to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);
  if (magnitude >= 0x477ff000U)
    return static_cast<std::uint16_t>(sign | 0x7c00U);  // rounds past 65504
  std::uint32_t rest = 0, kept = 0, half = 0;
  if (magnitude >= 0x38800000U) {  // normal
    kept = (magnitude - 0x38000000U) >> 13;
    rest = magnitude & 0x1fffU;
    half = 0x1000U;
  } else {
    const std::uint32_t shift = 126 - (magnitude >> 23);
    if (shift > 24) return sign;  // less than half of the smallest subnormal
    const std::uint32_t fraction = (magnitude & 0x7fffffU) | 0x800000U;
    kept = fraction >> shift;
    rest = fraction & ((1U << shift) - 1);
    half = 1U << (shift - 1);
  }
  if (rest > half || (rest == half && (kept & 1U) != 0)) ++kept;
  return static_cast<std::uint16_t>(sign | kept);
}

}  // namespace halyard::hal
