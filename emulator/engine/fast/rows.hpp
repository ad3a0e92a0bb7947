// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Moving rows between tensors of any type and stride and contiguous rows that the kernels work on.

#include <cstddef>
#include <cstdint>

#include "../engine.hpp"

namespace halyard::engine {

/// Elements that are worked on at a time: several float32 rows of it stay in the first-level cache.
inline constexpr std::size_t kRowChunk = 1024;

/// A row in a tensor's memory: elements `stride` apart.
struct Row {
  std::byte* data;
  DType type;
  std::int64_t stride;

  [[nodiscard]] std::byte* at(std::size_t i) const {
    return data + static_cast<std::int64_t>(i) * stride * static_cast<std::int64_t>(size_of(type));
  }
  /// The row without its first `count` elements.
  [[nodiscard]] Row skip(std::size_t count) const { return {at(count), type, stride}; }
  /// True when it can stand for a contiguous row of the type.
  [[nodiscard]] bool is_plain(DType wanted) const { return type == wanted && stride == 1; }
};

/// Copies n elements as they are; both rows have elements of the same size.
void copy_row(const Row& in, const Row& out, std::size_t n);

void load_row(const Row& in, float* out, std::size_t n);
/// From integers.
void load_row(const Row& in, std::int32_t* out, std::size_t n);
/// From the very type.
void load_row(const Row& in, std::int8_t* out, std::size_t n);

/// Rounds to the output's type; integers saturate. `in` may be the output row itself.
void store_row(const float* in, const Row& out, std::size_t n);
/// To integers, saturating.
void store_row(const std::int32_t* in, const Row& out, std::size_t n);

/// The row itself where it is plain float32, else its elements converted into `buffer`.
inline const float* view_f32(const Row& in, float* buffer, std::size_t n) {
  if (in.is_plain(DType::kF32)) {
    return reinterpret_cast<const float*>(in.data);
  }
  load_row(in, buffer, n);
  return buffer;
}

/// As view_f32() for integers.
inline const std::int32_t* view_i32(const Row& in, std::int32_t* buffer, std::size_t n) {
  if (in.is_plain(DType::kI32)) {
    return reinterpret_cast<const std::int32_t*>(in.data);
  }
  load_row(in, buffer, n);
  return buffer;
}

}  // namespace halyard::engine
