// SPDX-License-Identifier: MIT
//
// quantize, dequantize and requantize: fast equals reference, bit for bit (dequantize too: it is
// one subtraction, one product and one rounding).
#include <algorithm>
#include <cmath>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

struct Case {
  Dims dims;
  std::uint32_t axis;
  Storage scale;
};

Case random_case(Random& random) {
  Case c;
  for (std::int64_t rank = random.integer(1, 4); rank > 0; --rank) {
    c.dims.push_back(random.chance(0.15) ? 1 : random.dim(1, 20));
  }
  c.axis = random.dim(0, static_cast<std::uint32_t>(c.dims.size()) - 1);
  c.scale = Storage(DType::kF32, {random.chance(0.3) ? 1 : c.dims[c.axis]}, Layout::kInput, random);
  c.scale.set([&](std::size_t) {
    return random.chance(0.1) ? random.pick({0.0, 1e-40, -0.5, 1e30, double{NAN}, double{INFINITY}})
                              : double{random.real(0.01F, 0.1F)};
  });
  return c;
}

template <typename Operation>
void check_all(std::initializer_list<DType> inputs, std::initializer_list<DType> outputs,
               std::uint32_t seed, const Operation& operation) {
  Random random(seed);
  for (int i = 0; i < 400; ++i) {
    const Case c = random_case(random);
    Storage in(random.pick(inputs), c.dims, Layout::kInput, random);
    const Storage out(random.pick(outputs), c.dims, Layout::kOutput, random);
    in.randomize(random, random.pick({Values::kOrdinary, Values::kExtreme, Values::kSpecial}));
    if (in.tensor().type == DType::kI32 && random.chance(0.5)) {
      in.set([&](std::size_t) { return static_cast<double>(random.integer(-5000, 5000)); });
    }
    const bool is_unsigned = in.tensor().type == DType::kU8 || out.tensor().type == DType::kU8;
    const auto zero_point =
        static_cast<std::int32_t>(is_unsigned ? random.integer(0, 255) : random.integer(-128, 127));
    SCOPED_TRACE("case " + std::to_string(i) + " in " + describe(in) + " scale " +
                 describe(c.scale) + " axis " + std::to_string(c.axis));
    const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
      return operation(with, in, c.scale, result, c.axis, zero_point);
    });
    expect_equal(quick, plain);
    if (::testing::Test::HasFatalFailure()) {
      return;
    }
  }
}

TEST(Quantize, EqualsReferenceOverRandomShapes) {
  check_all(kFloats, {DType::kI8, DType::kU8}, 50,
            [](const Arithmetic& with, const Tensor& in, const Tensor& scale, const Tensor& out,
               std::uint32_t axis, std::int32_t zero_point) {
              return with.quantize(in, scale, out, axis, zero_point);
            });
}

TEST(Dequantize, EqualsReferenceOverRandomShapes) {
  check_all({DType::kI8, DType::kU8, DType::kI32}, kFloats, 51,
            [](const Arithmetic& with, const Tensor& in, const Tensor& scale, const Tensor& out,
               std::uint32_t axis, std::int32_t zero_point) {
              return with.dequantize(in, scale, out, axis, zero_point);
            });
}

TEST(Dequantize, DistanceBeyondInt32) {
  const Storage in(DType::kI32, {2}, {2147483647.0, -2147483648.0});
  const Storage scale(DType::kF32, {1}, {1});
  const Storage out(DType::kF32, {2});
  for (const Arithmetic* with : {&reference(), &fast()}) {
    ASSERT_EQ(with->dequantize(in, scale, out, 0, -2147483647 - 1), "");
    EXPECT_EQ(out.values(), (std::vector<double>{4294967296.0, 0.0}));
  }
}

TEST(Requantize, EqualsReferenceOverRandomShapes) {
  check_all({DType::kI8, DType::kI32}, {DType::kI8}, 52,
            [](const Arithmetic& with, const Tensor& in, const Tensor& scale, const Tensor& out,
               std::uint32_t axis, std::int32_t zero_point) {
              return with.requantize(in, scale, out, axis, zero_point);
            });
}

TEST(Quantize, EveryTieRoundsToEven) {
  Storage in(DType::kF32, {513});
  in.set([](std::size_t i) { return (static_cast<double>(i) - 256.0) / 2; });
  const Storage scale(DType::kF32, {1}, {1});
  const Storage out(DType::kI8, {513});
  ASSERT_EQ(fast().quantize(in, scale, out, 0, 0), "");
  const std::vector<double> values = out.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = (static_cast<double>(i) - 256.0) / 2;
    ASSERT_EQ(values[i], std::clamp(std::nearbyint(x), -128.0, 127.0)) << x;
  }
}

}  // namespace
}  // namespace halyard::engine::testing
