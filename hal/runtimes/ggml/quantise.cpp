// SPDX-License-Identifier: MIT
// Real numbers into blocks of 32, by commands for rows of numbers: what ggml's own conversion
// computes, step by step. Only commands that the smallest chip has, too: none that rounds down or
// tells a sign.

#include <array>

#include "operations.hpp"

namespace halyard::ggml {
namespace {

constexpr std::uint32_t kElements = 32;
/// Makes a difference of one that is cut to.
constexpr float kHuge = 1e38F;

/// Which blocks these are: bytes from their beginning.
struct Layout {
  float steps;          ///< codes are 0 to this, or for bytes -this to this
  bool least;           ///< they have a minimum behind the scale
  std::uint64_t fifth;  ///< where fifth bits stand, or 0
  std::uint64_t quants;
};

Layout layout_of(ggml_type type) {
  switch (type) {
    case GGML_TYPE_Q4_0:
      return {15, false, 0, 2};
    case GGML_TYPE_Q4_1:
      return {15, true, 0, 4};
    case GGML_TYPE_Q5_0:
      return {31, false, 2, 6};
    case GGML_TYPE_Q5_1:
      return {31, true, 4, 8};
    case GGML_TYPE_Q8_0:
      return {127, false, 0, 2};
    default:
      throw Unsupported(std::string("quantising to ") + ggml_type_name(type));
  }
}

/// Numbers in scratch memory, [row, block, element or 1].
class Quantiser {
 public:
  Quantiser(const Strided& in, const Strided& out, Commands& commands)
      : commands_(commands),
        out_(out),
        rows_(in.dims[0] * in.dims[1] * in.dims[2]),
        blocks_(in.dims[3] / kElements),
        x_(commands.scratch({rows_, blocks_, kElements}, HALYARD_F32)) {
    commands.copy(in, x_.reshaped(in.dims));
  }

  void bytes(const Layout& layout) {
    const auto scale = largest(x_);
    apply(scale, HALYARD_OP_MAX, largest(negated(x_)));
    apply(x_, HALYARD_OP_MUL, quotient(layout.steps, scale));
    apply(scale, HALYARD_OP_DIV, layout.steps);
    store(scale, HALYARD_F16, 0);
    store(x_, HALYARD_I8, layout.quants);  // rounds half to even
  }

  void codes(const Layout& layout) {
    const auto high = largest(x_), low = largest(negated(x_));
    Strided scale;
    if (layout.least) {
      const auto least = negated(low);
      scale = combined(HALYARD_OP_SUB, high, least);
      apply(scale, HALYARD_OP_DIV, layout.steps);
      apply(x_, HALYARD_OP_SUB, least);
      apply(x_, HALYARD_OP_MUL, quotient(1, scale));
      apply(x_, HALYARD_OP_ADD, 0.5F);
      store(least, HALYARD_F16, 2);
    } else {
      const float half = (layout.steps + 1) / 2;
      scale = combined(HALYARD_OP_MAX, high, low);
      // The sign is that of the first element of the largest magnitude.
      apply(scale, HALYARD_OP_MUL,
            sign_of(combined(HALYARD_OP_SUB, first(x_, scale), first(negated(x_), scale))));
      apply(scale, HALYARD_OP_DIV, -half);
      apply(x_, HALYARD_OP_MUL, quotient(1, scale));
      apply(x_, HALYARD_OP_ADD, half + 0.5F);
    }
    store(scale, HALYARD_F16, 0);
    round_down();
    apply(x_, HALYARD_OP_MIN, layout.steps);
    if (layout.fifth != 0) split_fifth(layout.fifth);
    const auto low_half = x_.slice(2, 0, kElements / 2);
    const auto high_half = x_.slice(2, kElements / 2, kElements / 2);
    apply(high_half, HALYARD_OP_MUL, 16);
    apply(low_half, HALYARD_OP_ADD, high_half);
    store(low_half, HALYARD_U8, layout.quants);
  }

