// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "../scalar.hpp"
#include "fast.hpp"
#include "kernels.hpp"
#include "product.hpp"
#include "rows.hpp"
#include "walk.hpp"

namespace halyard::engine {
namespace {

/// Multiply-accumulates that take as long as an element's unpacking, about.
constexpr std::int64_t kWorkPerElement = 8;

/// `count` blocks into a row, of any type and stride.
void unpack_row(Format format, const std::byte* in, const Row& out, std::size_t count) {
  const auto unpack = kernels().unpack.at(static_cast<std::size_t>(format));
  if (out.is_plain(DType::kF32)) {
    unpack(in, reinterpret_cast<float*>(out.data), count);
    return;
  }
  const auto [elements, bytes] = shape_of(format);
  const std::size_t step = kRowChunk / elements;
  alignas(64) std::array<float, kRowChunk> values;
  for (std::size_t i = 0; i < count; i += step) {
    const std::size_t blocks = std::min(step, count - i);
    unpack(in + i * bytes, values.data(), blocks);
    store_row(values.data(), out.skip(i * elements), blocks * elements);
  }
}

}  // namespace

void Fast::unpack(Format format, const Tensor& in, const Tensor& out) {
  using Rows = Walk<2>;
  const BlockShape shape = shape_of(format);
  const unsigned last = out.rank - 1;
  const std::size_t blocks = in.dims.at(last) / shape.bytes;
  const Rows rows({&out, &in}, last);
  rows.for_each([&](const Rows::Offsets& begin) {
    const std::int64_t work = std::int64_t{out.dims.at(last)} * kWorkPerElement;
    run_divided(rows.inner().size, work, [&](std::size_t row, std::size_t part, std::size_t parts) {
      const auto offset = [&](std::size_t tensor) {
        return begin.at(tensor) + rows.inner().strides.at(tensor) * static_cast<std::int64_t>(row);
      };
      const Row target{address_of(out, offset(0)), out.type, out.strides.at(last)};
      const std::size_t first = blocks * part / parts;
      unpack_row(format, address_of(in, offset(1)) + first * shape.bytes,
                 target.skip(first * shape.elements), blocks * (part + 1) / parts - first);
    });
  });
}

}  // namespace halyard::engine
