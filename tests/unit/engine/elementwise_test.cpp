// SPDX-License-Identifier: MIT
//
// binary and activate: fast equals reference, bit for bit where no transcendental function is in
// it.
#include <cmath>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

constexpr auto kBinaries = {Binary::kAdd, Binary::kSub, Binary::kMul,
                            Binary::kDiv, Binary::kMax, Binary::kMin};
constexpr auto kSmooth = {Activation::kGelu, Activation::kSilu, Activation::kSigmoid,
                          Activation::kTanh};

Dims random_dims(Random& random) {
  Dims dims;
  for (std::int64_t rank = random.integer(1, 6); rank > 0; --rank) {
    dims.push_back(random.chance(0.2) ? 1 : random.dim(1, dims.size() < 2 ? 40 : 4));
  }
  return dims;
}

Dims broadcast(const Dims& dims, Random& random) {
  Dims result = dims;
  for (std::uint32_t& dim : result) {
    dim = random.chance(0.2) ? 1 : dim;
  }
  return result;
}

bool is_smooth(Activation activation) {
  return activation != Activation::kNone && activation != Activation::kRelu;
}

/// Nothing but for the smooth activations: 2^-20, and the type's rounding. In GELU's negative tail
/// both implementations magnify the rounding of x^2, by as much as x^2: 2^-16.
Tolerance tolerance_of(Activation activation, DType type) {
  return [activation, type](std::size_t, double expected) {
    if (!is_smooth(activation)) {
      return 0.0;
    }
    const int digits = activation == Activation::kGelu && expected < 0.0 ? 16 : 20;
    // A result that is subnormal in float32 has fewer digits.
    return std::ldexp(std::fabs(expected), -digits) + 2 * rounding_of(type, expected) + 1e-37;
  };
}

class ElementwiseOf : public ::testing::TestWithParam<DType> {
 protected:
  [[nodiscard]] Activation random_activation(Random& random) const {
    const bool integer = GetParam() == DType::kI8 || GetParam() == DType::kI32;
    return integer || random.chance(0.6) ? random.pick({Activation::kNone, Activation::kRelu})
                                         : random.pick(kSmooth);
  }
  static Values random_values(Random& random) {
    return random.pick({Values::kOrdinary, Values::kExtreme, Values::kSpecial});
  }
};

TEST_P(ElementwiseOf, BinaryEqualsReferenceOverRandomShapes) {
  Random random(10);
  for (int i = 0; i < 300; ++i) {
    const Dims dims = random_dims(random);
    Storage a(GetParam(), broadcast(dims, random), Layout::kInput, random);
    Storage b(GetParam(), broadcast(dims, random), Layout::kInput, random);
    const Storage out(GetParam(), dims, Layout::kOutput, random);
    a.randomize(random, random_values(random));
    b.randomize(random, random_values(random));
    const Binary op = random.pick(kBinaries);
    const Activation activation = random_activation(random);
    SCOPED_TRACE("case " + std::to_string(i) + " op " + std::to_string(static_cast<int>(op)) +
                 " activation " + std::to_string(static_cast<int>(activation)));
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.binary(op, a, b, result, activation);
    });
    expect_near(quick, plain, tolerance_of(activation, GetParam()));
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST_P(ElementwiseOf, ActivateEqualsReferenceOverRandomShapes) {
  Random random(11);
  for (int i = 0; i < 200; ++i) {
    const Dims dims = random_dims(random);
    Storage in(GetParam(), dims, Layout::kInput, random);
    const Storage out(GetParam(), dims, Layout::kOutput, random);
    in.randomize(random, random_values(random));
    const Activation activation = random_activation(random);
    SCOPED_TRACE("case " + std::to_string(i) + " activation " +
                 std::to_string(static_cast<int>(activation)));
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.activate(activation, in, result);
    });
    expect_near(quick, plain, tolerance_of(activation, GetParam()));
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST_P(ElementwiseOf, WorksInPlace) {
  Random random(12);
  for (int i = 0; i < 40; ++i) {
    const Dims dims = random_dims(random);
    Storage plain(GetParam(), dims, Layout::kOutput, random);
    plain.randomize(random, random_values(random));
    Storage quick(plain);
    Storage other(GetParam(), broadcast(dims, random), Layout::kInput, random);
    other.randomize(random);
    const Binary op = random.pick(kBinaries);
    const auto run = [&](const Arithmetic& with, const Tensor& view) {
      const bool left = i % 2 == 0;
      EXPECT_EQ(with.binary(op, left ? view : other.tensor(), left ? other.tensor() : view, view,
                            Activation::kNone),
                "");
      EXPECT_EQ(with.binary(Binary::kAdd, view, view, view, Activation::kNone), "");
      EXPECT_EQ(with.activate(Activation::kRelu, view, view), "");
      EXPECT_EQ(with.copy(view, view), "");
    };
    run(reference(), plain);
    run(fast(), quick);
    expect_equal(quick, plain);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

constexpr auto kFunctions = {Function::kExp,   Function::kExpm1, Function::kLog,   Function::kSqrt,
                             Function::kSin,   Function::kCos,   Function::kFloor, Function::kCeil,
                             Function::kRound, Function::kTrunc, Function::kSign};

class FunctionOf : public ::testing::TestWithParam<DType> {};

/// Nothing from kFloor on and for roots; else 2^-20 of the result, or of 1 for what comes near 0.
Tolerance tolerance_of(Function function, DType type) {
  return [function, type](std::size_t, double expected) {
    if (function >= Function::kFloor || function == Function::kSqrt) {
      return 0.0;
    }
    const bool turns = function == Function::kSin || function == Function::kCos;
    return std::ldexp(turns ? 1.0 : std::fabs(expected), -20) + 2 * rounding_of(type, expected) +
           1e-37;
  };
}

TEST_P(FunctionOf, EqualsReferenceOverRandomShapes) {
  Random random(16);
  for (int i = 0; i < 330; ++i) {
    const Dims dims = random_dims(random);
    Storage in(GetParam(), dims, Layout::kInput, random);
    const Storage out(GetParam(), dims, Layout::kOutput, random);
    in.randomize(random, random.pick({Values::kOrdinary, Values::kExtreme, Values::kSpecial}));
    if (random.chance(0.5)) {
      const float range = random.pick({0.01F, 1.0F, 20.0F, 100.0F});
      in.set([&](std::size_t) { return random.real(-range, range); });
    }
    const Function function = kFunctions.begin()[i % 11];
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.function(function, in, result);
    });
    expect_near(quick, plain, tolerance_of(function, GetParam()));
    if (HasFatalFailure()) {
      FAIL() << "case " << i << " function " << static_cast<int>(function);
    }
  }
}

