// SPDX-License-Identifier: MIT
// What a graph accepts, what it refuses and in which words, and what makes two graphs the same.

#include "graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <initializer_list>

#include "error.hpp"

namespace halyard::hal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

halyard_tensor_desc desc(halyard_dtype dtype, std::initializer_list<std::uint32_t> dims) {
  halyard_tensor_desc d{};
  d.dtype = dtype;
  for (const auto dim : dims)
    d.dims[d.rank++] = dim;
  return d;
}

std::vector<std::uint32_t> dims_of(const Graph& graph, halyard_tensor tensor) {
  const auto& d = graph.node(tensor).desc;
  return {d.dims, d.dims + d.rank};
}

/// Expects a refusal with `status` whose message has `text`, and an unchanged graph.
template <class Call>
void expect_refused(const Graph& graph, Call call, const std::string& text,
                    halyard_status status = HALYARD_INVALID_ARGUMENT) {
  const auto before = graph.nodes().size();
  const auto outputs = graph.outputs().size();
  try {
    call();
    ADD_FAILURE() << "accepted, should say: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), status);
    EXPECT_THAT(error.what(), HasSubstr(text));
  }
  EXPECT_EQ(graph.nodes().size(), before);
  EXPECT_EQ(graph.outputs().size(), outputs);
}

class GraphTest : public testing::Test {
 protected:
  halyard_tensor input(halyard_dtype dtype, std::initializer_list<std::uint32_t> dims) {
    return graph_.add_input("in" + std::to_string(count_++), desc(dtype, dims));
  }
  halyard_tensor op(halyard_op kind, std::initializer_list<halyard_tensor> inputs,
                    OpParams params = {}) {
    return graph_.add_operation(kind, std::vector<halyard_tensor>(inputs), params);
  }
  void refuse(halyard_op kind, std::initializer_list<halyard_tensor> inputs, OpParams params,
              const std::string& text) {
    expect_refused(
        graph_, [&] { op(kind, inputs, params); }, text);
  }

  Graph graph_;
  int count_ = 0;
};

TEST_F(GraphTest, RefusesMalformedDescriptions) {
  const auto refused = [&](const halyard_tensor_desc& d, const std::string& text) {
    expect_refused(
        graph_, [&] { graph_.add_input("x", d); }, text);
  };
  refused(desc(static_cast<halyard_dtype>(0), {1}), "unknown element type 0");
  refused(desc(static_cast<halyard_dtype>(7), {1}), "unknown element type 7");
  refused(desc(HALYARD_F32, {}), "rank 0");
  auto deep = desc(HALYARD_F32, {1, 1, 1, 1, 1, 1});
  deep.rank = 7;
  refused(deep, "rank 7");
  refused(desc(HALYARD_F32, {2, 0}), "dimension 1 is 0");
  refused(desc(HALYARD_I8, {0xffffffff, 0xffffffff, 0xffffffff}), "larger than 1 TiB");
}

TEST_F(GraphTest, RefusesBadNames) {
  graph_.add_input("x", desc(HALYARD_F32, {1}));
  const auto y = op(HALYARD_OP_RELU, {0});
  expect_refused(
      graph_, [&] { graph_.add_input("", desc(HALYARD_F32, {1})); }, "1 to 63 bytes");
  expect_refused(
      graph_, [&] { graph_.add_input(std::string(64, 'a'), desc(HALYARD_F32, {1})); }, "1 to 63");
  expect_refused(
      graph_, [&] { graph_.add_input("x", desc(HALYARD_F32, {1})); }, "an input \"x\" already");
  expect_refused(
      graph_, [&] { graph_.add_output("x", y); }, "an input \"x\" already");
  graph_.add_output("y", y);
  const auto again = op(HALYARD_OP_RELU, {y});
  expect_refused(
      graph_, [&] { graph_.add_output("y", again); }, "an output \"y\" already");
  expect_refused(
      graph_, [&] { graph_.add_output("z", y); }, "is the output \"y\" already");
  expect_refused(
      graph_, [&] { graph_.add_output("z", 0); }, "must be computed");
  expect_refused(
      graph_, [&] { graph_.add_output("z", 99); }, "not one of this graph's");
  expect_refused(
      graph_, [&] { graph_.set_name(0, "other"); }, "an input keeps");
}

TEST_F(GraphTest, RefusesConstantsOfAnotherSize) {
  const std::array<std::byte, 7> data{};
  expect_refused(
      graph_, [&] { graph_.add_constant(desc(HALYARD_F32, {2}), data); }, "has 8 bytes, not 7");
}

