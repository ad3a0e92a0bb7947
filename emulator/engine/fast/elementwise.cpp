// SPDX-License-Identifier: MIT
#include <algorithm>

#include "../scalar.hpp"
#include "fast.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "walk.hpp"

namespace halyard::engine {
namespace {

using FloatChunk = std::array<float, kRowChunk>;
using IntChunk = std::array<std::int32_t, kRowChunk>;

void binary_row(Binary op, const Row& a, const Row& b, const Row& out, Activation activation,
                std::size_t n) {
  alignas(64) FloatChunk left;
  alignas(64) FloatChunk right;
  alignas(64) FloatChunk result;
  // Straight into the output where it is plain: a row that is the output's own stays readable.
  float* target = out.is_plain(DType::kF32) ? reinterpret_cast<float*>(out.data) : result.data();
  kernels().binary_f32.at(static_cast<std::size_t>(op))(view_f32(a, left.data(), n),
                                                        view_f32(b, right.data(), n), target, n);
  kernels().activate_f32.at(static_cast<std::size_t>(activation))(target, n);
  if (target == result.data()) {
    store_row(target, out, n);
  }
}

/// The int32 kernels saturate to int32; storing saturates further, with the same result.
void binary_int_row(Binary op, const Row& a, const Row& b, const Row& out, Activation activation,
                    std::size_t n) {
  alignas(64) IntChunk left;
  alignas(64) IntChunk right;
  alignas(64) IntChunk result;
  kernels().binary_i32.at(static_cast<std::size_t>(op))(
      view_i32(a, left.data(), n), view_i32(b, right.data(), n), result.data(), n);
  if (activation == Activation::kRelu) {
    kernels().relu_i32(result.data(), n);
  }
  store_row(result.data(), out, n);
}

void function_row(Function function, const Row& in, const Row& out, std::size_t n) {
  alignas(64) FloatChunk values;
  load_row(in, values.data(), n);
  kernels().function_f32.at(static_cast<std::size_t>(function))(values.data(), n);
  store_row(values.data(), out, n);
}

void activate_row(Activation activation, const Row& in, const Row& out, std::size_t n) {
  if (is_float(out.type)) {
    alignas(64) FloatChunk values;
    load_row(in, values.data(), n);
    kernels().activate_f32.at(static_cast<std::size_t>(activation))(values.data(), n);
    store_row(values.data(), out, n);
  } else {
    alignas(64) IntChunk values;
    load_row(in, values.data(), n);
    kernels().relu_i32(values.data(), n);
    store_row(values.data(), out, n);
  }
}

/// Cosines and sines of a chunk of angles, times a factor. Heads of one position follow each other
/// and turn alike: what was computed last is kept.
class Turn {
 public:
  explicit Turn(float factor) : factor_(factor) {}

  void by(const Row& angle, std::size_t n) {
    if (angle.data == angle_ && n == count_) {
      return;
    }
    load_row(angle, cosines_.data(), n);
    std::copy_n(cosines_.begin(), n, sines_.begin());
    const auto& functions = kernels().function_f32;
    functions.at(static_cast<std::size_t>(Function::kCos))(cosines_.data(), n);
    functions.at(static_cast<std::size_t>(Function::kSin))(sines_.data(), n);
    kernels().affine_f32(cosines_.data(), factor_, 0.0F, n);
    kernels().affine_f32(sines_.data(), factor_, 0.0F, n);
    angle_ = angle.data;
    count_ = n;
  }

  /// The first and the second elements of n pairs.
  void apply(const Row& x, const Row& y, const Row& x_out, const Row& y_out, std::size_t n) const {
    alignas(64) FloatChunk left;
    alignas(64) FloatChunk right;
    load_row(x, left.data(), n);
    load_row(y, right.data(), n);
    kernels().rotate_f32(left.data(), right.data(), cosines_.data(), sines_.data(), n);
    store_row(left.data(), x_out, n);
    store_row(right.data(), y_out, n);
  }

 private:
  alignas(64) FloatChunk cosines_;
  alignas(64) FloatChunk sines_;
  const std::byte* angle_ = nullptr;
  std::size_t count_ = 0;
  float factor_;
};

/// The same row `steps` elements further on.
Row behind(const Row& row, std::int32_t steps) {
  return {row.data + std::int64_t{steps} * static_cast<std::int64_t>(size_of(row.type)), row.type,
          row.stride};
}

}  // namespace

void Fast::binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                  Activation activation) {
  const Walk<3> walk(out, a, b);
  const auto row = is_float(out.type) ? binary_row : binary_int_row;
  walk.for_each([&](const Walk<3>::Offsets& offsets) {
    const Row result = row_of(walk, 0, out, offsets);
    const Row left = row_of(walk, 1, a, offsets);
    const Row right = row_of(walk, 2, b, offsets);
    for_each_chunk(walk.inner().size, [&](std::size_t begin, std::size_t n) {
      row(op, left.skip(begin), right.skip(begin), result.skip(begin), activation, n);
    });
  });
}

void Fast::activate(Activation activation, const Tensor& in, const Tensor& out) {
  if (activation == Activation::kNone) {
    copy(in, out);
    return;
  }
  const Walk<2> walk(out, in);
  walk.for_each([&](const Walk<2>::Offsets& offsets) {
    const Row result = row_of(walk, 0, out, offsets);
    const Row source = row_of(walk, 1, in, offsets);
    for_each_chunk(walk.inner().size, [&](std::size_t begin, std::size_t n) {
      activate_row(activation, source.skip(begin), result.skip(begin), n);
    });
  });
}

void Fast::function(Function function, const Tensor& in, const Tensor& out) {
  const Walk<2> walk(out, in);
  walk.for_each([&](const Walk<2>::Offsets& offsets) {
    const Row result = row_of(walk, 0, out, offsets);
    const Row source = row_of(walk, 1, in, offsets);
    for_each_chunk(walk.inner().size, [&](std::size_t begin, std::size_t n) {
      function_row(function, source.skip(begin), result.skip(begin), n);
    });
  });
}

void Fast::rotate(const Tensor& in, const Tensor& angle, const Tensor& out, float factor) {
  const unsigned last = out.rank - 1;
  const Walk<3> walk({&out, &in, &angle}, last);
  Turn turn(factor);
  walk.for_each([&](const Walk<3>::Offsets& offsets) {
    const Row result = row_of(walk, 0, out, offsets);
    const Row source = row_of(walk, 1, in, offsets);
    const Row angles = row_of(walk, 2, angle, offsets);
    for_each_chunk(walk.inner().size, [&](std::size_t begin, std::size_t n) {
      const Row from = source.skip(begin);
      const Row to = result.skip(begin);
      turn.by(angles.skip(begin), n);
      turn.apply(from, behind(from, in.strides[last]), to, behind(to, out.strides[last]), n);
    });
  });
}

}  // namespace halyard::engine
