// SPDX-License-Identifier: MIT
#include "engine.hpp"

#include <algorithm>
#include <limits>

namespace halyard::engine {

std::uint64_t Tensor::elements() const {
  std::uint64_t product = 1;
  for (unsigned i = 0; i < std::min(rank, kMaxRank); ++i) {
    if (__builtin_mul_overflow(product, std::uint64_t{dims[i]}, &product)) {
      return std::numeric_limits<std::uint64_t>::max();
    }
  }
  return product;
}

bool Tensor::contiguous() const {
  std::uint64_t expected = 1;
  for (unsigned i = std::min(rank, kMaxRank); i-- > 0;) {
    if (dims[i] == 1) {
      continue;  // the stride of a dimension of one element is never used
    }
    if (strides[i] < 0 || static_cast<std::uint64_t>(strides[i]) != expected) {
      return false;
    }
    expected *= dims[i];  // fits: strides are below 2^31, so the next round refuses anything larger
  }
  return true;
}

}  // namespace halyard::engine
