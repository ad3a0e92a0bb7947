// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Conversions between float32 and the two 16-bit formats, rounding to nearest even. They handle
/// subnormals, infinities and NaN (the sign and the upper payload bits stay, the result is quiet).
/// Written with selects instead of branches, so that compilers vectorise loops over them.

#include <bit>
#include <cstdint>

namespace halyard::engine {

/// IEEE 754 binary16 to float32, exact.
constexpr float f16_to_f32(std::uint16_t half) {
  constexpr std::uint32_t kRebias = (127U - 15U) << 23U;
  constexpr std::uint32_t kSmallest = 113U << 23U;  // 2^-14, the smallest normal binary16
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16U;
  const std::uint32_t wide = magnitude << 13U;
  const std::uint32_t normal = wide + kRebias;
  const std::uint32_t quiet = magnitude > 0x7c00U ? 0x400000U : 0U;
  const std::uint32_t special = (wide + 2 * kRebias) | quiet;
  const float subnormal = std::bit_cast<float>(wide + kSmallest) - std::bit_cast<float>(kSmallest);
  const std::uint32_t finite =
      magnitude < 0x400U ? std::bit_cast<std::uint32_t>(subnormal) : normal;
  return std::bit_cast<float>((magnitude >= 0x7c00U ? special : finite) | sign);
}

/// float32 to IEEE 754 binary16; magnitudes of 65520 and more become infinite.
constexpr std::uint16_t f32_to_f16(float value) {
  constexpr std::uint32_t kRebias = (127U - 15U) << 10U;
  constexpr float kHalf = 0.5F;  // its last place is 2^-24, as a subnormal binary16's is
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  const std::uint32_t rounded = ((magnitude + 0xfffU + ((magnitude >> 13U) & 1U)) >> 13U) - kRebias;
  const std::uint32_t normal = rounded > 0x7c00U ? 0x7c00U : rounded;
  // Only used below 2^-14; the other values pass through without harm.
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + kHalf) -
      std::bit_cast<std::uint32_t>(kHalf);
  const std::uint32_t nan = 0x7e00U | ((magnitude >> 13U) & 0x3ffU);
  const std::uint32_t finite = magnitude < 0x38800000U ? subnormal : normal;
  const std::uint32_t result = magnitude > 0x7f800000U ? nan : finite;
  return static_cast<std::uint16_t>(result | ((bits >> 16U) & 0x8000U));
}

/// bfloat16 to float32, exact but that a signalling NaN becomes quiet.
constexpr float bf16_to_f32(std::uint16_t brain) {
  const std::uint32_t bits = static_cast<std::uint32_t>(brain) << 16U;
  const std::uint32_t quiet = (bits & 0x7fffffffU) > 0x7f800000U ? 0x400000U : 0U;
  return std::bit_cast<float>(bits | quiet);
}

/// float32 to bfloat16.
constexpr std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
  const std::uint32_t nan = (bits >> 16U) | 0x40U;
  return static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? nan : rounded);
}

}  // namespace halyard::engine
