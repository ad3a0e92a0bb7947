// SPDX-License-Identifier: MIT
//
// softmax and norm: fast equals reference up to the order of sums over a row of n elements, n units
// of 2^-24 relative to the terms' size, and the rounding of the output's type.
#include <cmath>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

Dims random_dims(Random& random) {
  Dims dims;
  for (std::int64_t rank = random.integer(0, 3); rank > 0; --rank) {
    dims.push_back(random.dim(1, 5));
  }
  dims.push_back(random.chance(0.1) ? 1 : random.dim(1, 300));
  return dims;
}

class NormalizeOf : public ::testing::TestWithParam<DType> {};

TEST_P(NormalizeOf, SoftmaxEqualsReferenceOverRandomShapes) {
  Random random(30);
  for (int i = 0; i < 120; ++i) {
    const Dims dims = random_dims(random);
    Storage in(GetParam(), dims, Layout::kInput, random);
    const Storage out(GetParam(), dims, Layout::kOutput, random);
    in.randomize(random, random.pick({Values::kOrdinary, Values::kExtreme, Values::kSpecial}));
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.softmax(in, result);
    });
    const double units = 2.0 * dims.back() + 8.0;
    expect_near(quick, plain, [&](std::size_t, double expected) {
      return std::ldexp(units * expected, -24) + 2 * rounding_of(GetParam(), expected) + 1e-37;
    });
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(NormalizeOf, NormEqualsReferenceOverRandomShapes) {
  Random random(31);
  for (int i = 0; i < 200; ++i) {
    const Norm kind = random.pick({Norm::kLayer, Norm::kRms});
    const Dims dims = random_dims(random);
    const auto parameter = [&] {
      if (random.chance(0.4)) {
        return Storage();
      }
      Storage tensor(random.pick({DType::kF32, GetParam()}), {dims.back()}, Layout::kInput, random);
      tensor.randomize(random);
      return tensor;
    };
    Storage in(GetParam(), dims, Layout::kInput, random);
    in.randomize(random);
    const Storage gain = parameter();
    const Storage bias = parameter();
    const Storage out(GetParam(), dims, Layout::kOutput, random);
    const float epsilon = random.pick({1e-5F, 1e-3F, 1.0F});
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.norm(kind, in, gain, bias, result, epsilon);
    });
    // Elements and gains are below 2. Where a row hardly varies (all strides zero, one element) the
    // mean's error of n units is divided by as little as sqrt(epsilon).
    const double units = (2.0 * dims.back() + 16.0) * 16.0 / std::sqrt(double{epsilon});
    expect_near(quick, plain, [&](std::size_t, double expected) {
      return std::ldexp(units, -24) + 2 * rounding_of(GetParam(), expected);
    });
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(NormalizeOf, NormOfVaryingRowsIsAccurate) {
  Random random(32);
  for (const Norm kind : {Norm::kLayer, Norm::kRms}) {
    Storage in(GetParam(), {6, 257});
    in.randomize(random);
    const Storage out(GetParam(), {6, 257});
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.norm(kind, in, {}, {}, result, 1e-5F);
    });
    expect_near(quick, plain, [&](std::size_t, double expected) {
      return std::ldexp(64.0, -24) + 2 * rounding_of(GetParam(), expected);
    });
  }
}

TEST_P(NormalizeOf, RowsTooLongForScratchEqualReference) {
  Random random(33);
  constexpr std::uint32_t kLength = (1U << 18U) + 1;
  Storage in(GetParam(), {1, kLength});
  in.randomize(random);
  const Storage out(GetParam(), {1, kLength});
  const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
    return with.norm(Norm::kRms, in, {}, {}, result, 1e-5F);
  });
  expect_equal(quick, plain);
}

INSTANTIATE_TEST_SUITE_P(Types, NormalizeOf, ::testing::ValuesIn(kFloats), type_name);

class OrderOf : public ::testing::TestWithParam<DType> {};

TEST_P(OrderOf, EqualsReferenceOverRandomShapes) {
  Random random(35);
  for (int i = 0; i < 150; ++i) {
    Dims dims = {random.dim(1, 5), random.dim(1, 4), random.dim(1, 3000)};
    Storage in(GetParam(), dims, Layout::kInput, random);
    in.randomize(random, random.pick({Values::kOrdinary, Values::kSpecial}));
    if (random.chance(0.3)) {  // many equal ones, zeros of both signs among them
      in.set([&](std::size_t) { return std::round(random.real(-3, 3)); });
    }
    dims[2] = random.chance(0.4) ? dims[2] : random.dim(1, dims[2]);
    const Storage out(DType::kI32, dims, Layout::kOutput, random);
    const bool descending = random.chance(0.5);
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.order(in, result, descending);
    });
    expect_equal(quick, plain);
    if (HasFatalFailure()) {
      FAIL() << "case " << i << " in " << describe(in) << " out " << describe(out);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, OrderOf, ::testing::ValuesIn(kFloats), type_name);

}  // namespace
}  // namespace halyard::engine::testing
