// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <vector>

#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {

void Reference::order(const Tensor& in, const Tensor& out, bool descending) {
  const unsigned last = in.rank - 1;
  std::vector<std::uint32_t> places(in.dims[last]);
  for_each_index(in.dims, last, [&](const Index& row) {
    const auto value = [&](std::uint32_t place) {
      Index index = row;
      index[last] = place;
      return load_float(in, offset_of(in, index));
    };
    std::iota(places.begin(), places.end(), 0U);
    std::stable_sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) {
      const float left = value(a);
      const float right = value(b);
      if (std::isnan(left) || std::isnan(right)) {
        return !std::isnan(left);
      }
      return descending ? left > right : left < right;
    });
    Index target = row;
    for (target[last] = 0; target[last] < out.dims[last]; ++target[last]) {
      store_int(out, offset_of(out, target), places[target[last]]);
    }
  });
}

}  // namespace halyard::engine
