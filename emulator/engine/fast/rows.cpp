// SPDX-License-Identifier: MIT
#include "rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "../scalar.hpp"
#include "kernels.hpp"

namespace halyard::engine {
namespace {

template <typename T>
void copy_strided(const Row& in, const Row& out, std::size_t n) {
  const auto* source = reinterpret_cast<const T*>(in.data);
  auto* target = reinterpret_cast<T*>(out.data);
  for (std::size_t i = 0; i < n; ++i) {
    const auto position = static_cast<std::int64_t>(i);
    target[position * out.stride] = source[position * in.stride];
  }
}

template <typename T>
const T* plain(const Row& row) {
  return reinterpret_cast<const T*>(row.data);
}

/// A contiguous row to float32.
void widen(const Row& in, float* out, std::size_t n) {
  switch (in.type) {
    case DType::kF32:
      std::memcpy(out, in.data, n * sizeof(float));
      return;
    case DType::kF16:
      kernels().f16_to_f32(plain<std::uint16_t>(in), out, n);
      return;
    case DType::kBF16:
      kernels().bf16_to_f32(plain<std::uint16_t>(in), out, n);
      return;
    case DType::kI8:
      kernels().i8_to_f32(plain<std::int8_t>(in), out, n);
      return;
    case DType::kU8:
      kernels().u8_to_f32(plain<std::uint8_t>(in), out, n);
      return;
    case DType::kI32:
      kernels().i32_to_f32(plain<std::int32_t>(in), out, n);
      return;
  }
}

/// A contiguous row of integers to int32.
void widen(const Row& in, std::int32_t* out, std::size_t n) {
  switch (in.type) {
    case DType::kI8:
      kernels().i8_to_i32(plain<std::int8_t>(in), out, n);
      return;
    case DType::kU8:
      kernels().u8_to_i32(plain<std::uint8_t>(in), out, n);
      return;
    default:
      std::memcpy(out, in.data, n * sizeof(std::int32_t));
      return;
  }
}

void narrow(const float* in, const Row& out, std::size_t n) {
  switch (out.type) {
    case DType::kF32:
      std::memmove(out.data, in, n * sizeof(float));
      return;
    case DType::kF16:
      kernels().f32_to_f16(in, reinterpret_cast<std::uint16_t*>(out.data), n);
      return;
    case DType::kBF16:
      kernels().f32_to_bf16(in, reinterpret_cast<std::uint16_t*>(out.data), n);
      return;
    case DType::kI8:
      kernels().f32_to_i8(in, reinterpret_cast<std::int8_t*>(out.data), n);
      return;
    case DType::kU8:
      kernels().f32_to_u8(in, reinterpret_cast<std::uint8_t*>(out.data), n);
      return;
    case DType::kI32:
      kernels().f32_to_i32(in, reinterpret_cast<std::int32_t*>(out.data), n);
      return;
  }
}

void narrow(const std::int32_t* in, const Row& out, std::size_t n) {
  switch (out.type) {
    case DType::kI8:
      kernels().i32_to_i8(in, reinterpret_cast<std::int8_t*>(out.data), n);
      return;
    case DType::kU8:
      kernels().i32_to_u8(in, reinterpret_cast<std::uint8_t*>(out.data), n);
      return;
    default:
      std::memmove(out.data, in, n * sizeof(std::int32_t));
      return;
  }
}

/// Room for a chunk of elements of any type.
struct alignas(64) Chunk {
  std::array<std::byte, kRowChunk * sizeof(float)> bytes;
  Row row(DType type) { return {bytes.data(), type, 1}; }
};

template <typename Wide>
void load(const Row& in, Wide* out, std::size_t n) {
  if (in.stride == 1) {
    widen(in, out, n);
    return;
  }
  if (in.stride == 0) {
    widen(in, out, std::min<std::size_t>(n, 1));
    std::fill_n(out, n, *out);
    return;
  }
  Chunk chunk;
  for (std::size_t i = 0; i < n; i += kRowChunk) {
    const std::size_t count = std::min(kRowChunk, n - i);
    copy_row(in.skip(i), chunk.row(in.type), count);
    widen(chunk.row(in.type), out + i, count);
  }
}

template <typename Wide>
void store(const Wide* in, const Row& out, std::size_t n) {
  if (out.stride == 1) {
    narrow(in, out, n);
    return;
  }
  Chunk chunk;
  for (std::size_t i = 0; i < n; i += kRowChunk) {
    const std::size_t count = std::min(kRowChunk, n - i);
    narrow(in + i, chunk.row(out.type), count);
    copy_row(chunk.row(out.type), out.skip(i), count);
  }
}

}  // namespace

void copy_row(const Row& in, const Row& out, std::size_t n) {
  const std::size_t size = size_of(in.type);
  if (in.stride == 1 && out.stride == 1) {
    std::memmove(out.data, in.data, n * size);  // in and out may be the same view
    return;
  }
  if (in.stride == 2 && out.stride == 1 && size != 2) {
    if (size == 1) {
      kernels().every_second_u8(plain<std::uint8_t>(in), reinterpret_cast<std::uint8_t*>(out.data),
                                n);
    } else {
      kernels().every_second_u32(plain<std::uint32_t>(in),
                                 reinterpret_cast<std::uint32_t*>(out.data), n);
    }
    return;
  }
  switch (size) {
    case 1:
      return copy_strided<std::uint8_t>(in, out, n);
    case 2:
      return copy_strided<std::uint16_t>(in, out, n);
    default:
      return copy_strided<std::uint32_t>(in, out, n);
  }
}

void load_row(const Row& in, float* out, std::size_t n) {
  load(in, out, n);
}

void load_row(const Row& in, std::int32_t* out, std::size_t n) {
  load(in, out, n);
}

void load_row(const Row& in, std::int8_t* out, std::size_t n) {
  copy_row(in, {reinterpret_cast<std::byte*>(out), DType::kI8, 1}, n);
}

void store_row(const float* in, const Row& out, std::size_t n) {
  store(in, out, n);
}

void store_row(const std::int32_t* in, const Row& out, std::size_t n) {
  store(in, out, n);
}

}  // namespace halyard::engine