TEST_F(GraphTest, ChecksTheNumberAndTheOriginOfInputs) {
  const auto x = input(HALYARD_F32, {2, 2});
  refuse(HALYARD_OP_ADD, {x}, {}, "add: takes 2 inputs, not 1");
  refuse(HALYARD_OP_RELU, {x, x}, {}, "relu: takes 1 inputs, not 2");
  refuse(HALYARD_OP_RELU, {77}, {}, "tensor 77");
  refuse(static_cast<halyard_op>(0), {x}, {}, "unknown operation 0");
  refuse(static_cast<halyard_op>(63), {x}, {}, "unknown operation 63");
}

TEST_F(GraphTest, Matmul) {
  const auto a = input(HALYARD_F32, {5, 1, 3, 4});
  const auto b = input(HALYARD_F32, {1, 6, 4, 7});
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_MATMUL, {a, b})), ElementsAre(5, 6, 3, 7));
  const auto q = input(HALYARD_I8, {2, 3});
  const auto w = input(HALYARD_I8, {3, 4});
  EXPECT_EQ(graph_.node(op(HALYARD_OP_MATMUL, {q, w})).desc.dtype, HALYARD_I32);
  const auto vector = input(HALYARD_F32, {4});
  refuse(HALYARD_OP_MATMUL, {vector, vector}, {}, "equal rank 2 to 4");
  refuse(HALYARD_OP_MATMUL, {a, q}, {}, "types differ");
  refuse(HALYARD_OP_MATMUL, {q, q}, {}, "inner dimensions differ");
  refuse(HALYARD_OP_MATMUL, {a, input(HALYARD_F32, {2, 6, 4, 7})}, {}, "leading dimensions");
  const auto whole = input(HALYARD_I32, {2, 2});
  refuse(HALYARD_OP_MATMUL, {whole, whole}, {}, "takes f32, f16 or bf16");
}

halyard_conv2d_params conv_params() {
  return {sizeof(halyard_conv2d_params), 1, 1, 1, 1, 0, 0, 0, 0, 1};
}

TEST_F(GraphTest, Conv2d) {
  const auto in = input(HALYARD_F32, {2, 4, 9, 8});
  const auto weight = input(HALYARD_F32, {6, 2, 3, 2});
  auto p = conv_params();
  p.groups = 2;
  p.stride_h = 2;
  p.pad_top = 1;
  p.dilation_w = 3;
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_CONV2D, {in, weight}, p)), ElementsAre(2, 6, 4, 5));

  refuse(HALYARD_OP_CONV2D, {in, weight}, {}, "parameters are missing");
  refuse(HALYARD_OP_CONV2D, {in, weight}, conv_params(),
         "weight has 2 channels per group, input has 4");
  for (auto member : {&halyard_conv2d_params::stride_h, &halyard_conv2d_params::stride_w,
                      &halyard_conv2d_params::dilation_h, &halyard_conv2d_params::dilation_w}) {
    auto bad = p;
    bad.*member = 0;
    refuse(HALYARD_OP_CONV2D, {in, weight}, bad, "at least 1");
    bad.*member = 0x10000;
    refuse(HALYARD_OP_CONV2D, {in, weight}, bad, "at most 65535");
  }
  for (auto member : {&halyard_conv2d_params::pad_top, &halyard_conv2d_params::pad_left,
                      &halyard_conv2d_params::pad_bottom, &halyard_conv2d_params::pad_right}) {
    auto bad = p;
    bad.*member = 0xffffffff;
    refuse(HALYARD_OP_CONV2D, {in, weight}, bad, "at most 65535");
  }
  for (auto member : {&halyard_conv2d_params::pad_top, &halyard_conv2d_params::pad_left,
                      &halyard_conv2d_params::pad_bottom, &halyard_conv2d_params::pad_right}) {
    auto bad = p;
    bad.*member = 9;
    refuse(HALYARD_OP_CONV2D, {in, weight}, bad, "less than the dilated window");
  }
  auto bad = p;
  bad.groups = 0;
  refuse(HALYARD_OP_CONV2D, {in, weight}, bad, "groups must divide");
  bad.groups = 3;
  refuse(HALYARD_OP_CONV2D, {in, weight}, bad, "groups must divide");
  bad = p;
  bad.dilation_h = 5;
  refuse(HALYARD_OP_CONV2D, {in, weight}, bad, "larger than the padded input");
  refuse(HALYARD_OP_CONV2D, {input(HALYARD_F32, {1, 4, 4}), weight}, p, "needs rank 4");
}

halyard_pool2d_params pool_params() {
  return {sizeof(halyard_pool2d_params), 2, 2, 2, 2, 0, 0, 0, 0, 0};
}

