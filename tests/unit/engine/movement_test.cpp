// SPDX-License-Identifier: MIT
//
// copy, gather and fill: fast equals reference, bit for bit.
#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

constexpr auto kTypes = {DType::kF32, DType::kF16, DType::kBF16,
                         DType::kI8,  DType::kU8,  DType::kI32};

Dims random_dims(Random& random, std::int64_t lowest_rank, std::int64_t highest_rank) {
  Dims dims;
  for (std::int64_t rank = random.integer(lowest_rank, highest_rank); rank > 0; --rank) {
    dims.push_back(random.chance(0.15) ? 1 : random.dim(1, dims.size() < 2 ? 70 : 4));
  }
  return dims;
}

void expect_same_bits(const Storage& actual, const Storage& expected) {
  ASSERT_EQ(actual.bits(), expected.bits());
  ASSERT_EQ(actual.gaps(), expected.gaps());
}

class MovementOf : public ::testing::TestWithParam<DType> {};

TEST_P(MovementOf, CopyEqualsReferenceOverRandomShapes) {
  Random random(40);
  for (int i = 0; i < 250; ++i) {
    const Dims dims = random_dims(random, 1, 6);
    const DType target = random.chance(0.4) ? GetParam() : random.pick(kTypes);
    Storage in(GetParam(), dims, Layout::kInput, random);
    const Storage out(target, dims, Layout::kOutput, random);
    in.randomize(random, random.pick({Values::kOrdinary, Values::kExtreme, Values::kSpecial}));
    if (random.chance(0.3)) {  // floats whose integers are worth saturating
      in.set([&](std::size_t) { return random.real(-400.0F, 400.0F); });
    }
    SCOPED_TRACE("case " + std::to_string(i) + " in " + describe(in) + " out " + describe(out));
    const auto [quick, plain] = run_both(
        out, [&](const Arithmetic& with, const Tensor& result) { return with.copy(in, result); });
    expect_same_bits(quick, plain);
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST_P(MovementOf, GatherEqualsReferenceOverRandomShapes) {
  Random random(41);
  for (int i = 0; i < 120; ++i) {
    Dims dims = random_dims(random, 1, 4);
    Storage in(GetParam(), dims, Layout::kInput, random);
    in.randomize(random, Values::kSpecial);
    const std::uint32_t rows = dims[0];
    dims[0] = random.dim(1, 40);
    Storage index(DType::kI32, {dims[0]}, Layout::kInput, random);
    index.set([&](std::size_t) { return static_cast<double>(random.integer(0, rows - 1)); });
    const Storage out(GetParam(), dims, Layout::kOutput, random);
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.gather(in, index, result);
    });
    expect_same_bits(quick, plain);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(MovementOf, ScatterEqualsReferenceOverRandomShapes) {
  Random random(43);
  for (int i = 0; i < 160; ++i) {
    Dims dims = random_dims(random, 1, 4);
    const DType target = random.chance(0.5) ? GetParam() : random.pick(kTypes);
    const std::uint32_t rows = dims[0];
    const Storage out(target, dims, Layout::kOutput, random);
    dims[0] = random.dim(1, 40);
    Storage in(GetParam(), dims, Layout::kInput, random);
    in.randomize(random, Values::kSpecial);
    // Pairs of words now and then; rows come several times.
    const bool pairs = random.chance(0.4);
    Storage index(DType::kI32, pairs ? Dims{dims[0], 2} : Dims{dims[0]}, Layout::kInput, random);
    index.set([&](std::size_t n) {
      return pairs && n % 2 != 0 ? 0.0 : static_cast<double>(random.integer(0, rows - 1));
    });
    if (pairs && index.tensor().strides[1] == 0) {
      index.set([](std::size_t) { return 0.0; });
    }
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.scatter(in, index, result);
    });
    expect_same_bits(quick, plain);
    if (HasFatalFailure()) {
      FAIL() << "case " << i << " in " << describe(in) << " out " << describe(out);
    }
  }
}

TEST_P(MovementOf, FillEqualsReferenceOverRandomShapes) {
  Random random(42);
  for (int i = 0; i < 60; ++i) {
    const Storage out(GetParam(), random_dims(random, 1, 6), Layout::kOutput, random);
    const auto pattern = static_cast<std::uint32_t>(random.integer(0, 0xffffffff));
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.fill(result, pattern);
    });
    expect_same_bits(quick, plain);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, MovementOf, ::testing::ValuesIn(kTypes), type_name);

TEST(Gather, RefusesAnIndexOutsideByNameAndWritesNothing) {
  const Storage in(DType::kF32, {3, 2}, {1, 2, 3, 4, 5, 6});
  for (const auto& [bad, text] : {std::pair{3.0, "index 2 is 3, outside the 3 rows"},
                                  std::pair{-1.0, "index 2 is -1, outside the 3 rows"}}) {
    const Storage index(DType::kI32, {4}, {0, 2, bad, 1});
    const Storage out(DType::kF32, {4, 2}, {9, 9, 9, 9, 9, 9, 9, 9});
    for (const Arithmetic* with : {&reference(), &fast(), &fast_on_checked()}) {
      EXPECT_EQ(with->gather(in, index, out), text);
      EXPECT_EQ(out.values(), std::vector<double>(8, 9.0));
    }
  }
}

TEST(Gather, TakesIndicesOfTwoWords) {
  const Storage in(DType::kF32, {3, 2}, {1, 2, 3, 4, 5, 6});
  const Storage index(DType::kI32, {2, 2}, {2, 0, 1, 0});
  const Storage out(DType::kF32, {2, 2});
  const Storage huge(DType::kI32, {2, 2}, {2, 0, 1, 1});
  const Storage negative(DType::kI32, {2, 2}, {-1, -1, 1, 0});
  for (const Arithmetic* with : {&reference(), &fast(), &fast_on_checked()}) {
    EXPECT_EQ(with->gather(in, index, out), "");
    EXPECT_EQ(out.values(), (std::vector<double>{5, 6, 3, 4}));
    EXPECT_EQ(with->gather(in, huge, out), "index 1 is 4294967297, outside the 3 rows");
    EXPECT_EQ(with->gather(in, negative, out), "index 0 is -1, outside the 3 rows");
  }
}

TEST(Scatter, RefusesAnIndexOutsideByNameAndWritesNothing) {
  const Storage in(DType::kF32, {2, 2}, {1, 2, 3, 4});
  for (const auto& [bad, text] : {std::pair{3.0, "index 1 is 3, outside the 3 rows"},
                                  std::pair{-1.0, "index 1 is -1, outside the 3 rows"}}) {
    const Storage index(DType::kI32, {2}, {0, bad});
    const Storage out(DType::kF32, {3, 2}, {9, 9, 9, 9, 9, 9});
    for (const Arithmetic* with : {&reference(), &fast(), &fast_on_checked()}) {
      EXPECT_EQ(with->scatter(in, index, out), text);
      EXPECT_EQ(out.values(), std::vector<double>(6, 9.0));
    }
  }
}

}  // namespace
}  // namespace halyard::engine::testing
