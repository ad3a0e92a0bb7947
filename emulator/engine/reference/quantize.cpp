// SPDX-License-Identifier: MIT
#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {
namespace {

/// Calls `visit(input offset, output offset, scale)` for every element.
template <typename Visit>
void for_each_scaled(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                     const Visit& visit) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const float factor = load_float(scale, offset_of(scale, {index[axis]}));
    visit(offset_of(in, index), offset_of(out, index), factor);
  });
}

}  // namespace

void Reference::quantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point) {
  const IntRange range = range_of(out.type);
  for_each_scaled(in, scale, out, axis,
                  [&](std::int64_t source, std::int64_t target, float factor) {
                    const float quotient = load_float(in, source) / factor;
                    store_int(out, target, round_offset_saturate(quotient, range, zero_point));
                  });
}

void Reference::dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                           std::uint32_t axis, std::int32_t zero_point) {
  for_each_scaled(in, scale, out, axis,
                  [&](std::int64_t source, std::int64_t target, float factor) {
                    const std::int64_t distance = std::int64_t{load_int(in, source)} - zero_point;
                    store_float(out, target, static_cast<float>(distance) * factor);
                  });
}

void Reference::requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                           std::uint32_t axis, std::int32_t zero_point) {
  const IntRange range = range_of(out.type);
  for_each_scaled(in, scale, out, axis,
                  [&](std::int64_t source, std::int64_t target, float factor) {
                    const float product = load_float(in, source) * factor;
                    store_int(out, target, round_offset_saturate(product, range, zero_point));
                  });
}

}  // namespace halyard::engine
