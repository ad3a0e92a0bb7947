// SPDX-License-Identifier: MIT
/// \file
/// Every operation by the card, with operands laid out in several ways, against the reference.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "engine/engine.hpp"
#include "machine.hpp"

namespace halyard::emu::test {
namespace {

using engine::Arithmetic;
using engine::DType;

constexpr std::uint32_t kF32 = DRM_HALYARD_DORY_F32;
constexpr std::uint32_t kI8 = DRM_HALYARD_DORY_I8;
constexpr std::uint32_t kU8 = DRM_HALYARD_DORY_U8;
constexpr std::uint32_t kI32 = DRM_HALYARD_DORY_I32;

using Tensors = std::array<engine::Tensor, DRM_HALYARD_DORY_NUM_OPERANDS>;

struct Case {
  const char* name;
  std::uint32_t opcode;
  std::array<Operand, DRM_HALYARD_DORY_NUM_OPERANDS> operands;  ///< dense; placed by the test
  std::vector<std::pair<std::uint32_t, std::uint32_t>> parameters;
  std::string (*apply)(const Arithmetic& engine, const Tensors& t);
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

enum class Layout { kDense, kPadded, kReversed };

DType dtype_of(std::uint32_t dtype) {
  switch (dtype) {
    case kF32:
      return DType::kF32;
    case kI8:
      return DType::kI8;
    case kU8:
      return DType::kU8;
    default:
      return DType::kI32;
  }
}

Operand shaped(std::uint32_t dtype, std::vector<std::uint32_t> dims) {
  return dense(0, dtype, std::move(dims));
}

/// The case's operands one behind the other: inputs in region 0, the output in region 1.
class Operations : public CardTest, public testing::WithParamInterface<std::tuple<Case, Layout>> {
 protected:
  static constexpr std::uint32_t kGap = 64;

  /// Gives the operand its strides and its place. `next` is where there is room.
  static void place(Operand& operand, Layout layout, std::uint32_t region, std::uint32_t& next) {
    if (operand.dtype == 0) return;
    std::int32_t stride = layout == Layout::kPadded ? 3 : 1;
    std::uint32_t extent = 1;
    for (std::size_t i = operand.dims.size(); i-- > 0;) {
      const auto dim = static_cast<std::int32_t>(operand.dims[i]);
      operand.strides[i] = layout == Layout::kReversed ? -stride : stride;
      extent += static_cast<std::uint32_t>((dim - 1) * stride);
      stride = stride * dim + (layout == Layout::kPadded ? 5 : 0);
    }
    const auto size = static_cast<std::uint32_t>(engine::size_of(dtype_of(operand.dtype)));
    operand.region = region;
    operand.offset = next + (layout == Layout::kReversed ? (extent - 1) * size : 0);
    next = (next + extent * size + 2 * kGap - 1) / kGap * kGap;
  }

  void randomise(const Operand& operand) {
    if (operand.dtype == 0) return;
    for_each(operand, [&](std::size_t at) {
      std::uint32_t raw = 0;
      if (operand.dtype == kF32) {
        raw = std::bit_cast<std::uint32_t>(real_(random_));
      } else {
        raw = static_cast<std::uint32_t>(integer_(random_));
      }
      std::memcpy(machine_.host.at(in_) + at, &raw, engine::size_of(dtype_of(operand.dtype)));
    });
  }

  /// Calls `visit` with each element's offset in its region.
  template <typename Visit>
  static void for_each(const Operand& operand, const Visit& visit) {
    const auto size = static_cast<std::int64_t>(engine::size_of(dtype_of(operand.dtype)));
    std::vector<std::uint32_t> index(operand.dims.size(), 0);
    for (;;) {
      std::int64_t at = operand.offset;
      for (std::size_t i = 0; i < index.size(); ++i)
        at += std::int64_t{index[i]} * operand.strides[i] * size;
      visit(static_cast<std::size_t>(at));
      std::size_t i = index.size();
      for (; i > 0; --i) {
        if (++index[i - 1] < operand.dims[i - 1]) break;
        index[i - 1] = 0;
      }
      if (i == 0) return;
    }
  }

  static engine::Tensor view(const Operand& operand, std::span<std::byte> region) {
    engine::Tensor tensor;
    if (operand.dtype == 0) return tensor;
    tensor.type = dtype_of(operand.dtype);
    tensor.rank = static_cast<unsigned>(operand.dims.size());
    std::ranges::copy(operand.dims, tensor.dims.begin());
    std::ranges::copy(operand.strides, tensor.strides.begin());
    tensor.data = region.data() + operand.offset;
    return tensor;
  }

