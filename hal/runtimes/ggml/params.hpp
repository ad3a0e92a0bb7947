// SPDX-License-Identifier: MIT
#pragma once

#include <ggml.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace halyard::ggml {

/// The n-th of a node's parameters, which have 32 bits each.
template <class T>
requires(sizeof(T) == sizeof(std::int32_t)) T param(const ggml_tensor* node, std::size_t n) {
  T value;
  std::memcpy(&value, &node->op_params[n], sizeof(value));
  return value;
}

}  // namespace halyard::ggml
