// SPDX-License-Identifier: MIT
//
// matmul and conv2d: fast equals reference. Integers bit for bit. Floats: each of the two sums of K
// products is off by at most K units of 2^-24 of the sum of the products' magnitudes, to which come
// the rounding to the output's type and the activations' own error (kernels_test.cpp).
#include <cmath>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

constexpr auto kActivations = {Activation::kNone, Activation::kRelu,    Activation::kGelu,
                               Activation::kSilu, Activation::kSigmoid, Activation::kTanh};

/// Bounds what two float products may be apart, from the product of the operands' magnitudes.
Tolerance product_tolerance(const Storage& magnitude, std::uint64_t depth, DType type) {
  return [sums = magnitude.values(), depth, type](std::size_t i, double expected) {
    const double unit = std::ldexp(1.0, -24);
    // 1.13 is the steepest that an activation gets; 16 units for its own error, where results are
    // of the order of 1 or of the sums.
    const double error = 1.13 * (2.0 * static_cast<double>(depth) + 2.0) * unit * sums[i] +
                         16.0 * unit * std::max(sums[i], std::fabs(expected));
    return error + 2.0 * rounding_of(type, std::fabs(expected) + error);
  };
}

DType output_of(DType type, Random& random) {
  if (type == DType::kI8) {
    return random.pick({DType::kI8, DType::kI32});
  }
  return random.chance(0.3) ? DType::kF32 : type;
}

/// An epilogue that fits, and the storage of its tensors.
struct RandomEpilogue {
  RandomEpilogue(DType type, DType output, std::uint32_t channels, std::uint64_t depth,
                 Random& random) {
    if (random.chance(0.6)) {
      bias = Storage(type == DType::kI8 ? DType::kI32 : DType::kF32, {channels}, Layout::kInput,
                     random);
      bias.randomize(random);
    }
    if (output == DType::kI8) {
      scale = Storage(DType::kF32, {random.chance(0.3) ? 1 : channels}, Layout::kInput, random);
      // Most results inside the range, some not, ties among them.
      const double typical = 100.0 / (5500.0 * std::sqrt(static_cast<double>(depth)));
      scale.set([&](std::size_t) {
        return random.chance(0.2) ? std::exp2(std::floor(std::log2(typical)))
                                  : typical * random.real(0.1F, 2.0F);
      });
      if (bias.tensor().present()) {  // of the order of the sums, now and then wrapping
        bias.set([&](std::size_t) {
          return static_cast<double>(random.chance(0.05) ? 2147483647
                                                         : random.integer(-100000, 100000));
        });
      }
      zero_point = static_cast<std::int32_t>(random.integer(-128, 127));
    }
    activation = output == DType::kI32 ? random.pick({Activation::kNone, Activation::kRelu})
                                       : random.pick(kActivations);
  }

  [[nodiscard]] Epilogue view() const {
    return {.bias = bias.tensor(),
            .scale = scale.tensor(),
            .activation = activation,
            .zero_point = zero_point};
  }
  /// Adds the bias and nothing else.
  [[nodiscard]] Storage bias_magnitude() const {
    return bias.tensor().present() ? bias.magnitudes() : Storage();
  }

  Storage bias;
  Storage scale;
  Activation activation = Activation::kNone;
  std::int32_t zero_point = 0;
};

// ------------------------------------------------------------------------------------ matmul

struct MatmulCase {
  Dims a;
  Dims b;
  Dims out;
};

/// Rank 2 to 4 with batches that one side or the other broadcasts.
MatmulCase random_matmul(Random& random, std::uint32_t largest) {
  const auto size = [&] { return random.chance(0.15) ? 1 : random.dim(1, largest); };
  const std::uint32_t rows = size();
  const std::uint32_t columns = size();
  const std::uint32_t depth = size();
  MatmulCase shapes;
  for (std::int64_t i = random.integer(0, 2); i > 0; --i) {
    const std::uint32_t batch = random.dim(1, 3);
    shapes.out.push_back(batch);
    shapes.a.push_back(random.chance(0.25) ? 1 : batch);
    shapes.b.push_back(random.chance(0.25) ? 1 : batch);
  }
  const auto add = [](Dims& dims, std::uint32_t first, std::uint32_t second) {
    dims.insert(dims.end(), {first, second});
  };
  add(shapes.a, rows, depth);
  add(shapes.b, depth, columns);
  add(shapes.out, rows, columns);
  return shapes;
}

