// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The checks of the operations' arguments, the same for every implementation. Each function
/// returns an empty string, or the reason for the refusal. They read no tensor's elements, and no
/// value of dims, strides or parameters makes them overflow or throw (but for want of memory).

#include <cstdint>
#include <string>

#include "engine.hpp"

namespace halyard::engine {

std::string check_matmul(const Tensor& a, const Tensor& b, const Tensor& out,
                         const Epilogue& epilogue);
std::string check_conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                         const Conv2dParams& params, const Epilogue& epilogue);
std::string check_binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                         Activation activation);
std::string check_activate(Activation activation, const Tensor& in, const Tensor& out);
std::string check_function(Function function, const Tensor& in, const Tensor& out);
std::string check_pool2d(const Tensor& in, const Tensor& out, const PoolParams& params);
std::string check_softmax(const Tensor& in, const Tensor& out);
std::string check_norm(Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                       const Tensor& out, float epsilon);
std::string check_copy(const Tensor& in, const Tensor& out);
/// The indices' values are not read here: see refuse_index().
std::string check_gather(const Tensor& in, const Tensor& index, const Tensor& out);
std::string check_scatter(const Tensor& in, const Tensor& index, const Tensor& out);
std::string check_rotate(const Tensor& in, const Tensor& angle, const Tensor& out, float factor);
std::string check_order(const Tensor& in, const Tensor& out);
std::string check_quantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                           std::uint32_t axis, std::int32_t zero_point);
std::string check_dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                             std::uint32_t axis, std::int32_t zero_point);
std::string check_requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                             std::uint32_t axis, std::int32_t zero_point);
std::string check_linear(Format format, const Tensor& a, const Tensor& b, const Tensor& out);
std::string check_unpack(Format format, const Tensor& in, const Tensor& out);
std::string check_fill(const Tensor& out);

/// The reason for refusing `index` as element `position` of gather's or scatter's indices.
std::string refuse_index(std::uint64_t position, std::int64_t index, std::uint32_t rows);

}  // namespace halyard::engine
