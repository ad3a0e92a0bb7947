// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The implementation that cards use. Arguments have passed the checks; see engine.hpp for what
/// each does. Products go to oneDNN in blocks (product.hpp), everything else to kernels.hpp.

#include "../engine.hpp"

namespace halyard::engine {

struct Fast {
  static void matmul(const Tensor& a, const Tensor& b, const Tensor& out, const Epilogue& epilogue);
  static void conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                     const Conv2dParams& params, const Epilogue& epilogue);
  static void binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                     Activation activation);
  static void activate(Activation activation, const Tensor& in, const Tensor& out);
  static void function(Function function, const Tensor& in, const Tensor& out);
  static void pool2d(const Tensor& in, const Tensor& out, const PoolParams& params);
  static void softmax(const Tensor& in, const Tensor& out);
  static void norm(Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                   const Tensor& out, float epsilon);
  static void copy(const Tensor& in, const Tensor& out);
  static std::string gather(const Tensor& in, const Tensor& index, const Tensor& out);
  static std::string scatter(const Tensor& in, const Tensor& index, const Tensor& out);
  static void rotate(const Tensor& in, const Tensor& angle, const Tensor& out, float factor);
  static void order(const Tensor& in, const Tensor& out, bool descending);
  static void quantize(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                       std::int32_t zero_point);
  static void dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point);
  static void requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point);
  static void linear(Format format, const Tensor& a, const Tensor& b, const Tensor& out);
  static void unpack(Format format, const Tensor& in, const Tensor& out);
  static void fill(const Tensor& out, std::uint32_t pattern);
};

}  // namespace halyard::engine