void check_matmul_case(const MatmulCase& shapes, DType type, Values values, Random& random) {
  const DType output = output_of(type, random);
  Storage a(type, shapes.a, Layout::kInput, random);
  Storage b(type, shapes.b, Layout::kInput, random);
  const Storage out(output, shapes.out, Layout::kOutput, random);
  a.randomize(random, values);
  b.randomize(random, values);
  const std::uint64_t depth = shapes.a.back();
  const RandomEpilogue epilogue(type, output, shapes.out.back(), depth, random);
  SCOPED_TRACE("a " + describe(a) + " b " + describe(b) + " out " + describe(out));
  const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
    return with.matmul(a, b, result, epilogue.view());
  });
  if (type == DType::kI8) {
    expect_equal(quick, plain);
    return;
  }
  const Storage magnitude(DType::kF32, shapes.out);
  const Storage bias = epilogue.bias_magnitude();
  ASSERT_EQ(reference().matmul(a.magnitudes(), b.magnitudes(), magnitude, {.bias = bias.tensor()}),
            "");
  expect_near(quick, plain, product_tolerance(magnitude, depth, output));
}

Tensor transposed(const Storage& matrices) {
  Tensor tensor = matrices;
  const unsigned row = tensor.rank - 2;
  std::swap(tensor.dims.at(row), tensor.dims.at(row + 1));
  std::swap(tensor.strides.at(row), tensor.strides.at(row + 1));
  return tensor;
}

class MatmulOf : public ::testing::TestWithParam<DType> {};

