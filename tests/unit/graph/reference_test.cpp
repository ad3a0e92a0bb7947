// SPDX-License-Identifier: MIT
// The CPU reference against values worked out by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "error.hpp"
#include "graph.hpp"

namespace halyard::hal {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;

template <class T>
constexpr halyard_dtype kDtype = HALYARD_F32;
template <>
constexpr halyard_dtype kDtype<std::int8_t> = HALYARD_I8;
template <>
constexpr halyard_dtype kDtype<std::uint8_t> = HALYARD_U8;
template <>
constexpr halyard_dtype kDtype<std::int32_t> = HALYARD_I32;

template <class T>
halyard_tensor constant(Graph& graph, std::initializer_list<std::uint32_t> dims,
                        std::vector<T> values) {
  halyard_tensor_desc d{};
  d.dtype = kDtype<T>;
  for (const auto dim : dims)
    d.dims[d.rank++] = dim;
  return graph.add_constant(d, std::as_bytes(std::span(values)));
}

/// The one output of an operation on constants.
template <class T>
std::vector<T> compute(Graph& graph, halyard_op op, std::vector<halyard_tensor> inputs,
                       OpParams params = {}) {
  const auto y = graph.add_operation(op, inputs, params);
  EXPECT_EQ(graph.node(y).desc.dtype, kDtype<T>);
  graph.add_output("y", y);
  std::vector<T> out(element_count(graph.node(y).desc));
  const halyard_host_tensor tensor{"y", out.data(), out.size() * sizeof(T)};
  evaluate(graph, std::span(&tensor, 1));
  return out;
}

TEST(Reference, Matmul) {
  Graph graph;
  const auto a = constant<float>(graph, {2, 3}, {1, 2, 3, 4, 5, 6});
  const auto b = constant<float>(graph, {3, 2}, {7, 8, 9, 10, 11, 12});
  EXPECT_THAT(compute<float>(graph, HALYARD_OP_MATMUL, {a, b}), ElementsAre(58, 64, 139, 154));
}

TEST(Reference, MatmulBroadcastsBatches) {
  Graph graph;
  const auto a = constant<float>(graph, {2, 1, 2}, {1, 2, 3, 4});
  const auto b = constant<float>(graph, {1, 2, 1}, {10, 100});
  EXPECT_THAT(compute<float>(graph, HALYARD_OP_MATMUL, {a, b}), ElementsAre(210, 430));
}

TEST(Reference, MatmulOfBytesIsWhole) {
  Graph graph;
  const auto a = constant<std::int8_t>(graph, {1, 2}, {-128, 127});
  const auto b = constant<std::int8_t>(graph, {2, 1}, {-128, -128});
  EXPECT_THAT(compute<std::int32_t>(graph, HALYARD_OP_MATMUL, {a, b}), ElementsAre(128));
}

TEST(Reference, ConvolutionWithGroupsPaddingAndStride) {
  Graph graph;
  const auto in = constant<float>(graph, {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const auto weight = constant<float>(graph, {2, 1, 2, 2}, {1, 1, 1, 1, 1, 0, 0, 0});
  halyard_conv2d_params p{sizeof(p), 2, 2, 1, 1, 1, 1, 1, 1, 2};
  // Corners of the padded planes: sums of one element each; the second filter sees the upper left
  // tap only.
  EXPECT_THAT(compute<float>(graph, HALYARD_OP_CONV2D, {in, weight}, p),
              ElementsAre(1, 2, 3, 4, 0, 0, 0, 8));
}

TEST(Reference, Pools) {
  const std::vector<float> values{1, -2, 3, 4, 5, 6, 7, 8, 9};
  halyard_pool2d_params p{sizeof(p), 2, 2, 2, 2, 1, 1, 0, 0, 0};
  {
    Graph graph;
    const auto in = constant<float>(graph, {1, 1, 3, 3}, values);
    EXPECT_THAT(compute<float>(graph, HALYARD_OP_MAX_POOL2D, {in}, p), ElementsAre(1, 3, 7, 9));
  }
  {
    Graph graph;
    const auto in = constant<float>(graph, {1, 1, 3, 3}, values);
    EXPECT_THAT(compute<float>(graph, HALYARD_OP_AVG_POOL2D, {in}, p), ElementsAre(1, 0.5, 5.5, 7));
  }
  {
    Graph graph;
    p.count_padding = 1;
    const auto in = constant<float>(graph, {1, 1, 3, 3}, values);
    EXPECT_THAT(compute<float>(graph, HALYARD_OP_AVG_POOL2D, {in}, p),
                ElementsAre(0.25, 0.25, 2.75, 7));
  }
}

TEST(Reference, IntegersSaturateAndDivideByZeroGivesZero) {
  {
    Graph graph;
    const auto a = constant<std::int8_t>(graph, {3}, {100, -100, 1});
    EXPECT_THAT(compute<std::int8_t>(graph, HALYARD_OP_ADD, {a, a}), ElementsAre(127, -128, 2));
  }
  {
    Graph graph;
    const auto a = constant<std::int32_t>(graph, {3}, {7, -7, 7});
    const auto b = constant<std::int32_t>(graph, {3}, {2, 2, 0});
    EXPECT_THAT(compute<std::int32_t>(graph, HALYARD_OP_DIV, {a, b}), ElementsAre(3, -3, 0));
  }
}

TEST(Reference, BroadcastsOverBothSides) {
  Graph graph;
  const auto a = constant<float>(graph, {2, 1}, {10, 20});
  const auto b = constant<float>(graph, {3}, {1, 2, 3});
  EXPECT_THAT(compute<float>(graph, HALYARD_OP_SUB, {a, b}), ElementsAre(9, 8, 7, 19, 18, 17));
}

TEST(Reference, Activations) {
  const auto value = [](halyard_op op) {
    Graph graph;
    return compute<float>(graph, op, {constant<float>(graph, {2}, {1, -1})});
  };
  EXPECT_THAT(value(HALYARD_OP_RELU), ElementsAre(1, 0));
  EXPECT_THAT(value(HALYARD_OP_GELU),
              ElementsAre(FloatNear(0.8413447F, 1e-6F), FloatNear(-0.1586553F, 1e-6F)));
  EXPECT_THAT(value(HALYARD_OP_SILU),
              ElementsAre(FloatNear(0.7310586F, 1e-6F), FloatNear(-0.2689414F, 1e-6F)));
  EXPECT_THAT(value(HALYARD_OP_SIGMOID),
              ElementsAre(FloatNear(0.7310586F, 1e-6F), FloatNear(0.2689414F, 1e-6F)));
  EXPECT_THAT(value(HALYARD_OP_TANH),
              ElementsAre(FloatNear(0.7615942F, 1e-6F), FloatNear(-0.7615942F, 1e-6F)));
}

TEST(Reference, SoftmaxOfLargeValues) {
  Graph graph;
  const auto in = constant<float>(graph, {1, 2}, {1000, 1000 + std::log(3.0F)});
  EXPECT_THAT(compute<float>(graph, HALYARD_OP_SOFTMAX, {in}),
              ElementsAre(FloatNear(0.25F, 1e-4F), FloatNear(0.75F, 1e-4F)));
}

TEST(Reference, Norms) {
  {
    Graph graph;
    const auto in = constant<float>(graph, {1, 2}, {1, 3});
    const auto gain = constant<float>(graph, {2}, {2, 2});
    const auto bias = constant<float>(graph, {2}, {0, 5});
    EXPECT_THAT(
        compute<float>(graph, HALYARD_OP_LAYER_NORM, {in, gain, bias}, halyard_norm_params{16, 0}),
        ElementsAre(-2, 7));
  }
  {
    Graph graph;
    const auto in = constant<float>(graph, {1, 2}, {3, 4});
    const auto gain = constant<float>(graph, {2}, {1, 1});
    EXPECT_THAT(compute<float>(graph, HALYARD_OP_RMS_NORM, {in, gain}, halyard_norm_params{16, 0}),
                ElementsAre(FloatNear(3 / std::sqrt(12.5F), 1e-6F),
                            FloatNear(4 / std::sqrt(12.5F), 1e-6F)));
  }
}

TEST(Reference, TransposeReshapeGather) {
  {
    Graph graph;
    const auto in = constant<std::int32_t>(graph, {2, 3}, {1, 2, 3, 4, 5, 6});
    EXPECT_THAT(compute<std::int32_t>(graph, HALYARD_OP_TRANSPOSE, {in},
                                      halyard_transpose_params{32, {1, 0}}),
                ElementsAre(1, 4, 2, 5, 3, 6));
  }
  {
    Graph graph;
    const auto in = constant<std::uint8_t>(graph, {2, 3}, {1, 2, 3, 4, 5, 6});
    EXPECT_THAT(
        compute<std::uint8_t>(graph, HALYARD_OP_RESHAPE, {in}, halyard_reshape_params{40, 1, {6}}),
        ElementsAre(1, 2, 3, 4, 5, 6));
  }
  {
    Graph graph;
    const auto in = constant<float>(graph, {3, 2}, {1, 2, 3, 4, 5, 6});
    const auto index = constant<std::int32_t>(graph, {2}, {2, 0});
    EXPECT_THAT(compute<float>(graph, HALYARD_OP_GATHER, {in, index}), ElementsAre(5, 6, 1, 2));
  }
}

TEST(Reference, GatherByIndicesOfTwoWords) {
  Graph graph;
  const auto in = constant<float>(graph, {3, 1}, {1, 2, 3});
  const auto index = constant<std::int32_t>(graph, {2, 2}, {2, 0, 1, 0});
  EXPECT_THAT(compute<float>(graph, HALYARD_OP_GATHER, {in, index}), ElementsAre(3, 2));
}

TEST(Reference, RotateTurnsPairsByAnglesThatRepeat) {
  Graph graph;
  const auto in = constant<float>(graph, {2, 2, 2}, {1, 0, 0, 1, 1, 0, 0, 2});
  const auto angle = constant<float>(graph, {2, 1, 1}, {0, 1.5707964F});
  EXPECT_THAT(compute<float>(graph, HALYARD_OP_ROTATE, {in, angle},
                             halyard_rotate_params{sizeof(halyard_rotate_params), 2}),
              ElementsAre(2, 0, 0, 2, FloatNear(0, 1e-6F), FloatNear(2, 1e-6F),
                          FloatNear(-4, 1e-6F), FloatNear(0, 1e-6F)));
}

TEST(Reference, Functions) {
  const auto of = [](halyard_op op) {
    Graph graph;
    return compute<float>(graph, op, {constant<float>(graph, {3}, {0.25F, 1, 2.5F})});
  };
  EXPECT_THAT(of(HALYARD_OP_EXP),
              ElementsAre(FloatNear(1.2840254F, 1e-6F), FloatNear(2.7182817F, 1e-6F),
                          FloatNear(12.182494F, 1e-5F)));
  EXPECT_THAT(of(HALYARD_OP_EXPM1)[0], FloatNear(0.2840254F, 1e-6F));
  EXPECT_THAT(of(HALYARD_OP_LOG)[2], FloatNear(0.9162907F, 1e-6F));
  EXPECT_THAT(of(HALYARD_OP_SQRT)[0], 0.5F);
  EXPECT_THAT(of(HALYARD_OP_SIN)[1], FloatNear(0.84147098F, 1e-6F));
  EXPECT_THAT(of(HALYARD_OP_COS)[1], FloatNear(0.54030231F, 1e-6F));
  EXPECT_THAT(of(HALYARD_OP_FLOOR), ElementsAre(0, 1, 2));
  EXPECT_THAT(of(HALYARD_OP_CEIL), ElementsAre(1, 1, 3));
  EXPECT_THAT(of(HALYARD_OP_ROUND), ElementsAre(0, 1, 3));
  EXPECT_THAT(of(HALYARD_OP_TRUNC), ElementsAre(0, 1, 2));
  EXPECT_THAT(of(HALYARD_OP_SIGN), ElementsAre(1, 1, 1));
}

TEST(Reference, OrderGivesTheFirstOfEachRow) {
  Graph graph;
  const auto in = constant<float>(graph, {2, 3}, {3, 1, 2, 5, 5, 4});
  EXPECT_THAT(compute<std::int32_t>(graph, HALYARD_OP_ORDER, {in},
                                    halyard_order_params{sizeof(halyard_order_params), 2, 1}),
              ElementsAre(0, 2, 0, 1));
}

TEST(Reference, GatherRefusesAnIndexOutside) {
  Graph graph;
  const auto in = constant<float>(graph, {3, 1}, {1, 2, 3});
  const auto index = constant<std::int32_t>(graph, {1}, {-1});
  try {
    compute<float>(graph, HALYARD_OP_GATHER, {in, index});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), HALYARD_FAULT);
    EXPECT_THAT(error.what(), HasSubstr("index -1 is outside"));
  }
}

TEST(Reference, QuantisationRoundsHalfToEvenAndSaturates) {
  {
    Graph graph;
    const auto in = constant<float>(
        graph, {6}, {0.5F, 1.5F, -0.5F, -1.5F, 1000, std::numeric_limits<float>::quiet_NaN()});
    const auto scale = constant<float>(graph, {1}, {1});
    EXPECT_THAT(compute<std::int8_t>(graph, HALYARD_OP_QUANTIZE, {in, scale},
                                     halyard_quantize_params{24, HALYARD_I8, 0, 0}),
                ElementsAre(0, 2, 0, -2, 127, 0));
  }
  {
    Graph graph;
    const auto in = constant<std::int32_t>(graph, {2, 2}, {10, 10, -10, 1000000});
    const auto scale = constant<float>(graph, {2}, {0.25F, 0.5F});
    EXPECT_THAT(compute<std::int8_t>(graph, HALYARD_OP_REQUANTIZE, {in, scale},
                                     halyard_quantize_params{24, HALYARD_I8, 1, 1}),
                ElementsAre(3, 6, -1, 127));
  }
  {
    Graph graph;
    const auto in = constant<std::uint8_t>(graph, {2}, {0, 255});
    const auto scale = constant<float>(graph, {1}, {0.5F});
    EXPECT_THAT(compute<float>(graph, HALYARD_OP_DEQUANTIZE, {in, scale},
                               halyard_quantize_params{24, HALYARD_F32, 0, 128}),
                ElementsAre(-64, 63.5F));
  }
}

TEST(Reference, UnpacksBlocks) {
  Graph graph;
  std::vector<std::uint8_t> block(18);
  block[1] = 0x3c;  // binary16: 0x3c00 is 1
  block[2] = 0x9f;
  const auto in = graph.add_constant({HALYARD_U8, 1, {18}}, std::as_bytes(std::span(block)));
  const auto out = compute<float>(graph, HALYARD_OP_UNPACK, {in},
                                  halyard_unpack_params{24, HALYARD_Q4_0, HALYARD_F32});
  ASSERT_EQ(out.size(), 32U);
  EXPECT_EQ(out[0], 7);
  EXPECT_EQ(out[16], 1);
  EXPECT_EQ(out[31], -8);
}

TEST(Reference, MultipliesByBlocks) {
  Graph graph;
  std::vector<std::uint8_t> blocks(36);
  blocks[1] = blocks[19] = 0x3c;     // binary16: 0x3c00 is 1
  blocks[2] = 0x9f, blocks[20] = 8;  // the first elements 7 and 0, the seventeenth 1 and -8
  std::vector<float> a(32);
  a[0] = 2, a[16] = 3;
  const auto in = graph.add_constant({HALYARD_F32, 2, {1, 32}}, std::as_bytes(std::span(a)));
  const auto weights =
      graph.add_constant({HALYARD_U8, 2, {2, 18}}, std::as_bytes(std::span(blocks)));
  const auto out = compute<float>(graph, HALYARD_OP_LINEAR, {in, weights},
                                  halyard_linear_params{16, HALYARD_Q4_0});
  EXPECT_EQ(out, (std::vector<float>{17, -24}));
}

TEST(Reference, AsksForEveryTensorByNameAndSize) {
  Graph graph;
  halyard_tensor_desc d{HALYARD_F32, 1, {2}};
  const std::array inputs{graph.add_input("x", d)};
  graph.add_output("y", graph.add_operation(HALYARD_OP_RELU, inputs, {}));
  std::array<float, 2> x{}, y{};
  const auto refused = [&](std::vector<halyard_host_tensor> tensors, const std::string& text) {
    try {
      evaluate(graph, tensors);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  };
  refused({{"y", y.data(), 8}}, "no memory for \"x\"");
  refused({{"x", x.data(), 8}}, "no memory for \"y\"");
  refused({{"x", x.data(), 4}, {"y", y.data(), 8}}, "8 bytes, not 4");
  refused({{"x", nullptr, 8}, {"y", y.data(), 8}}, "\"x\" is f32[2]");
  refused({{nullptr, x.data(), 8}, {"y", y.data(), 8}}, "no memory for \"x\"");
}

}  // namespace
}  // namespace halyard::hal
