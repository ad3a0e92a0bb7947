// SPDX-License-Identifier: MIT
// Transposes, reshapes and gathers: what moves elements and computes nothing.

#include <gtest/gtest.h>

#include <array>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

class Movement : public testing::TestWithParam<halyard_dtype> {};

INSTANTIATE_TEST_SUITE_P(Types, Movement,
                         testing::Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16, HALYARD_I8,
                                         HALYARD_U8, HALYARD_I32),
                         [](const auto& tested) { return dtype_name(tested.param); });

TEST_P(Movement, TransposeIsAnOutput) {
  Differential test;
  const std::array<std::uint32_t, 3> turn{2, 0, 1};
  test.expect_equal(test.graph.transpose(test.input({3, 4, 5}, GetParam(), 100), turn), {});
}

TEST_P(Movement, ReshapeOfATransposeNeedsACopy) {
  Differential test;
  auto& graph = test.graph;
  const std::array<std::uint32_t, 2> swap{1, 0};
  const auto turned =
      graph.reshape(graph.transpose(test.input({4, 6}, GetParam(), 100), swap), {3, 8});
  test.expect_equal({graph.transpose(turned, swap), graph.reshape(turned, {24})}, {});
}

TEST_P(Movement, ViewsOfAnIntermediateKeepItAlive) {
  Differential test;
  auto& graph = test.graph;
  const auto first = graph.cast(test.input({8, 8}, GetParam(), 100), f32);
  const auto view = graph.reshape(first, {64});
  const auto other = graph.relu(first);  // the last use of the tensor itself, not of its memory
  const auto filler = graph.add(other, other);
  test.expect_equal({graph.add(filler, graph.reshape(view, {8, 8}))},
                    rounding_tolerance(HALYARD_F32));
}

TEST_P(Movement, Gather) {
  Differential test;
  const auto table = test.input({9, 2, 5}, GetParam(), 100);
  test.expect_equal(test.graph.gather(table, test.values({6}, i32, {8, 0, 3, 3, 7, 1})), {});
}

TEST_P(Movement, SixDimensions) {
  Differential test;
  const std::array<std::uint32_t, 6> turn{5, 3, 1, 0, 2, 4};
  test.expect_equal(test.graph.transpose(test.input({2, 3, 1, 4, 2, 3}, GetParam(), 100), turn),
                    {});
}

}  // namespace
}  // namespace halyard::conformance