TEST_P(MatmulOf, EqualsReferenceOverRandomShapes) {
  Random random(1);
  for (int i = 0; i < 250; ++i) {
    const Values values = random.pick({Values::kOrdinary, Values::kExtreme});
    check_matmul_case(random_matmul(random, i % 5 == 0 ? 70 : 17), GetParam(), values, random);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(MatmulOf, EqualsReferenceWithSpecialValues) {
  Random random(2);
  for (int i = 0; i < 60; ++i) {
    check_matmul_case(random_matmul(random, 20), GetParam(), Values::kSpecial, random);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(MatmulOf, EqualsReferenceWhereItIsBlockedOrDivided) {
  Random random(3);
  const std::vector<MatmulCase> cases = {
      {{300, 70}, {70, 130}, {300, 130}},        {{17, 9000}, {9000, 20}, {17, 20}},
      {{3, 40}, {40, 2100}, {3, 2100}},          {{2100, 40}, {40, 3}, {2100, 3}},
      {{1, 3000}, {3000, 50}, {1, 50}},          {{6, 90, 80}, {1, 80, 70}, {6, 90, 70}},
      {{40, 16, 32}, {40, 32, 60}, {40, 16, 60}}};
  for (const MatmulCase& shapes : cases) {
    check_matmul_case(shapes, GetParam(), Values::kOrdinary, random);
    if (HasFatalFailure()) {
      return;
    }
  }
}

struct FewRows {
  std::uint32_t rows;
  std::uint32_t columns;
  std::uint32_t depth;
  bool by_column;  ///< the right operand's columns lie one behind the other, as weights' rows do
};

void check_few_rows(const FewRows& shape, DType type, Random& random) {
  const auto [rows, columns, depth] = std::array{shape.rows, shape.columns, shape.depth};
  const bool by_column = shape.by_column;
  const DType output = output_of(type, random);
  Storage a(type, {rows, depth}, Layout::kInput, random);
  Storage b(type, by_column ? Dims{columns, depth} : Dims{depth, columns});
  a.randomize(random);
  b.randomize(random);
  const auto right = [&](const Storage& matrix) {
    return by_column ? transposed(matrix) : Tensor(matrix);
  };
  const RandomEpilogue epilogue(type, output, columns, depth, random);
  const Storage out(output, {rows, columns}, Layout::kOutput, random);
  SCOPED_TRACE("a " + describe(a) + " b " + describe(b) + " out " + describe(out));
  const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
    return with.matmul(a, right(b), result, epilogue.view());
  });
  if (type == DType::kI8) {
    expect_equal(quick, plain);
    return;
  }
  const Storage sizes = b.magnitudes();
  const Storage magnitude(DType::kF32, {rows, columns});
  const Storage bias = epilogue.bias_magnitude();
  ASSERT_EQ(reference().matmul(a.magnitudes(), right(sizes), magnitude, {.bias = bias.tensor()}),
            "");
  expect_near(quick, plain, product_tolerance(magnitude, depth, output));
}

/// One token's products with weights, and with what attention keeps.
TEST_P(MatmulOf, EqualsReferenceWithFewRows) {
  Random random(5);
  for (const bool by_column : {false, true}) {
    for (const auto& [rows, columns, depth] : std::vector<std::array<std::uint32_t, 3>>{
             {1, 50, 3000}, {1, 2100, 40}, {4, 19, 1025}, {5, 19, 100}, {3, 1, 64}, {2, 300, 1}}) {
      check_few_rows({rows, columns, depth, by_column}, GetParam(), random);
      if (HasFatalFailure()) {
        return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, MatmulOf,
                         ::testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kI8),
                         type_name);

// ------------------------------------------------------------------------------------ linear

class LinearOf : public ::testing::TestWithParam<unsigned> {
 protected:
  [[nodiscard]] static Format format() { return static_cast<Format>(GetParam()); }
  [[nodiscard]] static BlockShape shape() { return shape_of(format()); }
};

/// A product whose depth is `blocks` blocks; the other sizes are those of `shapes`.
void check_linear_case(Format format, MatmulCase shapes, std::uint32_t blocks, Random& random) {
  const auto type = random.pick({DType::kF32, DType::kF16, DType::kBF16});
  const BlockShape shape = shape_of(format);
  const unsigned column = static_cast<unsigned>(shapes.out.size()) - 1;
  shapes.a[column] = blocks * shape.elements;
  shapes.b[column - 1] = shapes.out[column];
  shapes.b[column] = shapes.a[column];
  const Storage elements(DType::kF32, shapes.b);
  shapes.b[column] = blocks * shape.bytes;
  Storage a(type, shapes.a, Layout::kInput, random);
  Storage weights(DType::kU8, shapes.b);
  const Storage out(output_of(type, random), shapes.out, Layout::kOutput, random);
  a.randomize(random);
  weights.set([&](std::size_t) { return random.integer(0, 59); });  // no scale is infinite
  SCOPED_TRACE("a " + describe(a) + " b " + describe(weights) + " out " + describe(out));
  const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
    return with.linear(format, a, weights, result);
  });
  ASSERT_EQ(reference().unpack(format, weights, elements), "");
  const Storage sizes = elements.magnitudes();
  const Storage wide(DType::kF32, shapes.a);
  ASSERT_EQ(reference().copy(a.magnitudes(), wide), "");
  const Storage magnitude(DType::kF32, shapes.out);
  ASSERT_EQ(reference().matmul(wide, transposed(sizes), magnitude, {}), "");
  expect_near(quick, plain, product_tolerance(magnitude, shapes.a[column], out.tensor().type));
}

TEST_P(LinearOf, EqualsReferenceOverRandomShapes) {
  Random random(80 + GetParam());
  for (int i = 0; i < 30; ++i) {
    check_linear_case(format(), random_matmul(random, 17), random.dim(1, 3), random);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(LinearOf, EqualsReferenceWhereItIsBlockedOrDivided) {
  Random random(110);
  const std::uint32_t deep = 9000U / shape().elements;
  for (const auto& [rows, columns, blocks] : std::vector<std::array<std::uint32_t, 3>>{
           {1, 7, deep}, {1, 2100, 1}, {3, 5, deep}, {70, 3, 1}}) {
    check_linear_case(format(), {{rows, 1}, {1, columns}, {rows, columns}}, blocks, random);
    if (HasFatalFailure()) {
      return;
    }
  }
}

/// Of a product with what was unpacked, too: the reference's own sums are in the same order.
TEST_P(LinearOf, ReferenceIsUnpackAndMatmul) {
  Random random(111);
  const std::uint32_t depth = 2U * shape().elements;
  Storage a(DType::kF32, {3, depth});
  Storage weights(DType::kU8, {5, 2U * shape().bytes});
  a.randomize(random);
  weights.set([&](std::size_t) { return random.integer(0, 59); });
  const Storage elements(DType::kF32, {5, depth});
  const Storage direct(DType::kF32, {3, 5});
  const Storage indirect(DType::kF32, {3, 5});
  ASSERT_EQ(reference().linear(format(), a, weights, direct), "");
  ASSERT_EQ(reference().unpack(format(), weights, elements), "");
  ASSERT_EQ(reference().matmul(a, transposed(elements), indirect, {}), "");
  expect_equal(direct, indirect);
}

INSTANTIATE_TEST_SUITE_P(Formats, LinearOf, ::testing::Range(1U, kNumFormats + 1));

TEST(Linear, Refusals) {
  const Storage a(DType::kF32, {2, 64});
  const Storage weights(DType::kU8, {3, 36});
  const Storage out(DType::kF32, {2, 3});
  const auto expect = [&](Format format, const Tensor& left, const Tensor& right,
                          const Tensor& result, const std::string& reason) {
    EXPECT_EQ(reference().linear(format, left, right, result), reason);
    EXPECT_EQ(fast().linear(format, left, right, result), reason);
  };
  expect(Format::kQ40, a, weights, out, "");
  expect(Format{}, a, weights, out, "unknown format");
  expect(Format::kQ40, Storage(DType::kI8, {2, 64}), weights, out, "a may not be of type i8");
  expect(Format::kQ40, a, Storage(DType::kI8, {3, 36}), out, "b may not be of type i8");
  expect(Format::kQ40, a, weights, Storage(DType::kF16, {2, 3}), "out may not be of type f16");
  expect(Format::kQ40, a, weights, Storage(DType::kF32, {3}), "out has rank 1, not 2 to 4");
  expect(Format::kQ40, a, Storage(DType::kU8, {36}), out, "b has rank 1, not 2");
  expect(Format::kQ41, a, weights, out, "dimension 1 of b is no multiple of 20");
  expect(Format::kQ40, Storage(DType::kF32, {2, 63}), weights, out,
         "dimension 1 of a is 63, not 64");
  expect(Format::kQ40, Storage(DType::kF32, {1, 64}), weights, out, "dimension 0 of a is 1, not 2");
  expect(Format::kQ40, a, Storage(DType::kU8, {4, 36}), out, "dimension 0 of b is 4, not 3");
  Tensor gaps = Storage(DType::kU8, {3, 36});
  gaps.strides[1] = 2;
  expect(Format::kQ40, a, gaps, out, "the last dimension of b has gaps");
  expect(Format::kQ40, Storage(DType::kF32, {2, 1, 64}), Storage(DType::kU8, {3, 5, 36}),
         Storage(DType::kF32, {2, 1, 5}), "dimension 0 of b is 3, neither 1 nor 2");
}

TEST(Matmul, Int8IsExactAtTheEndsOfItsRange) {
  for (const std::uint32_t depth : {64U, 1000U, 5000U, 140000U}) {
    for (const double left : {-128.0, 127.0}) {
      for (const double right : {-128.0, 127.0}) {
        Storage a(DType::kI8, {5, depth});
        Storage b(DType::kI8, {depth, 50});
        a.set([&](std::size_t) { return left; });
        b.set([&](std::size_t) { return right; });
        const Storage out(DType::kI32, {5, 50});
        ASSERT_EQ(fast().matmul(a, b, out, {}), "");
        const auto sum = static_cast<std::int64_t>(left * right) * depth;
        const auto wrapped = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum));
        for (const double value : out.values()) {
          ASSERT_EQ(value, wrapped) << depth << ' ' << left << ' ' << right;
        }
      }
    }
  }
}

TEST(Matmul, Int8OutputEqualsProductThenRequantize) {
  Random random(4);
  Storage a(DType::kI8, {20, 30});
  Storage b(DType::kI8, {30, 25});
  a.randomize(random);
  b.randomize(random);
  Storage scale(DType::kF32, {25});
  scale.set([&](std::size_t) { return random.real(0.001F, 0.01F); });
  const Storage sums(DType::kI32, {20, 25});
  const Storage requantized(DType::kI8, {20, 25});
  const Storage out(DType::kI8, {20, 25});
  for (const Arithmetic* with : {&reference(), &fast()}) {
    ASSERT_EQ(with->matmul(a, b, sums, {}), "");
    ASSERT_EQ(with->requantize(sums, scale, requantized, 1, -7), "");
    ASSERT_EQ(with->matmul(a, b, out, {.scale = scale, .zero_point = -7}), "");
    expect_equal(out, requantized);
  }
}

TEST(Matmul, HugeBroadcastDepthNeedsNoMemory) {
  // A guest can ask for this with four bytes of memory; packed, the operands would take 32 MiB
  // each.
  Storage a(DType::kI8, {1, 1}, {3});
  Storage b(DType::kI8, {1, 1}, {-5});
  constexpr std::uint32_t kDepth = 1U << 25U;
  Tensor left = a;
  left.dims = {1, kDepth};
  left.strides = {0, 0};
  Tensor right = b;
  right.dims = {kDepth, 1};
  right.strides = {0, 0};
  const Storage out(DType::kI32, {1, 1});
  ASSERT_EQ(fast().matmul(left, right, out, {}), "");
  EXPECT_EQ(out.values().front(), -15.0 * kDepth);
}

// ------------------------------------------------------------------------------------ conv2d

struct ConvCase {
  Dims in;
  Dims weight;
  Dims out;
  Conv2dParams params;
};

std::uint32_t reach_of(std::uint32_t taps, std::uint32_t dilation) {
  return (taps - 1) * dilation + 1;
}

std::uint32_t output_size(std::uint32_t in, std::uint32_t pads, std::uint32_t reach,
                          std::uint32_t stride) {
  return (in + pads - reach) / stride + 1;
}

ConvCase random_conv(Random& random) {
  ConvCase c;
  Conv2dParams& p = c.params;
  const bool simple = random.chance(0.4);  // "same", as most networks have it
  const auto some = [&](std::uint32_t high) {
    return random.chance(0.5) ? 1 : random.dim(1, high);
  };
  p.groups = random.chance(0.6) ? 1 : random.dim(2, 6);
  const std::uint32_t in_channels = some(7);
  const std::uint32_t out_channels = random.dim(1, 9);
  const std::uint32_t kernel_h = simple ? 3 : random.dim(1, 4);
  const std::uint32_t kernel_w = simple ? 3 : random.dim(1, 4);
  if (!simple) {
    p.stride_h = some(3);
    p.stride_w = some(3);
    p.dilation_h = some(3);
    p.dilation_w = some(3);
  }
  const std::uint32_t reach_h = reach_of(kernel_h, p.dilation_h);
  const std::uint32_t reach_w = reach_of(kernel_w, p.dilation_w);
  if (simple) {
    p.pad_top = p.pad_bottom = p.pad_left = p.pad_right = 1;
  } else if (random.chance(0.7)) {
    p.pad_top = random.dim(0, reach_h - 1);
    p.pad_bottom = random.dim(0, reach_h - 1);
    p.pad_left = random.dim(0, reach_w - 1);
    p.pad_right = random.dim(0, reach_w - 1);
  }
  const auto size = [&](std::uint32_t reach, std::uint32_t pads) {
    const std::uint32_t smallest = reach > pads ? reach - pads : 1;
    return std::max(smallest, random.dim(1, 14));
  };
  const std::uint32_t height = size(reach_h, p.pad_top + p.pad_bottom);
  const std::uint32_t width = size(reach_w, p.pad_left + p.pad_right);
  const std::uint32_t images = some(4);
  c.in = {images, in_channels * p.groups, height, width};
  c.weight = {out_channels * p.groups, in_channels, kernel_h, kernel_w};
  c.out = {images, out_channels * p.groups,
           output_size(height, p.pad_top + p.pad_bottom, reach_h, p.stride_h),
           output_size(width, p.pad_left + p.pad_right, reach_w, p.stride_w)};
  return c;
}

void check_conv_case(const ConvCase& c, DType type, Values values, Random& random) {
  const DType output = output_of(type, random);
  const bool tidy = random.chance(0.5);
  Storage in(type, c.in, tidy ? Layout::kContiguous : Layout::kInput, random);
  Storage weight(type, c.weight, tidy ? Layout::kContiguous : Layout::kInput, random);
  const Storage out(output, c.out, tidy ? Layout::kContiguous : Layout::kOutput, random);
  in.randomize(random, values);
  weight.randomize(random, values);
  const std::uint64_t depth = std::uint64_t{c.weight[1]} * c.weight[2] * c.weight[3];
  const RandomEpilogue epilogue(type, output, c.out[1], depth, random);
  const Conv2dParams& p = c.params;
  SCOPED_TRACE("in " + describe(in) + " weight " + describe(weight) + " out " + describe(out) +
               " groups " + std::to_string(p.groups));
  const auto [quick, plain] = run_both(out, [&](const Arithmetic& with, const Tensor& result) {
    return with.conv2d(in, weight, result, p, epilogue.view());
  });
  if (type == DType::kI8) {
    expect_equal(quick, plain);
    return;
  }
  const Storage magnitude(DType::kF32, c.out);
  const Storage bias = epilogue.bias_magnitude();
  ASSERT_EQ(reference().conv2d(in.magnitudes(), weight.magnitudes(), magnitude, p,
                               {.bias = bias.tensor()}),
            "");
  expect_near(quick, plain, product_tolerance(magnitude, depth, output));
}

class Conv2dOf : public ::testing::TestWithParam<DType> {};

TEST_P(Conv2dOf, EqualsReferenceOverRandomShapes) {
  Random random(5);
  for (int i = 0; i < 220; ++i) {
    const Values values = random.pick({Values::kOrdinary, Values::kExtreme});
    check_conv_case(random_conv(random), GetParam(), values, random);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(Conv2dOf, EqualsReferenceWithSpecialValuesWithoutPadding) {
  Random random(6);
  for (int i = 0; i < 40; ++i) {
    ConvCase c = random_conv(random);
    Conv2dParams& p = c.params;
    // The padding goes to the input: what padding and infinities make is not specified.
    c.in[2] += p.pad_top + p.pad_bottom;
    c.in[3] += p.pad_left + p.pad_right;
    p.pad_top = p.pad_bottom = p.pad_left = p.pad_right = 0;
    check_conv_case(c, GetParam(), Values::kSpecial, random);
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

TEST_P(Conv2dOf, EqualsReferenceWhereItIsBlockedOrDivided) {
  Random random(7);
  const Conv2dParams same{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  Conv2dParams depthwise = same;
  depthwise.groups = 16;
  const std::vector<ConvCase> cases = {{{1, 8, 40, 40}, {20, 8, 3, 3}, {1, 20, 40, 40}, same},
                                       {{1, 3, 60, 60}, {300, 3, 1, 1}, {1, 300, 60, 60}, {}},
                                       {{1, 1000, 3, 3}, {4, 1000, 3, 3}, {1, 4, 3, 3}, same},
                                       {{2, 16, 50, 50}, {16, 1, 3, 3}, {2, 16, 50, 50}, depthwise},
                                       {{40, 4, 6, 6}, {8, 4, 3, 3}, {40, 8, 6, 6}, same}};
  for (const ConvCase& c : cases) {
    check_conv_case(c, GetParam(), Values::kOrdinary, random);
    if (HasFatalFailure()) {
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Conv2dOf,
                         ::testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kI8),
                         type_name);

}  // namespace
}  // namespace halyard::engine::testing
