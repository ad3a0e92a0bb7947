// SPDX-License-Identifier: MIT
// Conversions of 16-bit floats: every value back and forth, and every tie.

#include "half.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace halyard::hal {
namespace {

TEST(Half, EveryValueSurvives) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (std::isnan(from_f16(half))) {
      EXPECT_TRUE(std::isnan(from_f16(to_f16(from_f16(half))))) << bits;
    } else {
      EXPECT_EQ(to_f16(from_f16(half)), half);
    }
    if (!std::isnan(from_bf16(half))) {
      EXPECT_EQ(to_bf16(from_bf16(half)), half);
    }
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(to_f16(1.0F), 0x3c00);
  EXPECT_EQ(to_f16(-2.0F), 0xc000);
  EXPECT_EQ(to_f16(65504.0F), 0x7bff);
  EXPECT_EQ(to_f16(0x1p-24F), 0x0001);
  EXPECT_EQ(to_f16(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(to_bf16(1.0F), 0x3f80);
  EXPECT_TRUE(std::isnan(from_f16(to_f16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Half, TiesGoToEven) {
  // Halfway between neighbours, exactly representable in float32.
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const auto lower = static_cast<std::uint16_t>(bits),
               upper = static_cast<std::uint16_t>(bits + 1);
    const float tie = (from_f16(lower) + from_f16(upper)) / 2;
    EXPECT_EQ(to_f16(tie), bits % 2 == 0 ? lower : upper) << bits;
    EXPECT_EQ(to_f16(std::nextafter(tie, 0.0F)), lower) << bits;
    EXPECT_EQ(to_f16(std::nextafter(tie, 1e6F)), upper) << bits;
  }
  EXPECT_EQ(to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(to_f16(std::nextafter(65520.0F, 0.0F)), 0x7bff);
}

}  // namespace
}  // namespace halyard::hal