 private:
  void apply(const Strided& x, halyard_op op, const Strided& other) {
    binary(op, x, other, x, commands_);
  }
  void apply(const Strided& x, halyard_op op, float other) {
    apply(x, op, commands_.scalar(other, 3));
  }
  Strided combined(halyard_op op, const Strided& a, const Strided& b) {
    auto result = commands_.scratch((a.elements() > b.elements() ? a : b).dims, HALYARD_F32);
    binary(op, a, b, result, commands_);
    return result;
  }
  Strided negated(const Strided& x) { return combined(HALYARD_OP_MUL, commands_.scalar(-1, 3), x); }
  /// Infinite in a block of zeros, whose codes are then no numbers, and 0 when they are stored.
  Strided quotient(float a, const Strided& x) {
    return combined(HALYARD_OP_DIV, commands_.scalar(a, 3), x);
  }
  /// Conversion rounds to the nearest: one less where that is more than the number.
  void round_down() {
    const auto whole = commands_.scratch(x_.dims, HALYARD_I32);
    const auto nearest = commands_.scratch(x_.dims, HALYARD_F32);
    commands_.copy(x_, whole);
    commands_.copy(whole, nearest);
    const auto excess = combined(HALYARD_OP_SUB, nearest, x_);
    apply(excess, HALYARD_OP_MUL, kHuge);
    apply(excess, HALYARD_OP_MAX, 0);
    apply(excess, HALYARD_OP_MIN, 1);
    binary(HALYARD_OP_SUB, nearest, excess, x_, commands_);
  }
  /// How far from the end of its block the first `value` is, 0 without any; none is larger.
  Strided first(const Strided& x, const Strided& value) {
    std::array<float, kElements> places{};
    for (std::size_t i = 0; i < places.size(); ++i)
      places[i] = static_cast<float>(kElements - i);
    const auto equal = combined(HALYARD_OP_SUB, x, value);
    apply(equal, HALYARD_OP_MUL, kHuge);
    apply(equal, HALYARD_OP_ADD, 1);
    apply(equal, HALYARD_OP_MAX, 0);
    apply(equal, HALYARD_OP_MUL, commands_.constant(places, {1, 1, kElements}));
    return largest(equal);
  }
  /// 1 or -1, and 1 for 0.
  Strided sign_of(const Strided& x) {
    constexpr float kTiny = 1e-3F;
    apply(x, HALYARD_OP_MUL, kHuge);
    apply(x, HALYARD_OP_ADD, kTiny);
    apply(x, HALYARD_OP_MUL, kHuge);
    apply(x, HALYARD_OP_MAX, -1);
    apply(x, HALYARD_OP_MIN, 1);
    return x;
  }
  /// The maximum of each block.
  Strided largest(const Strided& x) {
    auto result = commands_.scratch({rows_, blocks_, 1}, HALYARD_F32);
    const halyard_pool2d_params window{0, 1, kElements, 1, kElements, 0, 0, 0, 0, 0};
    commands_.add(
        HALYARD_OP_MAX_POOL2D,
        {x.reshaped({1, 1, rows_, blocks_ * kElements}), result.reshaped({1, 1, rows_, blocks_})},
        window);
    return result;
  }
  /// Takes the fifth bits out of the codes; eight of them are a byte.
  void split_fifth(std::uint64_t at) {
    constexpr std::array<float, 8> kPowers = {1, 2, 4, 8, 16, 32, 64, 128};
    const auto bits = combined(HALYARD_OP_ADD, commands_.scalar(-15, 3), x_);
    apply(bits, HALYARD_OP_MAX, 0);
    apply(bits, HALYARD_OP_MIN, 1);
    const auto bytes = commands_.scratch({rows_, blocks_, 4}, HALYARD_F32);
    const auto count = rows_ * blocks_ * 4;
    commands_.add(HALYARD_OP_MATMUL,
                  {bits.reshaped({count, 8}), commands_.constant(kPowers, {8, 1}),
                   bytes.reshaped({count, 1})});
    store(bytes, HALYARD_U8, at);
    apply(bits, HALYARD_OP_MUL, 16);
    apply(x_, HALYARD_OP_SUB, bits);
  }
  /// Writes numbers of each block into the blocks, `at` bytes from their beginning.
  void store(const Strided& x, halyard_dtype dtype, std::uint64_t at) {
    const auto size = halyard_dtype_size(dtype);
    const auto whole = static_cast<std::int64_t>(size);
    Strided target = out_;
    target.dtype = dtype;
    target.offset += at;
    for (auto& stride : target.strides)
      stride /= whole;
    target.strides.back() = static_cast<std::int64_t>(out_.dims.back() / blocks_) / whole;
    target.dims.back() = blocks_;
    target.dims.push_back(x.dims[2]);
    target.strides.push_back(1);
    // The rows are those of the output's three outer dimensions.
    Strided source = x;
    source.dims = target.dims;
    source.strides = {x.strides[0] * out_.dims[2] * out_.dims[1], x.strides[0] * out_.dims[2],
                      x.strides[0], x.strides[1], x.strides[2]};
    commands_.copy(source, target);
  }

  Commands& commands_;
  const Strided& out_;
  std::uint32_t rows_, blocks_;
  Strided x_;
};

}  // namespace

void quantise(const Strided& in, ggml_type type, const Strided& out, Commands& commands) {
  const auto layout = layout_of(type);
  Quantiser quantiser(in, out, commands);
  if (type == GGML_TYPE_Q8_0) {
    quantiser.bytes(layout);
  } else {
    quantiser.codes(layout);
  }
}

}  // namespace halyard::ggml
