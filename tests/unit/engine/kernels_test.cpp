// SPDX-License-Identifier: MIT
//
// The vector loops of every instruction set that this processor has: elementary functions against
// the C library in double precision, integers of one set against those of another.
#include "engine/fast/kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "engine/scalar.hpp"

namespace halyard::engine {
namespace {

struct Set {
  std::string name;
  const Kernels* kernels;
};

std::vector<Set> sets() {
  std::vector<Set> sets = {{"Base", &kKernelsBase}};
#ifdef __x86_64__
  if (&kernels() != &kKernelsBase) {
    sets.push_back({"V3", &kKernelsV3});
  }
  if (&kernels() == &kKernelsV4) {
    sets.push_back({"V4", &kKernelsV4});
  }
#endif
  return sets;
}

class KernelsOf : public ::testing::TestWithParam<Set> {
 protected:
  [[nodiscard]] static const Kernels& kernels_under_test() { return *GetParam().kernels; }

  /// The activation of one value.
  [[nodiscard]] static float activate(Activation activation, float x) {
    kernels_under_test().activate_f32.at(static_cast<std::size_t>(activation))(&x, 1);
    return x;
  }
};

/// Floats of all sizes, both signs.
std::vector<float> many_floats() {
  std::vector<float> values;
  for (int exponent = -149; exponent < 128; ++exponent) {
    for (int i = 0; i < 16; ++i) {
      values.push_back(std::ldexp(1.0F + static_cast<float>(i) / 16.0F, exponent));
      values.push_back(-values.back());
    }
  }
  for (int i = -120000; i <= 120000; i += 7) {  // where the functions bend
    values.push_back(static_cast<float>(i) / 1000.0F);
  }
  return values;
}

/// Expects `actual` to be within `units` of 2^-24 of it, or of the smallest normal number.
void expect_close(float actual, double expected, double units, float x) {
  const double scale = std::max(std::fabs(expected), double{std::numeric_limits<float>::min()});
  ASSERT_NEAR(actual, expected, std::ldexp(units * scale, -24)) << "at " << x;
}

TEST_P(KernelsOf, TanhIsAccurate) {
  for (const float x : many_floats()) {
    expect_close(activate(Activation::kTanh, x), std::tanh(double{x}), 6, x);
  }
}

TEST_P(KernelsOf, SigmoidIsAccurate) {
  for (const float x : many_floats()) {
    if (x > -87.0F) {  // below, exp(-x) overflows in float32, here and in the reference
      expect_close(activate(Activation::kSigmoid, x), 1.0 / (1.0 + std::exp(-double{x})), 6, x);
    }
  }
}

TEST_P(KernelsOf, SiluIsAccurate) {
  for (const float x : many_floats()) {
    if (x > -87.0F) {
      expect_close(activate(Activation::kSilu, x), x / (1.0 + std::exp(-double{x})), 6, x);
    }
  }
}

TEST_P(KernelsOf, GeluIsAccurate) {
  for (const float x : many_floats()) {
    const double expected = 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    // exp(-x^2 / 2) magnifies the rounding of the square.
    const double units = 8.0 + (x < 0.0F ? 0.75 * x * x : 0.0);
    expect_close(activate(Activation::kGelu, x), expected, units, x);
  }
}

TEST_P(KernelsOf, ExpIsAccurate) {
  for (const float x : many_floats()) {
    float result = 0.0F;
    kernels_under_test().exp_sum_f32(&x, 0.0F, &result, 1);
    const double expected = std::exp(double{x});
    if (expected > double{std::numeric_limits<float>::max()}) {
      ASSERT_EQ(result, std::numeric_limits<float>::infinity()) << x;
    } else {
      expect_close(result, expected, 4, x);
    }
  }
}

TEST_P(KernelsOf, NanPassesThroughEveryActivation) {
  for (unsigned i = 0; i < 6; ++i) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(activate(static_cast<Activation>(i), nan))) << i;
  }
}

