// SPDX-License-Identifier: MIT
// Quantised blocks of every format, any bytes: on the device as on the CPU, exactly.

#include <gtest/gtest.h>

#include <vector>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

class Blocks : public testing::TestWithParam<int> {
 protected:
  [[nodiscard]] static halyard_format format() { return static_cast<halyard_format>(GetParam()); }
  [[nodiscard]] static std::uint32_t bytes(std::uint32_t blocks) {
    return blocks * static_cast<std::uint32_t>(halyard_format_bytes(format()));
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, Blocks, testing::Range(1, HALYARD_TQ2_0 + 1));

TEST_P(Blocks, Unpack) {
  Differential test;
  const auto in = test.input({3, 2, bytes(3)}, u8, 255.9);
  test.expect_equal(test.graph.unpack(in, format()), {});
}

TEST_P(Blocks, UnpackOfPickedRows) {
  Differential test;
  auto& graph = test.graph;
  const auto rows = test.input({5, bytes(2)}, u8, 255.9);
  const auto index = test.values({4}, i32, {4, 0, 4, 2});
  test.expect_equal(graph.unpack(graph.gather(rows, index), format()), {});
}

/// One row, few and many, with weights for each of a batch and for all. The sums are exact: two of
/// a row's elements are not zero, and these are 1.
TEST_P(Blocks, Linear) {
  const auto depth = 2 * static_cast<std::uint32_t>(halyard_format_elements(format()));
  for (const std::uint32_t rows : {1U, 3U, 40U}) {
    for (const std::uint32_t batch : {1U, 2U}) {
      Differential test;
      std::vector<double> picks(std::size_t{2} * rows * depth);
      for (std::size_t row = 0; row < std::size_t{2} * rows; ++row)
        picks[row * depth + row * 5 % depth] = picks[row * depth + row * 11 % depth] = 1;
      const auto in = test.values({2, rows, depth}, f32, picks);
      const auto weights = test.input({batch, 19, bytes(2)}, u8, 255.9);
      test.expect_equal(test.graph.linear(in, weights, format()), {});
    }
  }
}

}  // namespace
}  // namespace halyard::conformance
