// SPDX-License-Identifier: MIT
// Quantised blocks of every format, any bytes: on the device as on the CPU, exactly.

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace halyard::conformance
