// SPDX-License-Identifier: MIT
#include "finish.hpp"

#include <algorithm>

#include "../scalar.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "scratch.hpp"

namespace halyard::engine {
namespace {

/// The elements of a vector with one element per channel, or one for all, from `channel` on.
Row channels_from(const Tensor& vector, std::int64_t channel) {
  const std::int64_t stride = vector.dims[0] > 1 ? vector.strides[0] : 0;
  return {address_of(vector, stride * channel), vector.type, stride};
}

}  // namespace

void Finisher::set_channels(std::int64_t first, std::size_t n) {
  if (const Tensor& bias = epilogue_.bias; bias.present()) {
    auto* biases = scratch<std::byte>(ScratchUse::kBias, n * size_of(bias.type));
    copy_row(channels_from(bias, first), {biases, bias.type, 1}, n);
    biases_ = biases;
  }
  if (rescales()) {
    auto* scales = scratch<float>(ScratchUse::kScale, n);
    load_row(channels_from(epilogue_.scale, first), scales, n);
    scales_ = scales;
  }
}

void Finisher::set_channel(std::int64_t channel, std::size_t n) {
  if (const Tensor& bias = epilogue_.bias; bias.present()) {
    const std::byte* address = channels_from(bias, channel).data;
    if (bias.type == DType::kF32) {
      float_bias_ = load_as<float>(address);
    } else {
      int_bias_ = load_as<std::int32_t>(address);
    }
  }
  if (rescales()) {
    auto* scales = scratch<float>(ScratchUse::kScale, n);
    std::fill_n(scales, n, load_as<float>(channels_from(epilogue_.scale, channel).data));
    scales_ = scales;
  }
}

void Finisher::apply(float* sums, std::size_t n) const {
  if (biases_ != nullptr) {
    kernels().binary_f32.at(static_cast<std::size_t>(Binary::kAdd))(
        sums, static_cast<const float*>(biases_), sums, n);
  } else if (epilogue_.bias.present()) {
    kernels().affine_f32(sums, 1.0F, float_bias_, n);
  }
  kernels().activate_f32.at(static_cast<std::size_t>(epilogue_.activation))(sums, n);
}

void Finisher::apply(std::int32_t* sums, std::size_t n) const {
  if (biases_ != nullptr) {
    kernels().add_wrapping_i32(sums, static_cast<const std::int32_t*>(biases_), sums, n);
  } else if (epilogue_.bias.present()) {
    kernels().add_i32(sums, int_bias_, n);
  }
  if (epilogue_.activation == Activation::kRelu) {
    kernels().relu_i32(sums, n);
  }
}

void Finisher::apply(std::int32_t* sums, std::int8_t* out, std::size_t n) const {
  const Activation activation = epilogue_.activation;
  const bool simple = activation == Activation::kNone || activation == Activation::kRelu;
  if (biases_ == nullptr && epilogue_.bias.present()) {
    kernels().add_i32(sums, int_bias_, n);
  }
  const auto* biases = static_cast<const std::int32_t*>(biases_);
  if (simple) {
    kernels().requantize(sums,
                         {.bias = biases,
                          .scale = scales_,
                          .relu = activation == Activation::kRelu,
                          .zero_point = epilogue_.zero_point},
                         out, n);
    return;
  }
  // Integers must equal the reference's, so the other activations are its own, one by one.
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t sum = biases == nullptr ? sums[i] : add_wrapping(sums[i], biases[i]);
    const float value = activate_float(activation, static_cast<float>(sum) * scales_[i]);
    out[i] = static_cast<std::int8_t>(
        round_offset_saturate(value, range_of(DType::kI8), epilogue_.zero_point));
  }
}

}  // namespace halyard::engine
