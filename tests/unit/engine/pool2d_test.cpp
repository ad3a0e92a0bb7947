// SPDX-License-Identifier: MIT
//
// pool2d: fast equals reference, maxima and int8 bit for bit, averages up to the order of the sum.
#include <cmath>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

struct PoolCase {
  Dims in;
  Dims out;
  PoolParams params;
};

PoolCase random_pool(Random& random) {
  PoolCase c;
  PoolParams& p = c.params;
  p.kind = random.pick({Pool::kMax, Pool::kAverage});
  p.kernel_h = random.dim(1, 4);
  p.kernel_w = random.dim(1, 4);
  p.stride_h = random.dim(1, 3);
  p.stride_w = random.dim(1, 3);
  p.count_padding = random.chance(0.5);
  if (random.chance(0.6)) {
    p.pad_top = random.dim(0, p.kernel_h - 1);
    p.pad_bottom = random.dim(0, p.kernel_h - 1);
    p.pad_left = random.dim(0, p.kernel_w - 1);
    p.pad_right = random.dim(0, p.kernel_w - 1);
  }
  const auto size = [&](std::uint32_t kernel, std::uint32_t pads) {
    return std::max(kernel > pads ? kernel - pads : 1, random.dim(1, 20));
  };
  const std::uint32_t height = size(p.kernel_h, p.pad_top + p.pad_bottom);
  const std::uint32_t width = size(p.kernel_w, p.pad_left + p.pad_right);
  c.in = {random.dim(1, 3), random.dim(1, 4), height, width};
  c.out = {c.in[0], c.in[1], (height + p.pad_top + p.pad_bottom - p.kernel_h) / p.stride_h + 1,
           (width + p.pad_left + p.pad_right - p.kernel_w) / p.stride_w + 1};
  return c;
}

class PoolOf : public ::testing::TestWithParam<DType> {};

TEST_P(PoolOf, EqualsReferenceOverRandomShapes) {
  Random random(20);
  for (int i = 0; i < 250; ++i) {
    const auto [in_dims, out_dims, params] = random_pool(random);
    Storage in(GetParam(), in_dims, Layout::kInput, random);
    const Storage out(GetParam(), out_dims, Layout::kOutput, random);
    in.randomize(random, random.pick({Values::kOrdinary, Values::kExtreme, Values::kSpecial}));
    SCOPED_TRACE("case " + std::to_string(i) + " in " + describe(in) + " out " + describe(out));
    const auto [quick, plain] =
        run_both(out, [&, &with_params = params](const Arithmetic& with, const Tensor& result) {
          return with.pool2d(in, result, with_params);
        });
    const bool exact = params.kind == Pool::kMax || GetParam() == DType::kI8;
    double largest = 0.0;
    for (const double value : in.values()) {
      largest = std::isfinite(value) ? std::max(largest, std::fabs(value)) : largest;
    }
    expect_near(quick, plain, [&](std::size_t, double expected) {
      return exact ? 0.0 : std::ldexp(largest, -19) + 2 * rounding_of(GetParam(), expected);
    });
    if (HasFatalFailure()) {
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, PoolOf,
                         ::testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kI8),
                         type_name);

TEST(Pool, WindowOfMillionsOfExtremeIntegersDoesNotOverflow) {
  // 2^24 elements of -128 by strides of zero: their sum needs 32 bits, and more with another row.
  Storage byte(DType::kI8, {1}, {-128});
  Tensor in = byte;
  in.rank = 4;
  in.dims = {1, 1, 4097, 4096};
  in.strides = {0, 0, 0, 0};
  const Storage out(DType::kI8, {1, 1, 1, 1});
  const PoolParams params{.kind = Pool::kAverage, .kernel_h = 4097, .kernel_w = 4096};
  ASSERT_EQ(fast().pool2d(in, out, params), "");
  EXPECT_EQ(out.values().front(), -128);
}

}  // namespace
}  // namespace halyard::engine::testing
