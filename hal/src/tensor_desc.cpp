// SPDX-License-Identifier: MIT
// What both the library and the chips' plug-ins, each with a copy of their own, say of tensors.

#include <algorithm>
#include <array>

#include "graph.hpp"

namespace halyard::hal {

std::uint64_t element_count(const halyard_tensor_desc& desc) {
  std::uint64_t count = 1;
  for (std::uint32_t i = 0; i < desc.rank; ++i)
    count *= desc.dims[i];
  return count;
}

std::uint64_t byte_size(const halyard_tensor_desc& desc) {
  return element_count(desc) * halyard_dtype_size(desc.dtype);
}

std::string to_string(const halyard_tensor_desc& desc) {
  static constexpr std::array<std::string_view, 7> kNames = {"?",  "f32", "f16", "bf16",
                                                             "i8", "u8",  "i32"};
  const auto type = static_cast<std::size_t>(desc.dtype);
  std::string text(type < kNames.size() ? kNames[type] : kNames[0]);
  text += '[';
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(desc.rank, HALYARD_MAX_RANK); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(desc.dims[i]);
  }
  return text + ']';
}

std::string_view to_string(halyard_op op) {
  static constexpr std::array<std::string_view, 42> kNames = {
      "?",          "matmul",     "conv2d",   "add",        "sub",        "mul",       "div",
      "max",        "min",        "relu",     "gelu",       "silu",       "sigmoid",   "tanh",
      "max_pool2d", "avg_pool2d", "softmax",  "layer_norm", "rms_norm",   "transpose", "reshape",
      "cast",       "gather",     "quantize", "dequantize", "requantize", "rotate",    "scatter",
      "unpack",     "exp",        "expm1",    "log",        "sqrt",       "sin",       "cos",
      "floor",      "ceil",       "round",    "trunc",      "sign",       "order",     "linear"};
  const auto index = static_cast<std::size_t>(op);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

}  // namespace halyard::hal
