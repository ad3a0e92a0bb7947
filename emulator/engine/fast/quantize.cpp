// SPDX-License-Identifier: MIT
#include "../scalar.hpp"
#include "fast.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "walk.hpp"

namespace halyard::engine {
namespace {

using FloatChunk = std::array<float, kRowChunk>;

/// The scale as a tensor of the output's rank, to be broadcast along all axes but its own.
Tensor spread(const Tensor& scale, const Tensor& out, std::uint32_t axis) {
  Tensor wide = scale;
  wide.rank = out.rank;
  wide.dims.fill(1);
  wide.strides.fill(0);
  wide.dims.at(axis) = scale.dims[0];
  wide.strides.at(axis) = scale.strides[0];
  return wide;
}

/// Calls visit(in, scale, out, n) for rows of at most kRowChunk elements.
template <typename Visit>
void for_each_scaled(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                     const Visit& visit) {
  const Tensor wide = spread(scale, out, axis);
  const Walk<3> walk(out, in, wide);
  walk.for_each([&](const Walk<3>::Offsets& offsets) {
    const Row result = row_of(walk, 0, out, offsets);
    const Row source = row_of(walk, 1, in, offsets);
    const Row factors = row_of(walk, 2, wide, offsets);
    for_each_chunk(walk.inner().size, [&](std::size_t begin, std::size_t n) {
      alignas(64) FloatChunk buffer;
      visit(source.skip(begin), view_f32(factors.skip(begin), buffer.data(), n), result.skip(begin),
            n);
    });
  });
}

/// Stores 8-bit elements that `compute(buffer)` writes: straight into the row where it is
/// contiguous.
template <typename T, typename Compute>
void store_bytes(const Row& out, std::size_t n, const Compute& compute) {
  if (out.stride == 1) {
    compute(reinterpret_cast<T*>(out.data));
    return;
  }
  alignas(64) std::array<T, kRowChunk> bytes;
  compute(bytes.data());
  copy_row({reinterpret_cast<std::byte*>(bytes.data()), out.type, 1}, out, n);
}

void dequantize_row(const Row& in, const float* scale, const Row& out, std::int32_t zero_point,
                    std::size_t n) {
  alignas(64) FloatChunk values;
  if (in.type == DType::kI32) {
    // The distance may not fit in 32 bits.
    for (std::size_t i = 0; i < n; ++i) {
      const std::int64_t distance = std::int64_t{load_as<std::int32_t>(in.at(i))} - zero_point;
      values[i] = static_cast<float>(distance) * scale[i];
    }
  } else {
    load_row(in, values.data(), n);
    kernels().affine_f32(values.data(), 1.0F, static_cast<float>(-zero_point), n);
    kernels().binary_f32.at(static_cast<std::size_t>(Binary::kMul))(values.data(), scale,
                                                                    values.data(), n);
  }
  store_row(values.data(), out, n);
}

}  // namespace

void Fast::quantize(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                    std::int32_t zero_point) {
  for_each_scaled(in, scale, out, axis,
                  [&](const Row& source, const float* factors, const Row& target, std::size_t n) {
                    alignas(64) FloatChunk buffer;
                    const float* values = view_f32(source, buffer.data(), n);
                    if (out.type == DType::kI8) {
                      store_bytes<std::int8_t>(target, n, [&](std::int8_t* bytes) {
                        kernels().quantize_i8(values, factors, zero_point, bytes, n);
                      });
                    } else {
                      store_bytes<std::uint8_t>(target, n, [&](std::uint8_t* bytes) {
                        kernels().quantize_u8(values, factors, zero_point, bytes, n);
                      });
                    }
                  });
}

void Fast::dequantize(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                      std::int32_t zero_point) {
  for_each_scaled(in, scale, out, axis,
                  [&](const Row& source, const float* factors, const Row& target, std::size_t n) {
                    dequantize_row(source, factors, target, zero_point, n);
                  });
}

void Fast::requantize(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                      std::int32_t zero_point) {
  for_each_scaled(in, scale, out, axis,
                  [&](const Row& source, const float* factors, const Row& target, std::size_t n) {
                    alignas(64) std::array<std::int32_t, kRowChunk> buffer;
                    const std::int32_t* values = view_i32(source, buffer.data(), n);
                    const Rescale rescale{
                        .bias = nullptr, .scale = factors, .relu = false, .zero_point = zero_point};
                    store_bytes<std::int8_t>(target, n, [&](std::int8_t* bytes) {
                      kernels().requantize(values, rescale, bytes, n);
                    });
                  });
}

}  // namespace halyard::engine
