// SPDX-License-Identifier: MIT
#include "engine/float16.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace halyard::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// They must be usable at compile time.
static_assert(f16_to_f32(0x3c00) == 1.0F);
static_assert(f32_to_f16(1.0F) == 0x3c00);
static_assert(bf16_to_f32(0x3f80) == 1.0F);
static_assert(f32_to_bf16(1.0F) == 0x3f80);

/// The value of a binary16 by its definition.
double f16_value(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 0x3ff;
  const double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
  return sign *
         (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

bool is_finite_f16(std::uint16_t half) {
  return (half & 0x7c00) != 0x7c00;
}

TEST(Float16, EveryF16WidensToItsValue) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    const auto half = static_cast<std::uint16_t>(i);
    if (is_finite_f16(half)) {
      ASSERT_EQ(f16_to_f32(half), f16_value(half)) << i;
      ASSERT_EQ(std::signbit(f16_to_f32(half)), (half & 0x8000) != 0) << i;
    }
  }
}

TEST(Float16, EveryF16SurvivesTheRoundTrip) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    const auto half = static_cast<std::uint16_t>(i);
    const bool nan = (half & 0x7fff) > 0x7c00;
    ASSERT_EQ(f32_to_f16(f16_to_f32(half)), nan ? half | 0x200 : half) << i;
  }
}

TEST(Float16, EveryBF16SurvivesTheRoundTrip) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    const auto brain = static_cast<std::uint16_t>(i);
    const bool nan = (brain & 0x7fff) > 0x7f80;
    ASSERT_EQ(f32_to_bf16(bf16_to_f32(brain)), nan ? brain | 0x40 : brain) << i;
  }
}

TEST(Float16, F16RoundsToNearestEvenBetweenAnyTwoNeighbours) {
  for (std::uint16_t half = 0; half < 0x7bff; ++half) {
    const auto next = static_cast<std::uint16_t>(half + 1);
    const float middle = (f16_to_f32(half) + f16_to_f32(next)) / 2;
    const std::uint16_t even = (half & 1) == 0 ? half : next;
    ASSERT_EQ(f32_to_f16(middle), even) << half;
    ASSERT_EQ(f32_to_f16(-middle), even | 0x8000) << half;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0F)), half) << half;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, kInfinity)), next) << half;
  }
}

TEST(Float16, BF16RoundsToNearestEvenBetweenAnyTwoNeighbours) {
  for (std::uint16_t brain = 0; brain < 0x7f7f; ++brain) {
    const auto next = static_cast<std::uint16_t>(brain + 1);
    const auto middle =
        static_cast<float>((double{bf16_to_f32(brain)} + double{bf16_to_f32(next)}) / 2);
    const std::uint16_t even = (brain & 1) == 0 ? brain : next;
    ASSERT_EQ(f32_to_bf16(middle), even) << brain;
    ASSERT_EQ(f32_to_bf16(-middle), even | 0x8000) << brain;
    ASSERT_EQ(f32_to_bf16(std::nextafter(middle, 0.0F)), brain) << brain;
    ASSERT_EQ(f32_to_bf16(std::nextafter(middle, kInfinity)), next) << brain;
  }
}

TEST(Float16, LargeValuesBecomeInfinite) {
  EXPECT_EQ(f32_to_f16(65504.0F), 0x7bff);
  EXPECT_EQ(f32_to_f16(std::nextafter(65520.0F, 0.0F)), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(f32_to_f16(-kInfinity), 0xfc00);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(f32_to_bf16(-kInfinity), 0xff80);
}

TEST(Float16, SmallValuesBecomeZeroOfTheirSign) {
  EXPECT_EQ(f32_to_f16(-1e-30F), 0x8000);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(f32_to_f16(-0.0F), 0x8000);
  EXPECT_EQ(f32_to_bf16(-0.0F), 0x8000);
}

TEST(Float16, SignallingNanBecomesQuietAndKeepsSignAndPayload) {
  const auto signalling = std::bit_cast<float>(0xff812000U);
  EXPECT_EQ(f32_to_f16(signalling), 0xfe09);
  EXPECT_EQ(f32_to_bf16(signalling), 0xffc1);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(f16_to_f32(0xfc01)), 0xffc02000U);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(bf16_to_f32(0xff81)), 0xffc10000U);
}

}  // namespace
}  // namespace halyard::engine
