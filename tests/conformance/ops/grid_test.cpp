// SPDX-License-Identifier: MIT
// Every operation over a grid of shapes and types.

#include <gtest/gtest.h>

#include <tuple>
#include <utility>
#include <vector>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

using Dims = std::vector<std::uint32_t>;
using testing::Combine;
using testing::Values;
using testing::ValuesIn;

double range_of(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_I8:
      return 127.9;
    case HALYARD_U8:
      return 255.9;
    case HALYARD_I32:
      return 1e4;
    default:
      return 2;
  }
}

std::string part_name(const Dims& dims) {
  std::string name;
  for (const auto dim : dims)
    name += (name.empty() ? "" : "x") + std::to_string(dim);
  return name;
}
std::string part_name(halyard_dtype dtype) {
  return dtype_name(dtype);
}
/// Of a case that has a name, or two shapes.
template <class Case>
std::string part_name(const Case& tested) {
  if constexpr (requires { tested.name; }) {
    return tested.name;
  } else {
    return part_name(tested.first) + "_" + part_name(tested.second);
  }
}

/// "<case>_<type>", for names of parameterised tests.
constexpr auto tuple_name = [](const auto& tested) {
  return part_name(std::get<0>(tested.param)) + "_" + part_name(std::get<1>(tested.param));
};

const auto kReal = Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16);
const auto kAll =
    Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16, HALYARD_I8, HALYARD_U8, HALYARD_I32);

// ---- elementwise ---------------------------------------------------------------------------

using Pair = std::pair<Dims, Dims>;
const std::vector<Pair> kPairs{{{1}, {1}},       {{127}, {127}},      {{4, 33}, {33}},
                               {{4, 1}, {1, 5}}, {{2, 3, 4}, {3, 1}}, {{5, 1, 1}, {2, 1, 3, 4}}};

class GridBinary : public testing::TestWithParam<std::tuple<Pair, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridBinary,
                         Combine(ValuesIn(kPairs), Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16,
                                                          HALYARD_I8, HALYARD_I32)),
                         tuple_name);

TEST_P(GridBinary, Computes) {
  const auto& [pair, dtype] = GetParam();
  Differential test;
  auto& graph = test.graph;
  const auto a = test.input(pair.first, dtype, range_of(dtype));
  const auto b = test.input(pair.second, dtype, range_of(dtype));
  test.expect_equal({graph.add(a, b), graph.sub(a, b), graph.mul(a, b), graph.div(a, b),
                     graph.max(a, b), graph.min(a, b)},
                    rounding_tolerance(dtype));
}

class GridUnary : public testing::TestWithParam<std::tuple<Dims, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridUnary,
                         Combine(Values(Dims{1}, Dims{33}, Dims{3, 65}, Dims{2, 3, 4, 5}), kReal),
                         tuple_name);

TEST_P(GridUnary, Computes) {
  const auto& [dims, dtype] = GetParam();
  Differential test;
  auto& graph = test.graph;
  const auto x = test.input(dims, dtype, 6);
  test.expect_equal({graph.relu(x), graph.gelu(x), graph.silu(x), graph.sigmoid(x), graph.tanh(x)},
                    rounding_tolerance(dtype));
}

// ---- products ------------------------------------------------------------------------------

const std::vector<Pair> kMatrices{
    {{1, 1}, {1, 1}},     {{1, 300}, {300, 1}},   {{17, 1}, {1, 9}},           {{16, 16}, {16, 16}},
    {{31, 33}, {33, 35}}, {{2, 7, 8}, {2, 8, 9}}, {{3, 1, 5, 6}, {1, 2, 6, 4}}};

class GridMatmul : public testing::TestWithParam<std::tuple<Pair, halyard_dtype>> {};

const auto kProductTypes = Values(HALYARD_F32, HALYARD_F16, HALYARD_BF16, HALYARD_I8);

INSTANTIATE_TEST_SUITE_P(Grid, GridMatmul, Combine(ValuesIn(kMatrices), kProductTypes), tuple_name);

TEST_P(GridMatmul, Computes) {
  const auto& [shape, dtype] = GetParam();
  Differential test;
  const auto a = test.input(shape.first, dtype, range_of(dtype));
  const auto b = test.input(shape.second, dtype, range_of(dtype));
  test.expect_equal(test.graph.matmul(a, b), product_tolerance(dtype, shape.first.back()));
}

struct Convolution {
  const char* name;
  Dims in, weight;
  Conv2d params;
};
const std::vector<Convolution> kConvolutions{
    {"point", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {"pointwise", {2, 5, 6, 7}, {4, 5, 1, 1}, {}},
    {"same",
     {1, 3, 8, 8},
     {6, 3, 3, 3},
     {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1}},
    {"whole", {1, 2, 5, 4}, {3, 2, 5, 4}, {}},
    {"strided", {1, 2, 11, 13}, {3, 2, 3, 2}, {.stride_h = 3, .stride_w = 2}},
    {"dilated", {1, 2, 9, 9}, {2, 2, 3, 3}, {.dilation_h = 2, .dilation_w = 3, .pad_bottom = 1}},
    {"uneven", {1, 1, 4, 5}, {2, 1, 2, 3}, {.pad_top = 1, .pad_right = 2}},
    {"depthwise", {1, 6, 5, 5}, {6, 1, 3, 3}, {.groups = 6}},
    {"grouped", {1, 4, 5, 5}, {6, 2, 2, 2}, {.groups = 2}}};

class GridConv2d : public testing::TestWithParam<std::tuple<Convolution, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridConv2d, Combine(ValuesIn(kConvolutions), kProductTypes),
                         tuple_name);