TEST_P(KernelsOf, ConversionsEqualTheScalarOnes) {
  std::vector<std::uint16_t> halves(65536);
  for (std::uint32_t i = 0; i < halves.size(); ++i) {
    halves[i] = static_cast<std::uint16_t>(i);
  }
  std::vector<float> wide(halves.size());
  std::vector<std::uint16_t> back(halves.size());
  kernels_under_test().f16_to_f32(halves.data(), wide.data(), halves.size());
  kernels_under_test().f32_to_f16(wide.data(), back.data(), halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(wide[i]),
              std::bit_cast<std::uint32_t>(f16_to_f32(halves[i])));
    ASSERT_EQ(back[i], f32_to_f16(wide[i]));
  }
  kernels_under_test().bf16_to_f32(halves.data(), wide.data(), halves.size());
  kernels_under_test().f32_to_bf16(wide.data(), back.data(), halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(wide[i]),
              std::bit_cast<std::uint32_t>(bf16_to_f32(halves[i])));
    ASSERT_EQ(back[i], f32_to_bf16(wide[i]));
  }
}

TEST_P(KernelsOf, RoundingToHalvesEqualsTheScalarOne) {
  std::vector<float> values = many_floats();
  for (const std::uint32_t nan : {0x7f800001U, 0xff912345U, 0x7fffffffU}) {
    values.push_back(std::bit_cast<float>(nan));
  }
  for (const std::size_t n : {values.size(), std::size_t{13}}) {
    std::vector<std::uint16_t> halves(n);
    const std::size_t begin = values.size() - n;
    kernels_under_test().f32_to_f16(values.data() + begin, halves.data(), n);
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(halves[i], f32_to_f16(values[begin + i])) << values[begin + i];
    }
  }
}

TEST_P(KernelsOf, DotsTakeAnyNumberOfColumnsAndElements) {
  constexpr std::int64_t kStride = 77;
  for (const std::size_t columns : {0U, 1U, 3U, 4U, 9U}) {
    for (const std::size_t n : {0U, 1U, 15U, 16U, 33U, 70U}) {
      std::vector<float> x(n);
      std::vector<float> y(columns * kStride);
      std::vector<std::uint16_t> halves(y.size());
      std::vector<std::uint16_t> brains(y.size());
      for (std::size_t i = 0; i < n; ++i) {
        x[i] = static_cast<float>(i % 7) - 3;
      }
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] = static_cast<float>(i % 11) - 5;
        halves[i] = f32_to_f16(y[i]);
        brains[i] = f32_to_bf16(y[i]);
      }
      // Sums of small integers: exact in any order. The one behind is not touched.
      std::vector<float> expected(columns + 1, 0.5F);
      for (std::size_t j = 0; j < columns; ++j) {
        expected[j] = std::inner_product(x.begin(), x.end(), y.data() + j * kStride, 0.0F);
      }
      const auto check = [&](const auto& kernel, const auto& operand) {
        std::vector<float> sums(columns + 1, 0.5F);
        kernel(x.data(), operand.data(), kStride, sums.data(), columns, n);
        EXPECT_EQ(sums, expected) << columns << " columns, " << n << " elements";
      };
      check(kernels_under_test().dots_f32, y);
      check(kernels_under_test().dots_f16, halves);
      check(kernels_under_test().dots_bf16, brains);
    }
  }
}

