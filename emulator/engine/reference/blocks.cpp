// SPDX-License-Identifier: MIT
#include "../blocks.hpp"

#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {

void Reference::unpack(Format format, const Tensor& in, const Tensor& out) {
  const BlockShape shape = shape_of(format);
  const unsigned last = out.rank - 1;
  std::array<float, kMaxBlockElements> elements{};
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const std::uint32_t position = index[last] % shape.elements;
    if (position == 0) {
      Index block = index;
      block[last] = index[last] / shape.elements * shape.bytes;
      kUnpackers.at(static_cast<std::size_t>(format))(address_of(in, offset_of(in, block)),
                                                      elements.data(), 1);
    }
    store_float(out, offset_of(out, index), elements.at(position));
  });
}

void Reference::linear(Format format, const Tensor& a, const Tensor& b, const Tensor& out) {
  const BlockShape shape = shape_of(format);
  const unsigned row = out.rank - 2;
  const unsigned column = out.rank - 1;
  std::array<float, kMaxBlockElements> elements{};
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    Index left = index;
    Index right = index;
    right[row] = index[column];
    float sum = 0.0F;
    for (std::uint32_t k = 0; k < a.dims[column]; ++k) {
      if (k % shape.elements == 0) {
        right[column] = k / shape.elements * shape.bytes;
        kUnpackers.at(static_cast<std::size_t>(format))(address_of(b, offset_of(b, right)),
                                                        elements.data(), 1);
      }
      left[column] = k;
      sum += load_float(a, offset_of(a, left)) * elements.at(k % shape.elements);
    }
    store_float(out, offset_of(out, index), sum);
  });
}

}  // namespace halyard::engine
