// SPDX-License-Identifier: MIT
// Operations along the last dimension, and over windows.

#include <gtest/gtest.h>

#include <array>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

class Rows : public testing::TestWithParam<halyard_dtype> {};

INSTANTIATE_TEST_SUITE_P(Types, Rows, testing::Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16),
                         [](const auto& tested) { return dtype_name(tested.param); });

TEST_P(Rows, Softmax) {
  Differential test;
  test.expect_equal({test.graph.softmax(test.input({3, 4, 50}, GetParam(), 8)),
                     test.graph.softmax(test.input({5, 1}, GetParam()))},
                    rounding_tolerance(GetParam()));
}

TEST_P(Rows, SoftmaxOfATranspose) {
  Differential test;
  const std::array<std::uint32_t, 2> swap{1, 0};
  test.expect_equal(test.graph.softmax(test.graph.transpose(test.input({20, 6}, GetParam()), swap)),
                    rounding_tolerance(GetParam()));
}

TEST_P(Rows, Norms) {
  Differential test;
  auto& graph = test.graph;
  const auto x = test.input({6, 48}, GetParam());
  const auto gain = test.constant({48}, GetParam()), bias = test.constant({48}, GetParam());
  auto tolerance = rounding_tolerance(GetParam());
  tolerance.absolute += 4 * tolerance.relative;  // differences of values near each other
  test.expect_equal({graph.layer_norm(x, gain, bias), graph.rms_norm(x, gain)}, tolerance);
}

TEST_P(Rows, OrderOfWholeRowsAndOfTheFirst) {
  Differential test;
  const auto x = test.input({3, 4, 50}, GetParam(), 8);
  test.expect_equal({test.graph.order(x, 50), test.graph.order(x, 1, true)}, {});
}

TEST_P(Rows, RotateHalvesAndNeighbours) {
  Differential test;
  auto& graph = test.graph;
  const auto x = test.input({6, 4, 16}, GetParam());
  const auto angle = test.input({6, 1, 8, 1}, f32, 40);
  auto tolerance = rounding_tolerance(GetParam());
  tolerance.absolute += 4 * tolerance.relative;  // differences of values near each other
  // Pairs of neighbours are there; those of a row's halves are brought together.
  const std::array<std::uint32_t, 4> turn{0, 1, 3, 2};
  const auto halves = graph.transpose(graph.reshape(x, {6, 4, 2, 8}), turn);
  test.expect_equal({graph.rotate(graph.reshape(x, {6, 4, 8, 2}), angle, 0.5F),
                     graph.transpose(graph.rotate(halves, angle), turn)},
                    tolerance);
}

class Windows : public testing::TestWithParam<halyard_dtype> {};

INSTANTIATE_TEST_SUITE_P(Types, Windows,
                         testing::Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16, HALYARD_I8),
                         [](const auto& tested) { return dtype_name(tested.param); });

TEST_P(Windows, Pools) {
  const std::array<Pool2d, 4> cases{
      {{.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2},
       {.kernel_h = 3, .kernel_w = 1, .pad_top = 2, .pad_bottom = 1},
       {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 1, .pad_left = 1, .pad_right = 2},
       {.kernel_h = 2, .kernel_w = 2, .pad_top = 1, .pad_left = 1, .count_padding = true}}};
  for (const auto& params : cases) {
    Differential test;
    const auto in = test.input({2, 3, 7, 8}, GetParam(), GetParam() == HALYARD_I8 ? 127.9 : 2);
    test.expect_equal({test.graph.max_pool2d(in, params), test.graph.avg_pool2d(in, params)},
                      rounding_tolerance(GetParam()));
  }
}

}  // namespace
}  // namespace halyard::conformance
