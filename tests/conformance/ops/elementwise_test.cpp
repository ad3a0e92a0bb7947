// SPDX-License-Identifier: MIT
// Elementwise operations on one and on two, casts and quantisation.

#include <gtest/gtest.h>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

class Binary : public testing::TestWithParam<halyard_dtype> {};

INSTANTIATE_TEST_SUITE_P(Types, Binary,
                         testing::Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16, HALYARD_I8,
                                         HALYARD_I32),
                         [](const auto& tested) { return dtype_name(tested.param); });

TEST_P(Binary, AllOperations) {
  const double range = GetParam() == HALYARD_I8 ? 127.9 : GetParam() == HALYARD_I32 ? 1e4 : 2;
  Differential test;
  auto& graph = test.graph;
  const auto a = test.input({3, 1, 17}, GetParam(), range),
             b = test.input({5, 17}, GetParam(), range);
  test.expect_equal({graph.add(a, b), graph.sub(a, b), graph.mul(a, b), graph.div(a, b),
                     graph.max(a, b), graph.min(a, b)},
                    rounding_tolerance(GetParam()));
}

TEST_P(Binary, WithItself) {
  Differential test;
  const auto a = test.input({300}, GetParam(), 10);
  test.expect_equal(test.graph.mul(a, a), rounding_tolerance(GetParam()));
}

class Real : public testing::TestWithParam<halyard_dtype> {};

INSTANTIATE_TEST_SUITE_P(Types, Real, testing::Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16),
                         [](const auto& tested) { return dtype_name(tested.param); });

TEST_P(Real, Activations) {
  Differential test;
  auto& graph = test.graph;
  const auto x = test.input({7, 33}, GetParam(), 6);
  test.expect_equal({graph.relu(x), graph.gelu(x), graph.silu(x), graph.sigmoid(x), graph.tanh(x)},
                    rounding_tolerance(GetParam()));
}

TEST(Activation, ReluOfIntegers) {
  Differential test;
  test.expect_equal(
      {test.graph.relu(test.input({100}, i8, 127)), test.graph.relu(test.input({100}, i32, 1e6))},
      {});
}

TEST_P(Real, QuantiseAndBack) {
  Differential test;
  auto& graph = test.graph;
  const auto x = test.input({4, 5, 6}, GetParam(), 3);
  const auto whole =
      graph.quantize(x, test.values({5}, f32, {0.0625, 0.125, 0.03125, 0.5, 0.25}), i8, 1, 3);
  const auto bytes = graph.quantize(x, test.values({1}, f32, {0.03125}), u8, 0, 128);
  const auto back = graph.dequantize(whole, test.values({1}, f32, {0.25}), GetParam(), 0, 3);
  test.expect_equal({whole, bytes, back}, rounding_tolerance(GetParam()));
}

TEST(Quantise, RequantiseAndDequantiseSums) {
  Differential test;
  auto& graph = test.graph;
  const auto sums = test.input({3, 40}, i32, 1e5);
  const auto scale = test.values({3}, f32, {0.001, 0.002, 0.01});
  test.expect_equal(
      {graph.requantize(sums, scale, 0, -5), graph.dequantize(sums, scale, f32, 0, 7)},
      rounding_tolerance(HALYARD_F32));
}

}  // namespace
}  // namespace halyard::conformance
