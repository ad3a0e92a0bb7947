// SPDX-License-Identifier: MIT
//
// Quantised blocks: fast equals reference bit for bit, known blocks of each layout, refusals.
#include <array>
#include <bit>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

class BlocksOf : public ::testing::TestWithParam<unsigned> {
 protected:
  [[nodiscard]] static Format format() { return static_cast<Format>(GetParam()); }
  [[nodiscard]] static BlockShape shape() { return shape_of(format()); }
};

INSTANTIATE_TEST_SUITE_P(Formats, BlocksOf, ::testing::Range(1U, kNumFormats + 1));

/// [..., bytes] with gaps between rows, but none in them; any bytes.
struct Rows {
  Rows(Random& random, Dims dims) {
    const std::uint32_t row = dims.back() + random.dim(0, 3);
    tensor.type = DType::kU8;
    tensor.rank = static_cast<unsigned>(dims.size());
    std::int32_t stride = static_cast<std::int32_t>(row);
    for (std::size_t i = dims.size(); i-- > 0;) {
      tensor.dims.at(i) = dims[i];
      const bool last = i + 1 == dims.size();
      tensor.strides.at(i) = last ? 1 : stride;
      stride *= static_cast<std::int32_t>(last ? 1U : dims[i]);
    }
    memory.resize(static_cast<std::size_t>(stride) + 1);
    for (std::byte& byte : memory) {
      byte = static_cast<std::byte>(random.integer(0, 255));
    }
    tensor.data = memory.data() + 1;  // blocks have any alignment
  }

  std::vector<std::byte> memory;
  Tensor tensor;
};

TEST_P(BlocksOf, UnpackEqualsReferenceOverRandomShapes) {
  Random random(60 + GetParam());
  for (int i = 0; i < 40; ++i) {
    const std::uint32_t blocks = random.dim(1, 9);
    Dims dims(static_cast<std::size_t>(random.integer(0, 3)));
    for (std::uint32_t& dim : dims) {
      dim = random.dim(1, 5);
    }
    dims.push_back(blocks * shape().bytes);
    const Rows in(random, dims);
    dims.back() = blocks * shape().elements;
    const Storage out(random.pick(kFloats), dims, Layout::kOutput, random);
    SCOPED_TRACE("case " + std::to_string(i) + " out " + describe(out));
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.unpack(format(), in.tensor, result);
    });
    expect_equal(quick, plain);
    if (HasFailure()) return;
  }
}

TEST(Blocks, LongRowsAreDividedAmongThreads) {
  Random random(61);
  const std::uint32_t blocks = 1U << 15U;
  const Rows in(random, {2, blocks * 34});
  const Storage out(DType::kF32, {2, blocks * 32});
  const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
    return with.unpack(Format::kQ80, in.tensor, result);
  });
  expect_equal(quick, plain);
}

/// A block with these bytes, the rest zero, unpacked by the reference.
std::vector<double> unpacked(Format format, const std::vector<std::pair<std::size_t, int>>& bytes) {
  std::vector<std::byte> block(shape_of(format).bytes);
  for (const auto& [at, value] : bytes) {
    block.at(at) = static_cast<std::byte>(value);
  }
  Tensor in = Storage(DType::kU8, {shape_of(format).bytes});
  in.data = block.data();
  const Storage out(DType::kF32, {shape_of(format).elements});
  EXPECT_EQ(reference().unpack(format, in, out), "");
  return out.values();
}

constexpr int kOneHigh = 0x3c;  // binary16: 1.0 is 0x3c00

TEST(Blocks, NibblesOfTheSecondHalfAreTheHighOnes) {
  const auto q40 = unpacked(Format::kQ40, {{1, kOneHigh}, {2, 0x9f}});
  EXPECT_EQ(q40[0], 7);
  EXPECT_EQ(q40[16], 1);
  EXPECT_EQ(q40[1], -8);
  const auto q41 = unpacked(Format::kQ41, {{1, kOneHigh}, {3, 0x40}, {19, 0x50}});
  EXPECT_EQ(q41[15], 2);
  EXPECT_EQ(q41[31], 7);
}

TEST(Blocks, FifthBitsStandInAWord) {
  const auto q50 = unpacked(Format::kQ50, {{1, kOneHigh}, {2, 1}, {5, 0x80}, {6, 0x03}});
  EXPECT_EQ(q50[0], 3);
  EXPECT_EQ(q50[31], 0);
  EXPECT_EQ(q50[16], -16);
  const auto q51 = unpacked(Format::kQ51, {{1, kOneHigh}, {3, kOneHigh}, {5, 2}});
  EXPECT_EQ(q51[9], 17);
  EXPECT_EQ(q51[8], 1);
}

TEST(Blocks, SignedBytes) {
  const auto q80 = unpacked(Format::kQ80, {{1, kOneHigh}, {2, 0x80}, {33, 0x7f}});
  EXPECT_EQ(q80[0], -128);
  EXPECT_EQ(q80[31], 127);
}

