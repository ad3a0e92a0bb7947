// SPDX-License-Identifier: MIT
#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {
namespace {

/// One row along a tensor's last dimension.
class Row {
 public:
  Row(const Tensor& tensor, const Index& index)
      : tensor_(tensor),
        first_(offset_of(tensor, index)),
        stride_(tensor.strides[tensor.rank - 1]) {}

  [[nodiscard]] float get(std::uint32_t i) const { return load_float(tensor_, at(i)); }
  void set(std::uint32_t i, float value) const { store_float(tensor_, at(i), value); }

 private:
  [[nodiscard]] std::int64_t at(std::uint32_t i) const { return first_ + i * stride_; }

  const Tensor& tensor_;
  std::int64_t first_;
  std::int64_t stride_;
};

void softmax_row(const Row& in, const Row& out, std::uint32_t length) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::uint32_t i = 0; i < length; ++i) {
    largest = max_float(largest, in.get(i));
  }
  float sum = 0.0F;
  for (std::uint32_t i = 0; i < length; ++i) {
    sum += std::exp(in.get(i) - largest);
  }
  for (std::uint32_t i = 0; i < length; ++i) {
    out.set(i, std::exp(in.get(i) - largest) / sum);
  }
}

/// What is subtracted from each element and what it is then multiplied by.
struct Moments {
  float center;
  float factor;
};

Moments moments_of(Norm kind, const Row& in, std::uint32_t length, float epsilon) {
  const auto count = static_cast<float>(length);
  float center = 0.0F;
  if (kind == Norm::kLayer) {
    float sum = 0.0F;
    for (std::uint32_t i = 0; i < length; ++i) {
      sum += in.get(i);
    }
    center = sum / count;
  }
  float squares = 0.0F;
  for (std::uint32_t i = 0; i < length; ++i) {
    const float centered = in.get(i) - center;
    squares += centered * centered;
  }
  return {.center = center, .factor = 1.0F / std::sqrt(squares / count + epsilon)};
}

}  // namespace

void Reference::softmax(const Tensor& in, const Tensor& out) {
  for_each_index(out.dims, out.rank - 1, [&](const Index& index) {
    softmax_row(Row(in, index), Row(out, index), out.dims[out.rank - 1]);
  });
}

void Reference::norm(Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                     const Tensor& out, float epsilon) {
  const std::uint32_t length = out.dims[out.rank - 1];
  for_each_index(out.dims, out.rank - 1, [&](const Index& index) {
    const Row source(in, index);
    const Row target(out, index);
    const auto [center, factor] = moments_of(kind, source, length, epsilon);
    for (std::uint32_t i = 0; i < length; ++i) {
      float value = (source.get(i) - center) * factor;
      if (gain.present()) {
        value *= load_float(gain, offset_of(gain, {i}));
      }
      if (bias.present()) {
        value += load_float(bias, offset_of(bias, {i}));
      }
      target.set(i, value);
    }
  });
}

}  // namespace halyard::engine