TEST_P(FunctionOf, WorksInPlaceAndInChunks) {
  Random random(17);
  Storage plain(GetParam(), {2, 5003}, Layout::kContiguous, random);
  plain.randomize(random);
  Storage quick(plain);
  EXPECT_EQ(reference().function(Function::kRound, plain, plain), "");
  EXPECT_EQ(fast().function(Function::kRound, quick, quick), "");
  expect_equal(quick, plain);
}

INSTANTIATE_TEST_SUITE_P(Types, FunctionOf, ::testing::ValuesIn(kFloats), type_name);

class RotationOf : public ::testing::TestWithParam<DType> {
 protected:
  /// Sums of products of what is at most 1 with values of this magnitude.
  static Tolerance tolerance(const Storage& in, DType type, float factor) {
    double largest = 0;
    for (const double value : in.values()) {
      largest = std::max(largest, std::fabs(value));
    }
    return [=](std::size_t, double expected) {
      return std::ldexp(largest * std::fabs(factor), -20) + 2 * rounding_of(type, expected);
    };
  }
};

TEST_P(RotationOf, EqualsReferenceOverRandomShapes) {
  Random random(14);
  for (int i = 0; i < 200; ++i) {
    Dims dims = random_dims(random);
    dims.back() = 2;
    Dims turns = broadcast(dims, random);
    turns.back() = 1;
    Storage in(GetParam(), dims, Layout::kInput, random);
    Storage angle(DType::kF32, turns, Layout::kInput, random);
    const Storage out(GetParam(), dims, Layout::kOutput, random);
    in.randomize(random);
    angle.set([&](std::size_t) { return random.real(-700, 700); });
    const float factor = random.chance(0.5) ? 1 : random.real(-3, 3);
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return with.rotate(in, angle, result, factor);
    });
    expect_near(quick, plain, tolerance(in, GetParam(), factor));
    if (HasFatalFailure()) {
      FAIL() << "case " << i << " in " << describe(in) << " angle " << describe(angle);
    }
  }
}

TEST_P(RotationOf, WorksInPlaceOnHeadsOfOnePosition) {
  Random random(15);
  Storage plain(GetParam(), {3, 5, 1500, 2}, Layout::kContiguous, random);
  plain.randomize(random);
  Storage quick(plain);
  Storage angle(DType::kF32, {3, 1, 1500, 1}, Layout::kContiguous, random);
  angle.randomize(random);
  const auto allowed = tolerance(plain, GetParam(), 1);
  EXPECT_EQ(reference().rotate(plain, angle, plain, 1), "");
  EXPECT_EQ(fast().rotate(quick, angle, quick, 1), "");
  expect_near(quick, plain, allowed);
}

INSTANTIATE_TEST_SUITE_P(Types, RotationOf, ::testing::ValuesIn(kFloats), type_name);

TEST_P(ElementwiseOf, LongRowsAreWorkedOnInChunks) {
  Random random(13);
  Storage a(GetParam(), {2, 5003}, Layout::kContiguous, random);
  Storage b(GetParam(), {1, 5003}, Layout::kContiguous, random);
  const Storage out(GetParam(), {2, 5003});
  a.randomize(random);
  b.randomize(random);
  const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
    return with.binary(Binary::kMul, a, b, result, Activation::kRelu);
  });
  expect_equal(quick, plain);
}

INSTANTIATE_TEST_SUITE_P(Types, ElementwiseOf,
                         ::testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kI8,
                                           DType::kI32),
                         type_name);

}  // namespace
}  // namespace halyard::engine::testing