TEST_F(GraphTest, Pool2d) {
  const auto in = input(HALYARD_I8, {1, 3, 5, 6});
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_MAX_POOL2D, {in}, pool_params())),
              ElementsAre(1, 3, 2, 3));
  auto bad = pool_params();
  bad.kernel_w = 0;
  refuse(HALYARD_OP_AVG_POOL2D, {in}, bad, "at least 1 x 1");
  bad = pool_params();
  bad.pad_bottom = 2;
  refuse(HALYARD_OP_AVG_POOL2D, {in}, bad, "padding must be less");
  bad = pool_params();
  bad.count_padding = 2;
  refuse(HALYARD_OP_AVG_POOL2D, {in}, bad, "count_padding");
  bad = pool_params();
  bad.stride_h = 0;
  refuse(HALYARD_OP_AVG_POOL2D, {in}, bad, "at least 1");
  refuse(HALYARD_OP_MAX_POOL2D, {input(HALYARD_I32, {1, 3, 5, 6})}, pool_params(), "takes f32");
}

TEST_F(GraphTest, BinaryBroadcasts) {
  const auto a = input(HALYARD_F32, {4, 1, 3});
  const auto b = input(HALYARD_F32, {5, 1});
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_ADD, {a, b})), ElementsAre(4, 5, 3));
  refuse(HALYARD_OP_MUL, {a, input(HALYARD_F32, {2})}, {}, "do not broadcast");
  refuse(HALYARD_OP_MUL, {a, input(HALYARD_F16, {3})}, {}, "types differ");
  const auto bytes = input(HALYARD_U8, {3});
  refuse(HALYARD_OP_MAX, {bytes, bytes}, {}, "does not take u8");
}

TEST_F(GraphTest, UnaryAndNorms) {
  const auto whole = input(HALYARD_I8, {2, 3});
  EXPECT_EQ(graph_.node(op(HALYARD_OP_RELU, {whole})).desc.dtype, HALYARD_I8);
  for (const auto kind : {HALYARD_OP_GELU, HALYARD_OP_SILU, HALYARD_OP_SIGMOID, HALYARD_OP_TANH,
                          HALYARD_OP_SOFTMAX}) {
    refuse(kind, {whole}, {}, "takes f32, f16 or bf16");
  }
  const auto x = input(HALYARD_F32, {2, 3});
  const auto gain = input(HALYARD_F32, {3});
  const halyard_norm_params p{sizeof(p), 1e-5F};
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_LAYER_NORM, {x, gain, gain}, p)), ElementsAre(2, 3));
  refuse(HALYARD_OP_RMS_NORM, {x, input(HALYARD_F32, {2})}, p, "does not fit the last dimension");
  refuse(HALYARD_OP_RMS_NORM, {x, input(HALYARD_F16, {3})}, p, "types differ");
  refuse(HALYARD_OP_RMS_NORM, {x, gain}, halyard_norm_params{sizeof(p), -1}, "epsilon");
  refuse(HALYARD_OP_RMS_NORM, {x, gain}, {}, "parameters are missing");
}

TEST_F(GraphTest, ViewsAndCasts) {
  const auto x = input(HALYARD_F32, {2, 3, 4});
  halyard_transpose_params turn{sizeof(turn), {2, 0, 1}};
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_TRANSPOSE, {x}, turn)), ElementsAre(4, 2, 3));
  turn.perm[1] = 2;
  refuse(HALYARD_OP_TRANSPOSE, {x}, turn, "not a permutation");
  turn.perm[1] = 3;
  refuse(HALYARD_OP_TRANSPOSE, {x}, turn, "not a permutation");
  halyard_reshape_params shape{sizeof(shape), 2, {6, 4}};
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_RESHAPE, {x}, shape)), ElementsAre(6, 4));
  shape.dims[0] = 5;
  refuse(HALYARD_OP_RESHAPE, {x}, shape, "has other elements");
  shape.rank = 9;
  refuse(HALYARD_OP_RESHAPE, {x}, shape, "rank 9");
  EXPECT_EQ(graph_.node(op(HALYARD_OP_CAST, {x}, halyard_cast_params{16, HALYARD_U8})).desc.dtype,
            HALYARD_U8);
  refuse(HALYARD_OP_CAST, {x}, halyard_cast_params{16, static_cast<halyard_dtype>(7)},
         "unknown element type 7");
}

