// SPDX-License-Identifier: MIT
//
// The reference against values worked out by hand. That the fast version equals the reference is
// the other files' matter.
#include <cmath>
#include <limits>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

using Numbers = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Expects values to within float32's accuracy.
void expect_values(const Storage& tensor, const Numbers& expected) {
  const Numbers values = tensor.values();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i])) << i;
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(values[i], expected[i]) << i;
    } else {
      EXPECT_NEAR(values[i], expected[i], 1e-6 * std::max(1.0, std::fabs(expected[i]))) << i;
    }
  }
}

TEST(Reference, MatmulOfTwoByThreeByTwo) {
  const Storage a(DType::kF32, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Storage b(DType::kF32, {3, 2}, {7, 8, 9, 10, 11, 12});
  const Storage out(DType::kF32, {2, 2});
  ASSERT_EQ(reference().matmul(a, b, out, {}), "");
  expect_values(out, {58, 64, 139, 154});
}

TEST(Reference, MatmulAddsBiasPerColumnThenActivates) {
  const Storage a(DType::kBF16, {2, 1}, {1, -1});
  const Storage b(DType::kBF16, {1, 2}, {3, 5});
  const Storage bias(DType::kF32, {2}, {0.5, -10});
  const Storage out(DType::kF32, {2, 2});
  ASSERT_EQ(reference().matmul(a, b, out, {.bias = bias, .activation = Activation::kRelu}), "");
  expect_values(out, {3.5, 0, 0, 0});
}

TEST(Reference, Int8MatmulWrapsModuloTwoToThe32) {
  constexpr std::uint32_t kDepth = 131072;  // times 2^14 is 2^31
  Storage a(DType::kI8, {1, kDepth});
  Storage b(DType::kI8, {kDepth, 1});
  a.set([](std::size_t) { return -128; });
  b.set([](std::size_t) { return -128; });
  const Storage out(DType::kI32, {1, 1});
  ASSERT_EQ(reference().matmul(a, b, out, {}), "");
  expect_values(out, {-2147483648.0});
}

TEST(Reference, Int8MatmulRescalesRoundsOffsetsAndSaturates) {
  const Storage a(DType::kI8, {1, 2}, {10, 10});
  const Storage b(DType::kI8, {2, 5}, {1, 1, 1, 100, -100, 0, 2, 4, 100, -100});
  const Storage bias(DType::kI32, {5}, {0, 0, -20, 0, 0});
  const Storage scale(DType::kF32, {5}, {0.25, 0.05, -0.25, 1, 1});
  const Storage out(DType::kI8, {1, 5});
  const Epilogue epilogue{.bias = bias, .scale = scale, .zero_point = -3};
  ASSERT_EQ(reference().matmul(a, b, out, epilogue), "");
  // 10 * 0.25 = 2.5 rounds to 2; 30 * 0.05 = 1.5 to 2; (50 - 20) * -0.25 = -7.5 to -8.
  expect_values(out, {-1, -1, -11, 127, -128});
}

TEST(Reference, ConvolutionWithPaddingAndStride) {
  const Storage in(DType::kF32, {1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Storage weight(DType::kF32, {1, 1, 2, 2}, {1, 10, 100, 1000});
  const Storage bias(DType::kF32, {1}, {0.5});
  const Storage out(DType::kF32, {1, 1, 2, 2});
  const Conv2dParams params{.stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 1};
  ASSERT_EQ(reference().conv2d(in, weight, out, params, {.bias = bias}), "");
  // Windows begin at (-1, -1), (-1, 1), (1, -1), (1, 1).
  expect_values(out, {1000.5, 3200.5, 7040.5, 9865.5});
}

TEST(Reference, ConvolutionWithGroupsAndDilation) {
  const Storage in(DType::kI8, {1, 2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const Storage weight(DType::kI8, {2, 1, 1, 2}, {1, 10, 2, 20});
  const Storage out(DType::kI32, {1, 2, 1, 1});
  ASSERT_EQ(reference().conv2d(in, weight, out, {.dilation_w = 2, .groups = 2}, {}), "");
  expect_values(out, {31, 128});
}

TEST(Reference, BinaryBroadcastsAndSaturates) {
  const Storage a(DType::kI8, {2, 1}, {100, -100});
  const Storage b(DType::kI8, {1, 3}, {100, -100, 7});
  const Storage out(DType::kI8, {2, 3});
  ASSERT_EQ(reference().binary(Binary::kAdd, a, b, out, Activation::kNone), "");
  expect_values(out, {127, 0, 107, 0, -128, -93});
  ASSERT_EQ(reference().binary(Binary::kMul, a, b, out, Activation::kRelu), "");
  expect_values(out, {127, 0, 127, 0, 127, 0});
}

TEST(Reference, Int32DivisionTruncatesAndKnowsZeroAndOverflow) {
  const Storage a(DType::kI32, {5}, {7, -7, 5, -2147483648.0, 0});
  const Storage b(DType::kI32, {5}, {2, 2, 0, -1, 0});
  const Storage out(DType::kI32, {5});
  ASSERT_EQ(reference().binary(Binary::kDiv, a, b, out, Activation::kNone), "");
  expect_values(out, {3, -3, 0, 2147483647.0, 0});
}

TEST(Reference, MaximumAndMinimumPassNanOn) {
  const Storage a(DType::kF32, {4}, {1, kNan, 2, -kInfinity});
  const Storage b(DType::kF32, {4}, {3, 1, kNan, 4});
  const Storage out(DType::kF32, {4});
  ASSERT_EQ(reference().binary(Binary::kMax, a, b, out, Activation::kNone), "");
  expect_values(out, {3, kNan, kNan, 4});
  ASSERT_EQ(reference().binary(Binary::kMin, a, b, out, Activation::kNone), "");
  expect_values(out, {1, kNan, kNan, -kInfinity});
}

TEST(Reference, Activations) {
  const Storage in(DType::kF32, {4}, {-1, 0, 1, kNan});
  const Storage out(DType::kF32, {4});
  const std::vector<std::pair<Activation, Numbers>> table = {
      {Activation::kNone, {-1, 0, 1, kNan}},
      {Activation::kRelu, {0, 0, 1, kNan}},
      {Activation::kGelu, {-0.15865525, 0, 0.84134475, kNan}},
      {Activation::kSilu, {-0.26894142, 0, 0.73105858, kNan}},
      {Activation::kSigmoid, {0.26894142, 0.5, 0.73105858, kNan}},
      {Activation::kTanh, {-0.76159416, 0, 0.76159416, kNan}}};
  for (const auto& [activation, expected] : table) {
    ASSERT_EQ(reference().activate(activation, in, out), "");
    expect_values(out, expected);
  }
}

TEST(Reference, MaxPoolIgnoresPadding) {
  const Storage in(DType::kF32, {1, 1, 2, 2}, {-1, -2, -3, -4});
  const Storage out(DType::kF32, {1, 1, 2, 2});
  const PoolParams params{.kernel_h = 2,
                          .kernel_w = 2,
                          .stride_h = 2,
                          .stride_w = 2,
                          .pad_top = 1,
                          .pad_left = 1,
                          .pad_bottom = 1,
                          .pad_right = 1};
  ASSERT_EQ(reference().pool2d(in, out, params), "");
  expect_values(out, {-1, -2, -3, -4});
}

TEST(Reference, AveragePoolWithAndWithoutPaddingInTheCount) {
  const Storage in(DType::kF32, {1, 1, 1, 3}, {3, 6, 12});
  const Storage out(DType::kF32, {1, 1, 1, 2});
  PoolParams params{.kind = Pool::kAverage, .kernel_w = 2, .stride_w = 2, .pad_left = 1};
  ASSERT_EQ(reference().pool2d(in, out, params), "");
  expect_values(out, {3, 9});
  params.count_padding = true;
  ASSERT_EQ(reference().pool2d(in, out, params), "");
  expect_values(out, {1.5, 9});
}

TEST(Reference, AveragePoolOfInt8RoundsHalfToEven) {
  const Storage in(DType::kI8, {1, 1, 1, 8}, {1, 2, 2, 3, -1, -2, -2, -3});
  const Storage out(DType::kI8, {1, 1, 1, 4});
  const PoolParams params{.kind = Pool::kAverage, .kernel_w = 2, .stride_w = 2};
  ASSERT_EQ(reference().pool2d(in, out, params), "");
  expect_values(out, {2, 2, -2, -2});
}

TEST(Reference, SoftmaxOfLargeValues) {
  const Storage in(DType::kF32, {2, 2}, {1000, 1000, 0, std::log(3.0)});
  const Storage out(DType::kF32, {2, 2});
  ASSERT_EQ(reference().softmax(in, out), "");
  expect_values(out, {0.5, 0.5, 0.25, 0.75});
}

TEST(Reference, LayerNorm) {
  const Storage in(DType::kF32, {1, 4}, {1, 3, 5, 7});  // mean 4, variance 5
  const Storage gain(DType::kF32, {4}, {1, 1, 2, 2});
  const Storage bias(DType::kF32, {4}, {0, 1, 0, 1});
  const Storage out(DType::kF32, {1, 4});
  ASSERT_EQ(reference().norm(Norm::kLayer, in, gain, bias, out, 4.0F), "");
  expect_values(out, {-1, 1 - 1.0 / 3, 2.0 / 3, 3});
}

TEST(Reference, RmsNorm) {
  const Storage in(DType::kF32, {1, 2}, {3, 4});  // mean square 12.5
  const Storage out(DType::kF32, {1, 2});
  ASSERT_EQ(reference().norm(Norm::kRms, in, {}, {}, out, 12.5F), "");
  expect_values(out, {0.6, 0.8});
}

TEST(Reference, CopyConverts) {
  const Storage in(DType::kF32, {8}, {0.5, 1.5, -2.5, 300, -300, kNan, 3e9, -3e9});
  const Storage bytes(DType::kI8, {8});
  ASSERT_EQ(reference().copy(in, bytes), "");
  expect_values(bytes, {0, 2, -2, 127, -128, 0, 127, -128});
  const Storage words(DType::kI32, {8});
  ASSERT_EQ(reference().copy(in, words), "");
  expect_values(words, {0, 2, -2, 300, -300, 0, 2147483647.0, -2147483648.0});
  const Storage unsigned_bytes(DType::kU8, {8});
  ASSERT_EQ(reference().copy(words, unsigned_bytes), "");
  expect_values(unsigned_bytes, {0, 2, 0, 255, 0, 0, 255, 0});
}

TEST(Reference, CopyTransposesByStrides) {
  const Storage in(DType::kF16, {2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor transposed = in;
  transposed.dims = {3, 2};
  transposed.strides = {1, 3};
  const Storage out(DType::kF16, {3, 2});
  ASSERT_EQ(reference().copy(transposed, out), "");
  expect_values(out, {1, 4, 2, 5, 3, 6});
}

TEST(Reference, GatherRepeatsRows) {
  const Storage in(DType::kI32, {3, 2}, {10, 11, 20, 21, 30, 31});
  const Storage index(DType::kI32, {4}, {2, 0, 2, 1});
  const Storage out(DType::kI32, {4, 2});
  ASSERT_EQ(reference().gather(in, index, out), "");
  expect_values(out, {30, 31, 10, 11, 30, 31, 20, 21});
}

TEST(Reference, ScatterKeepsOtherRowsAndTheLastOfSeveral) {
  const Storage in(DType::kF32, {3, 2}, {1, 2, 3, 4, 5.5, 6});
  const Storage index(DType::kI32, {3}, {2, 0, 2});
  const Storage out(DType::kI32, {4, 2}, {90, 91, 92, 93, 94, 95, 96, 97});
  ASSERT_EQ(reference().scatter(in, index, out), "");
  expect_values(out, {3, 4, 92, 93, 6, 6, 96, 97});
}

TEST(Reference, RotateTurnsPairs) {
  const Storage in(DType::kF32, {2, 1, 2}, {1, 0, 2, 1});
  const Storage angle(DType::kF32, {1, 1, 1}, {1.5707963267948966});
  const Storage out(DType::kF32, {2, 1, 2});
  ASSERT_EQ(reference().rotate(in, angle, out, 3), "");
  const auto values = out.values();
  EXPECT_NEAR(values[0], 0, 1e-6);
  EXPECT_NEAR(values[1], 3, 1e-6);
  EXPECT_NEAR(values[2], -3, 1e-6);
  EXPECT_NEAR(values[3], 6, 1e-6);
}

TEST(Reference, FunctionsOfNumbersWithoutASurprise) {
  const Storage in(DType::kF32, {6}, {-2.5, -0.5, 0, 0.5, 2.5, kNan});
  const Storage out(DType::kF32, {6});
  const auto expect = [&](Function function, std::initializer_list<double> values) {
    ASSERT_EQ(reference().function(function, in, out), "");
    expect_values(out, values);
  };
  expect(Function::kFloor, {-3, -1, 0, 0, 2, kNan});
  expect(Function::kCeil, {-2, 0, 0, 1, 3, kNan});
  expect(Function::kRound, {-3, -1, 0, 1, 3, kNan});
  expect(Function::kTrunc, {-2, 0, 0, 0, 2, kNan});
  expect(Function::kSign, {-1, -1, 0, 1, 1, kNan});
  const Storage four(DType::kF32, {2}, {4, -1});
  const Storage root(DType::kF32, {2});
  ASSERT_EQ(reference().function(Function::kSqrt, four, root), "");
  expect_values(root, {2, kNan});
}

TEST(Reference, OrderPutsNanLastEitherWay) {
  const Storage in(DType::kF32, {5}, {2, kNan, -1, 2, 7});
  const Storage out(DType::kI32, {5});
  ASSERT_EQ(reference().order(in, out, false), "");
  expect_values(out, {2, 0, 3, 4, 1});
  ASSERT_EQ(reference().order(in, out, true), "");
  expect_values(out, {4, 0, 3, 2, 1});
}

TEST(Reference, QuantizePerChannel) {
  const Storage in(DType::kF32, {2, 3}, {1, 3, -1000, 1, 3, kNan});
  const Storage scale(DType::kF32, {2}, {2, 0.5});
  const Storage out(DType::kU8, {2, 3});
  ASSERT_EQ(reference().quantize(in, scale, out, 0, 10), "");
  expect_values(out, {10, 12, 0, 12, 16, 10});  // 0.5 rounds to 0, 1.5 to 2
}

TEST(Reference, DequantizePerTensor) {
  const Storage in(DType::kU8, {3}, {0, 10, 255});
  const Storage scale(DType::kF32, {1}, {0.5});
  const Storage out(DType::kF32, {3});
  ASSERT_EQ(reference().dequantize(in, scale, out, 0, 10), "");
  expect_values(out, {-5, 0, 122.5});
}

TEST(Reference, RequantizeRoundsHalfToEven) {
  const Storage in(DType::kI32, {5}, {5, 7, -5, 1000000, -1000000});
  const Storage scale(DType::kF32, {1}, {0.5});
  const Storage out(DType::kI8, {5});
  ASSERT_EQ(reference().requantize(in, scale, out, 0, 1), "");
  expect_values(out, {3, 5, -1, 127, -128});
}

TEST(Reference, FillTakesTheLowBytes) {
  const Storage bytes(DType::kU8, {2});
  ASSERT_EQ(reference().fill(bytes, 0x12345678), "");
  EXPECT_EQ(bytes.bits(), (std::vector<std::uint32_t>{0x78, 0x78}));
  const Storage halves(DType::kF16, {2});
  ASSERT_EQ(reference().fill(halves, 0x12345678), "");
  EXPECT_EQ(halves.bits(), (std::vector<std::uint32_t>{0x5678, 0x5678}));
  const Storage words(DType::kF32, {1});
  ASSERT_EQ(reference().fill(words, 0x12345678), "");
  EXPECT_EQ(words.bits(), (std::vector<std::uint32_t>{0x12345678}));
}

}  // namespace
}  // namespace halyard::engine::testing
