// SPDX-License-Identifier: MIT
// Matrix products and convolutions, alone and with what follows them.

#include <gtest/gtest.h>

#include <array>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

class Product : public testing::TestWithParam<halyard_dtype> {};

INSTANTIATE_TEST_SUITE_P(Types, Product,
                         testing::Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16, HALYARD_I8),
                         [](const auto& tested) { return dtype_name(tested.param); });

double range_of(halyard_dtype dtype) {
  return dtype == HALYARD_I8 ? 127.9 : 2;
}

TEST_P(Product, Matmul) {
  struct Shape {
    std::uint32_t m, k, n;
  };
  for (const auto& s :
       {Shape{1, 1, 1}, Shape{1, 64, 10}, Shape{5, 3, 7}, Shape{33, 65, 17}, Shape{64, 256, 64}}) {
    Differential test(s.m);
    const auto a = test.input({s.m, s.k}, GetParam(), range_of(GetParam()));
    const auto b = test.constant({s.k, s.n}, GetParam(), range_of(GetParam()));
    test.expect_equal(test.graph.matmul(a, b), product_tolerance(GetParam(), s.k));
  }
}

TEST_P(Product, MatmulOfBatchesAndTransposes) {
  Differential test;
  const auto a = test.input({3, 1, 4, 6}, GetParam());
  const auto b = test.input({1, 2, 5, 6}, GetParam());
  const std::array<std::uint32_t, 4> swap{0, 1, 3, 2};
  test.expect_equal(test.graph.matmul(a, test.graph.transpose(b, swap)),
                    product_tolerance(GetParam(), 6));
}

TEST_P(Product, Conv2d) {
  const std::array<Conv2d, 5> cases{
      {{},
       {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1},
       {.stride_h = 2, .stride_w = 3, .pad_top = 1},
       {.dilation_h = 2, .dilation_w = 2, .pad_right = 2},
       {.stride_h = 2, .stride_w = 2, .pad_top = 2, .pad_left = 1, .groups = 2}}};
  for (const auto& params : cases) {
    Differential test;
    const auto in = test.input({2, 4, 9, 10}, GetParam(), range_of(GetParam()));
    const auto weight =
        test.constant({6, 4 / params.groups, 3, 3}, GetParam(), range_of(GetParam()));
    test.expect_equal(test.graph.conv2d(in, weight, params), product_tolerance(GetParam(), 36));
  }
}

TEST_P(Product, DepthwiseConv2d) {
  Differential test;
  const auto in = test.input({1, 8, 7, 7}, GetParam());
  const auto weight = test.constant({8, 1, 3, 3}, GetParam());
  test.expect_equal(
      test.graph.conv2d(
          in, weight, {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1, .groups = 8}),
      product_tolerance(GetParam(), 9));
}

TEST(ProductEpilogue, BiasAndActivation) {
  for (const auto activation :
       {HALYARD_OP_RELU, HALYARD_OP_GELU, HALYARD_OP_SILU, HALYARD_OP_SIGMOID, HALYARD_OP_TANH}) {
    Differential test(static_cast<std::uint32_t>(activation));
    auto& graph = test.graph;
    const auto sum = graph.add(graph.matmul(test.input({3, 20}, f32), test.constant({20, 7}, f32)),
                               test.constant({7}, f32));
    const auto out = activation == HALYARD_OP_RELU      ? graph.relu(sum)
                     : activation == HALYARD_OP_GELU    ? graph.gelu(sum)
                     : activation == HALYARD_OP_SILU    ? graph.silu(sum)
                     : activation == HALYARD_OP_SIGMOID ? graph.sigmoid(sum)
                                                        : graph.tanh(sum);
    test.expect_equal(out, product_tolerance(f32, 20));
  }
}

TEST(ProductEpilogue, BiasOfEitherShapeAndSide) {
  Differential test;
  auto& graph = test.graph;
  const auto in = test.input({1, 3, 5, 5}, f32);
  const auto first =
      graph.add(graph.conv2d(in, test.constant({4, 3, 3, 3}, f32)), test.constant({4, 1, 1}, f32));
  const auto second = graph.add(test.constant({1, 4, 1, 1}, f32),
                                graph.conv2d(in, test.constant({4, 3, 3, 3}, f32)));
  test.expect_equal({first, second}, product_tolerance(f32, 28));
}

TEST(ProductEpilogue, WhatIsNoBiasStaysAnAdd) {
  Differential test;
  auto& graph = test.graph;
  const auto in = test.input({4, 4}, f32);
  const auto product = graph.matmul(in, test.constant({4, 4}, f32));
  const auto column = graph.add(product, test.constant({4, 1}, f32));  // along rows
  const auto residual = graph.add(column, in);
  const auto twice = graph.add(product, product);  // used again
  test.expect_equal({residual, twice, product}, product_tolerance(f32, 8));
}

TEST(ProductEpilogue, ABiasThatIsComputed) {
  Differential test;
  auto& graph = test.graph;
  const auto bias = graph.matmul(test.input({1, 4}, f32), test.constant({4, 6}, f32));
  const auto product = graph.matmul(test.input({1, 5}, f32), test.constant({5, 6}, f32));
  test.expect_equal(graph.relu(graph.add(product, bias)), product_tolerance(f32, 10));
}

TEST(ProductEpilogue, Requantised) {
  for (const std::uint32_t scales : {1U, 6U}) {
    for (const std::int32_t zero_point : {0, -3}) {
      Differential test(scales);
      auto& graph = test.graph;
      const auto product =
          graph.conv2d(test.input({1, 3, 6, 6}, i8, 127.9), test.constant({6, 3, 3, 3}, i8, 127.9));
      const auto sum = graph.add(product, test.constant({6, 1, 1}, i32, 5000));
      const auto scale = test.values({scales}, f32, std::vector<double>(scales, 0.0007));
      test.expect_equal(graph.relu(graph.requantize(sum, scale, 1, zero_point)), {});
    }
  }
}

TEST(ProductEpilogue, RequantisedMatmulAlongColumns) {
  Differential test;
  auto& graph = test.graph;
  const auto product =
      graph.matmul(test.input({5, 30}, i8, 127.9), test.constant({30, 3}, i8, 127.9));
  const auto scale = test.values({3}, f32, {0.001, 0.002, 0.0005});
  test.expect_equal(graph.requantize(product, scale, 1), {});
}

TEST(ProductEpilogue, ScalesAlongAnotherAxisStayApart) {
  Differential test;
  auto& graph = test.graph;
  const auto product =
      graph.matmul(test.input({3, 30}, i8, 127.9), test.constant({30, 3}, i8, 127.9));
  const auto scale = test.values({3}, f32, {0.001, 0.002, 0.0005});
  test.expect_equal(graph.requantize(product, scale, 0), {});
}

}  // namespace
}  // namespace halyard::conformance
