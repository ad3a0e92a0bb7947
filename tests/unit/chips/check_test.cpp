// SPDX-License-Identifier: MIT
/// \file
/// Where an operand may lie: borders of windows and of numbers.

#include "chips/tensor/check.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace halyard::emu::tensor {
namespace {

constexpr std::uint32_t kMaxDim = std::numeric_limits<std::uint32_t>::max();
constexpr std::int32_t kMaxStride = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kMinStride = std::numeric_limits<std::int32_t>::min();

class Place : public testing::Test {
 protected:
  /// Whether a row of F32 is inside a window of 64 bytes at 0x1000.
  bool row(std::uint32_t dim, std::int32_t stride, std::uint64_t offset) {
    return place({.type = engine::DType::kF32,
                  .rank = 1,
                  .dims = {dim},
                  .strides = {stride},
                  .offset = offset},
                 {.kind = "window", .address = 0x1000, .size = 64});
  }
  bool place(const OperandFields& fields, const Window& window) {
    operand_ = {};
    fault_ = {};
    return check_shape(fields, engine::kMaxRank, 2, operand_, fault_) &&
           tensor::place(fields, window, 2, operand_, fault_);
  }
  Operand operand_;
  Fault fault_;
};

TEST_F(Place, ToTheVeryEnd) {
  EXPECT_TRUE(row(16, 1, 0));
  EXPECT_TRUE(row(1, 1, 60));
  EXPECT_TRUE(row(16, -1, 60));
  EXPECT_EQ(operand_.first, 0x1000U + 60);
  EXPECT_EQ(operand_.begin, 0x1000U);
  EXPECT_EQ(operand_.bytes, 64U);
  EXPECT_TRUE(row(kMaxDim, 0, 60));
}

TEST_F(Place, NotBeyond) {
  const auto refused = [&](std::uint32_t dim, std::int32_t stride, std::uint64_t offset) {
    EXPECT_FALSE(row(dim, stride, offset));
    EXPECT_EQ(fault_.cause, FaultCause::kOutOfBounds);
    EXPECT_EQ(fault_.address, 0x1000 + offset);
    EXPECT_EQ(fault_.text, "operand 2 reaches outside its window");
  };
  refused(17, 1, 0);
  refused(16, 1, 4);
  refused(1, 1, 64);
  refused(1, 1, ~std::uint64_t{3});
  refused(17, -1, 60);
  refused(2, -1, 0);
  refused(2, kMaxStride, 0);
  refused(2, kMinStride, 60);
  refused(kMaxDim, kMaxStride, 0);
  refused(kMaxDim, kMinStride, 60);
}

TEST_F(Place, ReachesThatCancelOut) {
  // Below by as much as above, so that a sum of both would be nothing.
  EXPECT_FALSE(place(
      {.type = engine::DType::kI8, .rank = 2, .dims = {33, 33}, .strides = {1, -1}, .offset = 32},
      {.kind = "window", .address = 0, .size = 64}));
  EXPECT_TRUE(place(
      {.type = engine::DType::kI8, .rank = 2, .dims = {32, 33}, .strides = {1, -1}, .offset = 32},
      {.kind = "window", .address = 0, .size = 64}));
}

TEST_F(Place, WindowsThatWrap) {
  EXPECT_FALSE(
      place({.type = engine::DType::kI8, .rank = 1, .dims = {16}, .strides = {1}, .offset = 0},
            {.kind = "window", .address = ~std::uint64_t{7}, .size = 64}));
}

TEST_F(Place, AlignedToElements) {
  EXPECT_FALSE(row(1, 1, 2));
  EXPECT_EQ(fault_.cause, FaultCause::kIllegalCommand);
}

TEST_F(Place, NotTooLarge) {
  const auto bytes = [&](std::uint32_t count) {
    return place(
        {.type = engine::DType::kI8, .rank = 1, .dims = {count}, .strides = {1}, .offset = 0},
        {.kind = "window", .address = 0, .size = std::uint64_t{1} << 40});
  };
  EXPECT_TRUE(bytes(1U << 31));
  EXPECT_FALSE(bytes((1U << 31) + 1));
}

TEST_F(Place, Shapes) {
  const auto shape = [&](unsigned rank, std::array<std::uint32_t, engine::kMaxRank> dims) {
    operand_ = {};
    return check_shape(
        {.type = engine::DType::kI8, .rank = rank, .dims = dims, .strides = {}, .offset = 0}, 4, 0,
        operand_, fault_);
  };
  EXPECT_TRUE(shape(4, {1, 2, 3, 4}));
  EXPECT_EQ(operand_.elements, 24U);
  EXPECT_FALSE(shape(0, {}));
  EXPECT_FALSE(shape(5, {1, 1, 1, 1, 1}));
  EXPECT_FALSE(shape(2, {1, 0}));
  EXPECT_FALSE(shape(2, {1, 1, 1}));
  EXPECT_FALSE(shape(4, {kMaxDim, kMaxDim, kMaxDim, kMaxDim}));
  EXPECT_TRUE(shape(2, {1U << 20, 1U << 20}));
  EXPECT_FALSE(shape(3, {1U << 20, 1U << 20, 2}));
}

TEST(CheckCommand, OperandsTogether) {
  Command command;
  command.op = Op::kCopy;
  Fault fault;
  for (unsigned i = 0; i < 2; ++i) {
    command.operands.at(i).present = true;
    command.operands.at(i).bytes = (std::uint64_t{1} << 31) + i;
  }
  EXPECT_FALSE(check_command(command, "copy", fault));
  EXPECT_EQ(fault.text, "the operands together span over 4 GiB");
}

}  // namespace
}  // namespace halyard::emu::tensor