TEST_F(GraphTest, GatherAndQuantisation) {
  const auto table = input(HALYARD_F16, {10, 4});
  const auto index = input(HALYARD_I32, {3});
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_GATHER, {table, index})), ElementsAre(3, 4));
  refuse(HALYARD_OP_GATHER, {table, table}, {}, "the index must be i32 [n] or [n, 2]");

  const auto pairs = input(HALYARD_I32, {3, 2});
  EXPECT_THAT(dims_of(graph_, op(HALYARD_OP_GATHER, {table, pairs})), ElementsAre(3, 4));
  refuse(HALYARD_OP_GATHER, {table, input(HALYARD_I32, {3, 3})}, {}, "i32[3, 3]");
  refuse(HALYARD_OP_SCATTER, {table, index}, {}, "no operation of a graph");

  const auto x = input(HALYARD_F32, {2, 3});
  const auto scale = input(HALYARD_F32, {3});
  const halyard_quantize_params p{sizeof(p), HALYARD_I8, 1, 0};
  EXPECT_EQ(graph_.node(op(HALYARD_OP_QUANTIZE, {x, scale}, p)).desc.dtype, HALYARD_I8);
  refuse(HALYARD_OP_QUANTIZE, {x, scale}, halyard_quantize_params{sizeof(p), HALYARD_I8, 2, 0},
         "axis is outside");
  refuse(HALYARD_OP_QUANTIZE, {x, scale}, halyard_quantize_params{sizeof(p), HALYARD_I8, 0, 0},
         "fits neither 1");
  refuse(HALYARD_OP_QUANTIZE, {x, scale}, halyard_quantize_params{sizeof(p), HALYARD_I32, 1, 0},
         "gives i8 or u8");
  refuse(HALYARD_OP_QUANTIZE, {x, x}, p, "the scale must be f32 of rank 1");
  refuse(HALYARD_OP_DEQUANTIZE, {x, scale}, halyard_quantize_params{sizeof(p), HALYARD_F32, 1, 0},
         "takes i8, u8 or i32");
  refuse(HALYARD_OP_REQUANTIZE, {x, scale}, p, "takes i32 or i8");
  const auto sums = input(HALYARD_I32, {2, 3});
  refuse(HALYARD_OP_REQUANTIZE, {sums, scale}, halyard_quantize_params{sizeof(p), HALYARD_U8, 1, 0},
         "gives i8");
  refuse(HALYARD_OP_DEQUANTIZE, {sums, scale}, p, "gives f32, f16 or bf16");
}

TEST_F(GraphTest, FunctionsAndOrder) {
  const auto x = input(HALYARD_BF16, {4, 3});
  for (int i = HALYARD_OP_EXP; i <= HALYARD_OP_SIGN; ++i) {
    const auto y = op(static_cast<halyard_op>(i), {x});
    EXPECT_THAT(dims_of(graph_, y), ElementsAre(4, 3));
    EXPECT_EQ(graph_.node(y).desc.dtype, HALYARD_BF16);
    refuse(static_cast<halyard_op>(i), {input(HALYARD_I32, {4})}, {}, "takes f32, f16 or bf16");
  }
  halyard_order_params p{sizeof(p), 2, 1};
  const auto y = op(HALYARD_OP_ORDER, {x}, p);
  EXPECT_THAT(dims_of(graph_, y), ElementsAre(4, 2));
  EXPECT_EQ(graph_.node(y).desc.dtype, HALYARD_I32);
  refuse(HALYARD_OP_ORDER, {input(HALYARD_I32, {4})}, p, "takes f32, f16 or bf16");
  p.descending = 2;
  refuse(HALYARD_OP_ORDER, {x}, p, "descending must be 0 or 1");
  for (const std::uint32_t count : {0U, 4U}) {
    p = {sizeof(p), count, 0};
    refuse(HALYARD_OP_ORDER, {x}, p, "of the 3 elements of a row");
  }
}

TEST_F(GraphTest, Rotation) {
  const halyard_rotate_params p{sizeof(p), 1};
  const auto x = input(HALYARD_F16, {4, 3, 2});
  const auto angle = input(HALYARD_F32, {4, 1, 1});
  const auto y = op(HALYARD_OP_ROTATE, {x, angle}, p);
  EXPECT_THAT(dims_of(graph_, y), ElementsAre(4, 3, 2));
  EXPECT_EQ(graph_.node(y).desc.dtype, HALYARD_F16);
  refuse(HALYARD_OP_ROTATE, {x, angle}, {}, "parameters");
  refuse(HALYARD_OP_ROTATE, {x, angle},
         halyard_rotate_params{sizeof(p), std::numeric_limits<float>::infinity()},
         "factor must be finite");
  refuse(HALYARD_OP_ROTATE, {input(HALYARD_I32, {4, 2}), angle}, p, "takes f32, f16 or bf16");
  refuse(HALYARD_OP_ROTATE, {input(HALYARD_F32, {4, 3}), angle}, p, "last dimension must be 2");
  for (const auto wrong : {input(HALYARD_F16, {4, 1, 1}), input(HALYARD_F32, {4, 1}),
                           input(HALYARD_F32, {4, 1, 2}), input(HALYARD_F32, {2, 1, 1})}) {
    refuse(HALYARD_OP_ROTATE, {x, wrong}, p, "do not fit");
  }
}