  static void expect_near(const Operand& out, std::span<const std::byte> got,
                          std::span<const std::byte> wanted) {
    for_each(out, [&](std::size_t at) {
      float a = 0;
      float b = 0;
      std::memcpy(&a, got.data() + at, sizeof(a));
      std::memcpy(&b, wanted.data() + at, sizeof(b));
      ASSERT_LE(std::abs(a - b), 2e-5F * (1 + std::abs(b))) << "at " << at;
    });
  }

  std::minstd_rand random_{7};
  std::uniform_real_distribution<float> real_{0.25F, 2};
  std::uniform_int_distribution<int> integer_{-100, 100};
};

TEST_P(Operations, AsTheReference) {
  auto [one, layout] = GetParam();
  std::uint32_t next_in = 0;
  std::uint32_t next_out = kGap;
  Stream stream;
  for (std::uint32_t i = 0; i < one.operands.size(); ++i) {
    const bool is_out = i == DRM_HALYARD_DORY_OUT;
    place(one.operands.at(i), layout, is_out ? 1 : 0, is_out ? next_out : next_in);
    if (!is_out) randomise(one.operands.at(i));
    stream.operand(i, one.operands.at(i));
  }
  ASSERT_LE(std::max(next_in, next_out), kSize);
  for (const auto& [state, value] : one.parameters)
    stream.set(state, {value});
  stream.op(one.opcode).end();
  std::ranges::fill(machine_.memory(out_, kSize), std::byte{0xa5});

  std::vector<std::byte> in(kSize);
  std::ranges::copy(machine_.memory(in_, kSize), in.begin());
  std::vector<std::byte> wanted(kSize, std::byte{0xa5});
  Tensors tensors;
  for (std::uint32_t i = 0; i < one.operands.size(); ++i)
    tensors.at(i) = view(one.operands.at(i), i == DRM_HALYARD_DORY_OUT ? wanted : in);
  ASSERT_EQ(one.apply(engine::reference(), tensors), "");

  ASSERT_EQ(machine_.run(stream), std::uint32_t{DORY_ERROR_NONE});
  std::vector<std::byte> got(kSize);
  std::ranges::copy(machine_.memory(out_, kSize), got.begin());
  const Operand& out = one.operands[DRM_HALYARD_DORY_OUT];
  if (out.dtype == kF32) {
    expect_near(out, got, wanted);
    // What is left to compare is what lies between the elements.
    for_each(out, [&](std::size_t at) { std::memcpy(&got[at], &wanted[at], sizeof(float)); });
  }
  EXPECT_EQ(got, wanted);
  EXPECT_TRUE(std::ranges::equal(machine_.memory(in_, kSize), in)) << "an input was written to";
}

constexpr std::uint32_t kActivation = DRM_HALYARD_DORY_ACTIVATION;
constexpr std::uint32_t kZeroPoint = DRM_HALYARD_DORY_ZERO_POINT;

std::vector<Case> cases() {
  using engine::Activation;
  return {
      {"Matmul",
       DRM_HALYARD_DORY_OP_MATMUL,
       {shaped(kF32, {5, 7}), shaped(kF32, {7, 6}), shaped(kF32, {6}), absent(),
        shaped(kF32, {5, 6})},
       {{kActivation, DRM_HALYARD_DORY_ACT_GELU}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.matmul(t[0], t[1], t[4], {.bias = t[2], .activation = Activation::kGelu});
       }},
      {"MatmulBatchedScaled",
       DRM_HALYARD_DORY_OP_MATMUL,
       {shaped(kF32, {2, 3, 5}), shaped(kF32, {1, 5, 4}), absent(), absent(),
        shaped(kF32, {2, 3, 4})},
       {},
       [](const Arithmetic& e, const Tensors& t) { return e.matmul(t[0], t[1], t[4], {}); }},
      {"MatmulI8",
       DRM_HALYARD_DORY_OP_MATMUL,
       {shaped(kI8, {5, 7}), shaped(kI8, {7, 6}), shaped(kI32, {6}), shaped(kF32, {6}),
        shaped(kI8, {5, 6})},
       {{kActivation, DRM_HALYARD_DORY_ACT_RELU}, {kZeroPoint, static_cast<std::uint32_t>(-3)}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.matmul(
             t[0], t[1], t[4],
             {.bias = t[2], .scale = t[3], .activation = Activation::kRelu, .zero_point = -3});
       }},
      {"MatmulI8ToI32",
       DRM_HALYARD_DORY_OP_MATMUL,
       {shaped(kI8, {5, 7}), shaped(kI8, {7, 6}), absent(), absent(), shaped(kI32, {5, 6})},
       {},
       [](const Arithmetic& e, const Tensors& t) { return e.matmul(t[0], t[1], t[4], {}); }},
      {"Conv2d",
       DRM_HALYARD_DORY_OP_CONV2D,
       {shaped(kF32, {2, 4, 9, 8}), shaped(kF32, {6, 2, 3, 2}), shaped(kF32, {6}), absent(),
        shaped(kF32, {2, 6, 5, 9})},
       {{DRM_HALYARD_DORY_STRIDES, pair(2, 1)},
        {DRM_HALYARD_DORY_DILATION, pair(1, 2)},
        {DRM_HALYARD_DORY_PAD_BEFORE, pair(1, 2)},
        {DRM_HALYARD_DORY_PAD_AFTER, pair(1, 1)},
        {DRM_HALYARD_DORY_GROUPS, 2}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.conv2d(t[0], t[1], t[4],
                         {.stride_h = 2,
                          .stride_w = 1,
                          .pad_top = 1,
                          .pad_left = 2,
                          .pad_bottom = 1,
                          .pad_right = 1,
                          .dilation_h = 1,
                          .dilation_w = 2,
                          .groups = 2},
                         {.bias = t[2]});
       }},
      {"BinaryDiv",
       DRM_HALYARD_DORY_OP_BINARY,
       {shaped(kF32, {3, 1, 5}), shaped(kF32, {3, 4, 1}), absent(), absent(),
        shaped(kF32, {3, 4, 5})},
       {{DRM_HALYARD_DORY_BINARY, DRM_HALYARD_DORY_DIV}, {kActivation, DRM_HALYARD_DORY_ACT_TANH}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.binary(engine::Binary::kDiv, t[0], t[1], t[4], Activation::kTanh);
       }},
      {"BinarySubI32",
       DRM_HALYARD_DORY_OP_BINARY,
       {shaped(kI32, {4, 5}), shaped(kI32, {4, 5}), absent(), absent(), shaped(kI32, {4, 5})},
       {{DRM_HALYARD_DORY_BINARY, DRM_HALYARD_DORY_SUB}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.binary(engine::Binary::kSub, t[0], t[1], t[4], Activation::kNone);
       }},
      {"ActivateSilu",
       DRM_HALYARD_DORY_OP_ACTIVATE,
       {shaped(kF32, {4, 5}), absent(), absent(), absent(), shaped(kF32, {4, 5})},
       {{kActivation, DRM_HALYARD_DORY_ACT_SILU}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.activate(Activation::kSilu, t[0], t[4]);
       }},
      {"PoolMax",
       DRM_HALYARD_DORY_OP_POOL2D,
       {shaped(kF32, {1, 3, 7, 8}), absent(), absent(), absent(), shaped(kF32, {1, 3, 4, 8})},
       {{DRM_HALYARD_DORY_KERNEL, pair(3, 2)},
        {DRM_HALYARD_DORY_STRIDES, pair(2, 1)},
        {DRM_HALYARD_DORY_PAD_BEFORE, pair(1, 1)},
        {DRM_HALYARD_DORY_PAD_AFTER, pair(1, 0)}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.pool2d(t[0], t[4],
                         {.kind = engine::Pool::kMax,
                          .kernel_h = 3,
                          .kernel_w = 2,
                          .stride_h = 2,
                          .stride_w = 1,
                          .pad_top = 1,
                          .pad_left = 1,
                          .pad_bottom = 1,
                          .pad_right = 0});
       }},
      {"PoolAveragePadded",
       DRM_HALYARD_DORY_OP_POOL2D,
       {shaped(kI8, {1, 3, 7, 8}), absent(), absent(), absent(), shaped(kI8, {1, 3, 7, 8})},
       {{DRM_HALYARD_DORY_KERNEL, pair(3, 3)},
        {DRM_HALYARD_DORY_STRIDES, pair(1, 1)},
        {DRM_HALYARD_DORY_PAD_BEFORE, pair(1, 1)},
        {DRM_HALYARD_DORY_PAD_AFTER, pair(1, 1)},
        {DRM_HALYARD_DORY_POOL, DRM_HALYARD_DORY_POOL_AVERAGE_PADDED}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.pool2d(t[0], t[4],
                         {.kind = engine::Pool::kAverage,
                          .kernel_h = 3,
                          .kernel_w = 3,
                          .pad_top = 1,
                          .pad_left = 1,
                          .pad_bottom = 1,
                          .pad_right = 1,
                          .count_padding = true});
       }},
      {"PoolAverage",
       DRM_HALYARD_DORY_OP_POOL2D,
       {shaped(kF32, {1, 3, 7, 8}), absent(), absent(), absent(), shaped(kF32, {1, 3, 7, 8})},
       {{DRM_HALYARD_DORY_KERNEL, pair(3, 3)},
        {DRM_HALYARD_DORY_STRIDES, pair(1, 1)},
        {DRM_HALYARD_DORY_PAD_BEFORE, pair(1, 1)},
        {DRM_HALYARD_DORY_PAD_AFTER, pair(1, 1)},
        {DRM_HALYARD_DORY_POOL, DRM_HALYARD_DORY_POOL_AVERAGE}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.pool2d(t[0], t[4],
                         {.kind = engine::Pool::kAverage,
                          .kernel_h = 3,
                          .kernel_w = 3,
                          .pad_top = 1,
                          .pad_left = 1,
                          .pad_bottom = 1,
                          .pad_right = 1});
       }},
      {"Softmax",
       DRM_HALYARD_DORY_OP_SOFTMAX,
       {shaped(kF32, {4, 9}), absent(), absent(), absent(), shaped(kF32, {4, 9})},
       {},
       [](const Arithmetic& e, const Tensors& t) { return e.softmax(t[0], t[4]); }},
      {"NormLayer",
       DRM_HALYARD_DORY_OP_NORM,
       {shaped(kF32, {4, 9}), absent(), shaped(kF32, {9}), shaped(kF32, {9}), shaped(kF32, {4, 9})},
       {{DRM_HALYARD_DORY_EPSILON, std::bit_cast<std::uint32_t>(1e-3F)}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.norm(engine::Norm::kLayer, t[0], t[3], t[2], t[4], 1e-3F);
       }},
      {"NormRms",
       DRM_HALYARD_DORY_OP_NORM,
       {shaped(kF32, {4, 9}), absent(), absent(), shaped(kF32, {9}), shaped(kF32, {4, 9})},
       {{DRM_HALYARD_DORY_NORM, DRM_HALYARD_DORY_NORM_RMS}},
       [](const Arithmetic& e, const Tensors& t) {
         return e.norm(engine::Norm::kRms, t[0], t[3], t[2], t[4], 0);
       }},
      {"CopyConverts",
       DRM_HALYARD_DORY_OP_COPY,
       {shaped(kI32, {2, 3, 4, 5}), absent(), absent(), absent(), shaped(kU8, {2, 3, 4, 5})},
       {},
       [](const Arithmetic& e, const Tensors& t) { return e.copy(t[0], t[4]); }},
      {"Quantize",
       DRM_HALYARD_DORY_OP_QUANTIZE,
       {shaped(kF32, {4, 9}), absent(), absent(), shaped(kF32, {4}), shaped(kU8, {4, 9})},
       {{DRM_HALYARD_DORY_AXIS, 0}, {kZeroPoint, 5}},
       [](const Arithmetic& e, const Tensors& t) { return e.quantize(t[0], t[3], t[4], 0, 5); }},
      {"Dequantize",
       DRM_HALYARD_DORY_OP_DEQUANTIZE,
       {shaped(kU8, {4, 9}), absent(), absent(), shaped(kF32, {9}), shaped(kF32, {4, 9})},
       {{DRM_HALYARD_DORY_AXIS, 1}, {kZeroPoint, 5}},
       [](const Arithmetic& e, const Tensors& t) { return e.dequantize(t[0], t[3], t[4], 1, 5); }},
      {"Requantize",
       DRM_HALYARD_DORY_OP_REQUANTIZE,
       {shaped(kI32, {4, 9}), absent(), absent(), shaped(kF32, {1}), shaped(kI8, {4, 9})},
       {{kZeroPoint, 7}},
       [](const Arithmetic& e, const Tensors& t) { return e.requantize(t[0], t[3], t[4], 0, 7); }},
      {"Fill",
       DRM_HALYARD_DORY_OP_FILL,
       {absent(), absent(), absent(), absent(), shaped(kI8, {3, 4, 5})},
       {{DRM_HALYARD_DORY_PATTERN, 0x77}},
       [](const Arithmetic& e, const Tensors& t) { return e.fill(t[4], 0x77); }},
  };
}

std::string name_of(const testing::TestParamInfo<std::tuple<Case, Layout>>& info) {
  static constexpr const char* kLayouts[] = {"Dense", "Padded", "Reversed"};
  return std::string(std::get<0>(info.param).name) +
         kLayouts[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(All, Operations,
                         testing::Combine(testing::ValuesIn(cases()),
                                          testing::Values(Layout::kDense, Layout::kPadded,
                                                          Layout::kReversed)),
                         name_of);

TEST_F(CardTest, OverlapIsReadBeforeItIsWritten) {
  for (std::uint32_t i = 0; i < 1000; ++i)
    std::memcpy(machine_.host.at(out_) + std::size_t{4} * i, &i, sizeof(i));
  Stream stream;
  stream.copy(dense(1, kI32, {999}), dense(1, kI32, {999}, 4)).end();
  ASSERT_EQ(machine_.run(stream), std::uint32_t{DORY_ERROR_NONE});
  for (std::uint32_t i = 1; i < 1000; ++i)
    ASSERT_EQ(out_word(4 * i), i - 1);
}

}  // namespace
}  // namespace halyard::emu::test