TEST(Blocks, SmallFloats) {
  const auto mxfp4 = unpacked(Format::kMxfp4, {{0, 128}, {1, 0xf1}});
  EXPECT_EQ(mxfp4[0], 1);     // 0.5 * 2
  EXPECT_EQ(mxfp4[16], -12);  // -6 * 2
  EXPECT_EQ(unpacked(Format::kMxfp4, {{0, 0}, {1, 2}})[0], 0x1p-127);
  EXPECT_EQ(unpacked(Format::kMxfp4, {{0, 1}, {1, 2}})[0], 0x1p-126);
  const auto nvfp4 = unpacked(Format::kNvfp4, {{1, 0x3c}, {12, 0x75}, {0, 0x7f}, {4, 0x11}});
  EXPECT_EQ(nvfp4[16], 4.5);  // 3 * 1.5
  EXPECT_EQ(nvfp4[24], 9);    // 6 * 1.5
  EXPECT_EQ(nvfp4[0], 0);     // the scale is no number
}

TEST(Blocks, ScalesOfSixBits) {
  // The fifth scale: its high bits stand with the first one, its low ones behind the minima.
  const auto q4 = unpacked(Format::kQ4K, {{1, kOneHigh}, {4, 0xc1}, {12, 0x02}, {80, 0x01}});
  EXPECT_EQ(q4[128], 50);
  EXPECT_EQ(q4[0], 0);
  const auto q5 = unpacked(Format::kQ5K, {{1, kOneHigh}, {5, 3}, {17, 2}, {49, 0x10}});
  EXPECT_EQ(q5[33], 51);
  const auto q3 = unpacked(Format::kQ3K, {{109, kOneHigh}, {96, 1}, {104, 2}, {32, 3}, {0, 1}});
  EXPECT_EQ(q3[0], 3);
  EXPECT_EQ(q3[1], -4);
}

TEST(Blocks, SixteenScales) {
  const auto q2 = unpacked(Format::kQ2K, {{81, kOneHigh}, {83, kOneHigh}, {15, 0x23}, {79, 0xc0}});
  EXPECT_EQ(q2[255], 7);  // 3 * 3 - 2
  EXPECT_EQ(q2[254], -2);
  const auto q6 = unpacked(Format::kQ6K, {{209, kOneHigh}, {207, 0xff}, {127, 0x20}, {191, 0x80}});
  EXPECT_EQ(q6[255], -2);  // -1 * (0b100010 - 32)
}

TEST(Blocks, OtherSteps) {
  EXPECT_EQ(unpacked(Format::kIq4Nl, {{1, kOneHigh}, {2, 0xf0}})[16], 113);
  const auto xs = unpacked(Format::kIq4Xs, {{1, kOneHigh}, {3, 0x80}, {7, 0x10}, {135, 0x80}});
  EXPECT_EQ(xs[255], 1);  // step 33 - 32
  EXPECT_EQ(xs[239], -127);
  EXPECT_EQ(unpacked(Format::kQ10, {{1, kOneHigh}, {17, 0x80}})[127], 1);
  EXPECT_EQ(unpacked(Format::kQ10, {{1, kOneHigh}})[126], -1);
  EXPECT_EQ(unpacked(Format::kQ20, {{1, kOneHigh}, {17, 0xc0}})[63], 2);
}

TEST(Blocks, TernaryDigits) {
  // The largest fraction has the digit 2 everywhere.
  const auto tq1 = unpacked(Format::kTq10, {{53, kOneHigh}, {31, 0xff}, {47, 0xff}, {51, 0xff}});
  EXPECT_EQ(tq1[31], 1);
  EXPECT_EQ(tq1[159], 1);
  EXPECT_EQ(tq1[175], 1);
  EXPECT_EQ(tq1[243], 1);
  EXPECT_EQ(tq1[30], -1);
  EXPECT_EQ(unpacked(Format::kTq20, {{65, kOneHigh}, {63, 0x80}})[255], 1);
}

TEST(Blocks, UnpackRefusals) {
  std::array<std::byte, 36> bytes{};
  Tensor in = Storage(DType::kU8, {36});
  in.data = bytes.data();
  const Storage out(DType::kF32, {64});
  const auto expect = [&](Format format, const Tensor& from, const Tensor& to,
                          const std::string& reason) {
    EXPECT_EQ(reference().unpack(format, from, to), reason);
    EXPECT_EQ(fast().unpack(format, from, to), reason);
  };
  expect(Format::kQ40, in, out, "");
  expect(Format{}, in, out, "unknown format");
  expect(static_cast<Format>(kNumFormats + 1), in, out, "unknown format");
  Tensor other = in;
  other.type = DType::kI8;
  expect(Format::kQ40, other, out, "in may not be of type i8");
  expect(Format::kQ40, in, Storage(DType::kI32, {64}), "out may not be of type i32");
  expect(Format::kQ40, in, Storage(DType::kF32, {1, 64}), "out has rank 2, not 1");
  expect(Format::kQ40, in, Storage(DType::kF32, {63}), "dimension 0 of out is 63, not 64");
  other = in;
  other.strides[0] = -1;
  expect(Format::kQ40, other, out, "the last dimension of in has gaps");
  expect(Format::kQ41, in, out, "dimension 0 of in is no multiple of 20");
  other = Storage(DType::kU8, {2, 18});
  other.data = bytes.data();
  expect(Format::kQ40, other, Storage(DType::kF32, {1, 32}), "dimension 0 of in is 2, not 1");
}

}  // namespace
}  // namespace halyard::engine::testing