TEST_F(GraphTest, Blocks) {
  const auto bytes = input(HALYARD_U8, {3, 288});
  const halyard_unpack_params p{sizeof(p), HALYARD_Q4_K, HALYARD_F16};
  const auto elements = op(HALYARD_OP_UNPACK, {bytes}, p);
  EXPECT_THAT(dims_of(graph_, elements), ElementsAre(3, 512));
  EXPECT_EQ(graph_.node(elements).desc.dtype, HALYARD_F16);
  refuse(HALYARD_OP_UNPACK, {bytes},
         halyard_unpack_params{sizeof(p), static_cast<halyard_format>(0), HALYARD_F16},
         "there is no format 0");
  refuse(HALYARD_OP_UNPACK, {bytes}, halyard_unpack_params{sizeof(p), HALYARD_Q4_K, HALYARD_I32},
         "gives f32, f16 or bf16");
  refuse(HALYARD_OP_UNPACK, {bytes}, halyard_unpack_params{sizeof(p), HALYARD_Q8_0, HALYARD_F32},
         "no multiple of a block's 34 bytes");
  refuse(HALYARD_OP_UNPACK, {elements}, p, "takes u8");
  refuse(HALYARD_OP_UNPACK, {input(HALYARD_U8, {18U << 24U})},
         halyard_unpack_params{sizeof(p), HALYARD_Q1_0, HALYARD_F32}, "too many elements");
  refuse(HALYARD_OP_UNPACK, {bytes}, {}, "parameters are missing");
}

TEST_F(GraphTest, ProductsWithBlocks) {
  const auto in = input(HALYARD_F16, {2, 5, 64});
  const auto weights = input(HALYARD_U8, {1, 3, 36});
  const halyard_linear_params p{sizeof(p), HALYARD_Q4_0};
  const auto out = op(HALYARD_OP_LINEAR, {in, weights}, p);
  EXPECT_THAT(dims_of(graph_, out), ElementsAre(2, 5, 3));
  EXPECT_EQ(graph_.node(out).desc.dtype, HALYARD_F16);
  refuse(HALYARD_OP_LINEAR, {in, weights},
         halyard_linear_params{sizeof(p), static_cast<halyard_format>(0)}, "there is no format 0");
  refuse(HALYARD_OP_LINEAR, {in, weights}, halyard_linear_params{sizeof(p), HALYARD_Q4_1},
         "no multiple of a block's 20 bytes");
  refuse(HALYARD_OP_LINEAR, {input(HALYARD_I8, {2, 5, 64}), weights}, p, "takes f32, f16 or bf16");
  refuse(HALYARD_OP_LINEAR, {in, input(HALYARD_I8, {1, 3, 36})}, p, "takes u8");
  refuse(HALYARD_OP_LINEAR, {input(HALYARD_F16, {2, 5, 63}), weights}, p, "63");
  refuse(HALYARD_OP_LINEAR, {in, input(HALYARD_U8, {36})}, p, "rank");
  refuse(HALYARD_OP_LINEAR, {in, weights}, {}, "parameters are missing");
}

TEST(GraphDigest, TellsGraphsApart) {
  const auto build = [](std::uint32_t size, float weight, std::uint32_t pad, const char* name) {
    Graph graph;
    const auto x = graph.add_input("x", desc(HALYARD_F32, {1, 1, size, size}));
    const std::array<float, 2> weights{weight, 1};
    const auto w =
        graph.add_constant(desc(HALYARD_F32, {1, 1, 2, 1}), std::as_bytes(std::span(weights)));
    auto p = conv_params();
    p.pad_top = pad;
    const std::array inputs{x, w};
    const auto y = graph.add_operation(HALYARD_OP_CONV2D, inputs, p);
    graph.add_output(name, y);
    return graph.digest();
  };
  const auto first = build(4, 1, 0, "y");
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(build(4, 1, 0, "y"), first);
  EXPECT_NE(build(5, 1, 0, "y"), first);
  EXPECT_NE(build(4, 2, 0, "y"), first);
  EXPECT_NE(build(4, 1, 1, "y"), first);
  EXPECT_NE(build(4, 1, 0, "z"), first);
}

}  // namespace
}  // namespace halyard::hal
