// SPDX-License-Identifier: MIT
#include "../blocks.hpp"

#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {

void Reference::unpack(Format format, const Tensor& in, const Tensor& out) {
  const BlockShape shape = shape_of(format);
  const unsigned last = out.rank - 1;
  std::array<float, 256> elements{};
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

}  // namespace halyard::engine
