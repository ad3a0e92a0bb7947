// SPDX-License-Identifier: MIT
#include "chips/tensor/check.hpp"
#include "engine/check.hpp"

namespace halyard::emu::tensor {

namespace {

using engine::Activation;
using engine::Arithmetic;
using engine::Binary;
using engine::Tensor;

class ArgumentChecks final : public Arithmetic {
 public:
  std::string matmul(const Tensor& a, const Tensor& b, const Tensor& out,
                     const engine::Epilogue& epilogue) const override {
    return engine::check_matmul(a, b, out, epilogue);
  }
  std::string conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                     const engine::Conv2dParams& params,
                     const engine::Epilogue& epilogue) const override {
    return engine::check_conv2d(in, weight, out, params, epilogue);
  }
  std::string binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                     Activation activation) const override {
    return engine::check_binary(op, a, b, out, activation);
  }
  std::string activate(Activation activation, const Tensor& in, const Tensor& out) const override {
    return engine::check_activate(activation, in, out);
  }
  std::string function(engine::Function function, const Tensor& in,
                       const Tensor& out) const override {
    return engine::check_function(function, in, out);
  }
  std::string pool2d(const Tensor& in, const Tensor& out,
                     const engine::PoolParams& params) const override {
    return engine::check_pool2d(in, out, params);
  }
  std::string softmax(const Tensor& in, const Tensor& out) const override {
    return engine::check_softmax(in, out);
  }
  std::string norm(engine::Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                   const Tensor& out, float epsilon) const override {
    return engine::check_norm(kind, in, gain, bias, out, epsilon);
  }
  std::string copy(const Tensor& in, const Tensor& out) const override {
    return engine::check_copy(in, out);
  }
  std::string gather(const Tensor& in, const Tensor& index, const Tensor& out) const override {
    return engine::check_gather(in, index, out);
  }
  std::string scatter(const Tensor& in, const Tensor& index, const Tensor& out) const override {
    return engine::check_scatter(in, index, out);
  }
  std::string rotate(const Tensor& in, const Tensor& angle, const Tensor& out,
                     float factor) const override {
    return engine::check_rotate(in, angle, out, factor);
  }
  std::string order(const Tensor& in, const Tensor& out, bool /*descending*/) const override {
    return engine::check_order(in, out);
  }
  std::string quantize(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                       std::int32_t zero_point) const override {
    return engine::check_quantize(in, scale, out, axis, zero_point);
  }
  std::string dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point) const override {
    return engine::check_dequantize(in, scale, out, axis, zero_point);
  }
  std::string requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point) const override {
    return engine::check_requantize(in, scale, out, axis, zero_point);
  }
  std::string linear(engine::Format format, const Tensor& a, const Tensor& b,
                     const Tensor& out) const override {
    return engine::check_linear(format, a, b, out);
  }
  std::string unpack(engine::Format format, const Tensor& in, const Tensor& out) const override {
    return engine::check_unpack(format, in, out);
  }
  std::string fill(const Tensor& out, std::uint32_t /*pattern*/) const override {
    return engine::check_fill(out);
  }
};

}  // namespace

const engine::Arithmetic& argument_checks() {
  static const ArgumentChecks kChecks;
  return kChecks;
}

}  // namespace halyard::emu::tensor