TEST_P(KernelsOf, RowsAreAddedInAnyNumberAndLength) {
  constexpr std::int64_t kStride = 77;
  for (const std::size_t rows : {0U, 1U, 7U, 8U, 19U}) {
    for (const std::size_t n : {0U, 1U, 15U, 16U, 33U, 70U}) {
      std::vector<float> y(rows * kStride);
      std::vector<std::uint16_t> halves(y.size());
      std::vector<std::uint16_t> brains(y.size());
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] = static_cast<float>(i % 11) - 5;
        halves[i] = f32_to_f16(y[i]);
        brains[i] = f32_to_bf16(y[i]);
      }
      // Sums of small integers: exact in any order. The one behind is not touched.
      std::vector<float> x(rows);
      std::vector<float> expected(n + 1, 0.5F);
      for (std::size_t j = 0; j < rows; ++j) {
        x[j] = static_cast<float>(j % 7) - 3;
        for (std::size_t i = 0; i < n; ++i) {
          expected[i] += x[j] * y[j * kStride + i];
        }
      }
      const auto check = [&](const auto& kernel, const auto& operand) {
        std::vector<float> sums(n + 1, 0.5F);
        kernel(x.data(), operand.data(), kStride, sums.data(), rows, n);
        EXPECT_EQ(sums, expected) << rows << " rows of " << n;
      };
      check(kernels_under_test().add_rows_f32, y);
      check(kernels_under_test().add_rows_f16, halves);
      check(kernels_under_test().add_rows_bf16, brains);
    }
  }
}

TEST_P(KernelsOf, RoundingToIntegersEqualsTheScalarOne) {
  std::vector<float> values = many_floats();
  for (const float x :
       {2147483647.0F, -2147483648.0F, 2147483520.0F, 4e9F, -4e9F, 16777217.0F,
        std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    values.push_back(x);
  }
  std::vector<std::int32_t> words(values.size());
  std::vector<std::int8_t> bytes(values.size());
  std::vector<std::uint8_t> unsigned_bytes(values.size());
  kernels_under_test().f32_to_i32(values.data(), words.data(), values.size());
  kernels_under_test().f32_to_i8(values.data(), bytes.data(), values.size());
  kernels_under_test().f32_to_u8(values.data(), unsigned_bytes.data(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(words[i], round_saturate(values[i], range_of(DType::kI32))) << values[i];
    ASSERT_EQ(bytes[i], round_saturate(values[i], range_of(DType::kI8))) << values[i];
    ASSERT_EQ(unsigned_bytes[i], round_saturate(values[i], range_of(DType::kU8))) << values[i];
  }
}

TEST_P(KernelsOf, ReductionsOfEveryLength) {
  for (std::size_t n = 0; n < 200; ++n) {
    std::vector<float> values(n);
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      values[i] = static_cast<float>(i * 37 % 101) - 50.0F;  // sums of integers are exact
      sum += values[i];
      squares += values[i] * values[i];
    }
    EXPECT_EQ(kernels_under_test().sum_f32(values.data(), n), sum) << n;
    EXPECT_EQ(kernels_under_test().sum_squares_f32(values.data(), n), squares) << n;
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<float> spike(n, -1.0F);
      spike[i] = 5.0F;
      ASSERT_EQ(kernels_under_test().max_f32(spike.data(), n), 5.0F) << n << ' ' << i;
      spike[i] = std::numeric_limits<float>::quiet_NaN();
      ASSERT_TRUE(std::isnan(kernels_under_test().max_f32(spike.data(), n))) << n << ' ' << i;
    }
  }
  EXPECT_EQ(kernels_under_test().max_f32(nullptr, 0), -std::numeric_limits<float>::infinity());
}

TEST_P(KernelsOf, UnpackingEqualsThatOfTheFirstSet) {
  std::vector<std::byte> blocks(1024);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i] = static_cast<std::byte>(i * 29 % 61);  // no scale is infinite
  }
  for (unsigned format = 1; format <= kNumFormats; ++format) {
    const BlockShape shape = shape_of(static_cast<Format>(format));
    const std::size_t count = blocks.size() / shape.bytes;
    std::vector<float> first(count * shape.elements);
    std::vector<float> result(first.size());
    kKernelsBase.unpack.at(format)(blocks.data(), first.data(), count);
    kernels_under_test().unpack.at(format)(blocks.data(), result.data(), count);
    EXPECT_EQ(result, first) << format;
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, KernelsOf, ::testing::ValuesIn(sets()),
                         [](const auto& set) { return set.param.name; });

}  // namespace
}  // namespace halyard::engine
