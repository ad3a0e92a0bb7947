// SPDX-License-Identifier: MIT
#include <cmath>

#include "../reference/reference.hpp"
#include "../scalar.hpp"
#include "fast.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "scratch.hpp"
#include "walk.hpp"

namespace halyard::engine {
namespace {

/// Rows longer than this go the plain way: the scratch of a thread stays small.
constexpr std::uint32_t kLongestRow = 1U << 18U;

/// Gain or bias as float32, or null where it is absent.
const float* parameter(const Tensor& tensor, ScratchUse use, std::size_t n) {
  if (!tensor.present()) {
    return nullptr;
  }
  auto* values = scratch<float>(use, n);
  load_row({tensor.data, tensor.type, tensor.strides[0]}, values, n);
  return values;
}

void combine(Binary op, float* x, const float* y, std::size_t n) {
  kernels().binary_f32.at(static_cast<std::size_t>(op))(x, y, x, n);
}

}  // namespace

void Fast::softmax(const Tensor& in, const Tensor& out) {
  const std::size_t length = out.dims[out.rank - 1];
  if (length > kLongestRow) {
    Reference::softmax(in, out);
    return;
  }
  auto* values = scratch<float>(ScratchUse::kRow, length);
  for_each_last_row(in, out, [&](const Row& source, const Row& target) {
    load_row(source, values, length);
    const float largest = kernels().max_f32(values, length);
    const float sum = kernels().exp_sum_f32(values, largest, values, length);
    kernels().affine_f32(values, 1.0F / sum, 0.0F, length);
    store_row(values, target, length);
  });
}

void Fast::norm(Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                const Tensor& out, float epsilon) {
  const std::size_t length = out.dims[out.rank - 1];
  if (length > kLongestRow) {
    Reference::norm(kind, in, gain, bias, out, epsilon);
    return;
  }
  const auto count = static_cast<float>(length);
  const float* gains = parameter(gain, ScratchUse::kLeft, length);
  const float* biases = parameter(bias, ScratchUse::kRight, length);
  auto* values = scratch<float>(ScratchUse::kRow, length);
  for_each_last_row(in, out, [&](const Row& source, const Row& target) {
    load_row(source, values, length);
    if (kind == Norm::kLayer) {
      kernels().affine_f32(values, 1.0F, -kernels().sum_f32(values, length) / count, length);
    }
    const float squares = kernels().sum_squares_f32(values, length);
    kernels().affine_f32(values, 1.0F / std::sqrt(squares / count + epsilon), 0.0F, length);
    if (gains != nullptr) {
      combine(Binary::kMul, values, gains, length);
    }
    if (biases != nullptr) {
      combine(Binary::kAdd, values, biases, length);
    }
    store_row(values, target, length);
  });
}

}  // namespace halyard::engine