TEST_P(GridConv2d, Computes) {
  const auto& [shape, dtype] = GetParam();
  Differential test;
  const auto in = test.input(shape.in, dtype, range_of(dtype));
  const auto weight = test.input(shape.weight, dtype, range_of(dtype));
  const auto terms = shape.weight[1] * shape.weight[2] * shape.weight[3];
  test.expect_equal(test.graph.conv2d(in, weight, shape.params), product_tolerance(dtype, terms));
}

// ---- windows and rows ----------------------------------------------------------------------

struct Window {
  const char* name;
  Dims in;
  Pool2d params;
};
const std::vector<Window> kWindows{
    {"one", {1, 1, 1, 1}, {}},
    {"halves", {2, 3, 6, 8}, {.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2}},
    {"overlaps", {1, 2, 7, 7}, {.kernel_h = 3, .kernel_w = 3}},
    {"whole", {1, 4, 5, 6}, {.kernel_h = 5, .kernel_w = 6}},
    {"padded", {1, 2, 4, 4}, {.kernel_h = 3, .kernel_w = 2, .pad_top = 2, .pad_right = 1}},
    {"counted",
     {1, 2, 4, 4},
     {.kernel_h = 3, .kernel_w = 2, .pad_top = 2, .pad_right = 1, .count_padding = true}}};

class GridPool2d : public testing::TestWithParam<std::tuple<Window, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridPool2d, Combine(ValuesIn(kWindows), kProductTypes), tuple_name);

TEST_P(GridPool2d, Computes) {
  const auto& [window, dtype] = GetParam();
  Differential test;
  const auto in = test.input(window.in, dtype, range_of(dtype));
  test.expect_equal(
      {test.graph.max_pool2d(in, window.params), test.graph.avg_pool2d(in, window.params)},
      rounding_tolerance(dtype));
}

class GridRows : public testing::TestWithParam<std::tuple<Dims, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridRows,
                         Combine(Values(Dims{7}, Dims{5, 1}, Dims{3, 129}, Dims{2, 3, 4, 16}),
                                 kReal),
                         tuple_name);

TEST_P(GridRows, Computes) {
  const auto& [dims, dtype] = GetParam();
  Differential test;
  auto& graph = test.graph;
  const auto x = test.input(dims, dtype);
  const Dims last{dims.back()};
  const auto gain = test.constant(last, dtype);
  auto tolerance = rounding_tolerance(dtype);
  tolerance.absolute += 4 * tolerance.relative;  // differences of values near each other
  test.expect_equal({graph.softmax(x), graph.rms_norm(x, gain)}, tolerance);
  // One value alone has no variance: its norm is noise over epsilon.
  if (dims.back() == 1) return;
  Differential other;
  const auto y = other.input(dims, dtype);
  other.expect_equal(
      other.graph.layer_norm(y, other.constant(last, dtype), other.constant(last, dtype)),
      tolerance);
}

// ---- movement and types --------------------------------------------------------------------

/// Shapes and permutations.
const std::vector<Pair> kTurns{{{1}, {0}},
                               {{5, 7}, {1, 0}},
                               {{3, 4, 5}, {2, 1, 0}},
                               {{3, 4, 5}, {0, 2, 1}},
                               {{2, 3, 4, 5}, {0, 3, 1, 2}},
                               {{2, 3, 4, 5}, {3, 2, 1, 0}}};

class GridTranspose : public testing::TestWithParam<std::tuple<Pair, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridTranspose, Combine(ValuesIn(kTurns), kAll), tuple_name);

TEST_P(GridTranspose, Moves) {
  const auto& [turn, dtype] = GetParam();
  Differential test;
  test.expect_equal(
      test.graph.transpose(test.input(turn.first, dtype, range_of(dtype)), turn.second), {});
}

class GridGather : public testing::TestWithParam<std::tuple<Dims, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridGather,
                         Combine(Values(Dims{5}, Dims{6, 33}, Dims{4, 2, 3}), kAll), tuple_name);

TEST_P(GridGather, Moves) {
  const auto& [dims, dtype] = GetParam();
  Differential test;
  const auto index = test.values({4}, i32, {3, 0, 3, 1});
  test.expect_equal(test.graph.gather(test.input(dims, dtype, range_of(dtype)), index), {});
}

class GridCast : public testing::TestWithParam<std::tuple<halyard_dtype, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridCast, Combine(kAll, kAll), tuple_name);

TEST_P(GridCast, Converts) {
  const auto& [from, to] = GetParam();
  Differential test(static_cast<std::uint32_t>(from * 8 + to));
  test.expect_equal(test.graph.cast(test.input({2, 50}, from, from == HALYARD_I8 ? 127 : 200), to),
                    {});
}

class GridQuantize : public testing::TestWithParam<std::tuple<halyard_dtype, halyard_dtype>> {};

INSTANTIATE_TEST_SUITE_P(Grid, GridQuantize, Combine(kReal, Values(HALYARD_I8, HALYARD_U8)),
                         tuple_name);

TEST_P(GridQuantize, ThereAndBack) {
  const auto& [real, whole] = GetParam();
  const std::int32_t zero = whole == HALYARD_U8 ? 128 : -3;
  for (std::uint32_t axis = 0; axis < 3; ++axis) {
    Differential test;
    auto& graph = test.graph;
    const auto x = test.input({3, 3, 3}, real, 3);
    const auto scales = test.values({3}, f32, {0.0625, 0.125, 0.03125});
    const auto one = test.values({1}, f32, {0.0625});
    const auto there = graph.quantize(x, scales, whole, axis, zero);
    test.expect_equal({there, graph.quantize(x, one, whole, 0, zero),
                       graph.dequantize(there, scales, real, axis, zero)},
                      rounding_tolerance(real));
  }
}

}  // namespace
}  // namespace halyard::conformance
