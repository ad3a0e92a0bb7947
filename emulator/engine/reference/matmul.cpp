// SPDX-License-Identifier: MIT
#include "epilogue.hpp"
#include "reference.hpp"

namespace halyard::engine {
namespace {

/// Sum over the inner dimension for the element of `out` at `index`.
template <typename Accumulate>
void for_each_pair(const Tensor& a, const Tensor& b, const Index& index, unsigned rank,
                   const Accumulate& accumulate) {
  const unsigned row = rank - 2;
  const unsigned column = rank - 1;
  Index left = index;
  Index right = index;
  for (std::uint32_t k = 0; k < a.dims[column]; ++k) {
    left[column] = k;
    right[row] = k;
    accumulate(offset_of(a, left), offset_of(b, right));
  }
}

}  // namespace

void Reference::matmul(const Tensor& a, const Tensor& b, const Tensor& out,
                       const Epilogue& epilogue) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const std::uint32_t channel = index[out.rank - 1];
    const std::int64_t offset = offset_of(out, index);
    if (is_float(a.type)) {
      float sum = 0.0F;
      for_each_pair(a, b, index, out.rank, [&](std::int64_t left, std::int64_t right) {
        sum += load_float(a, left) * load_float(b, right);
      });
      finish(epilogue, channel, sum, out, offset);
    } else {
      std::int32_t sum = 0;
      for_each_pair(a, b, index, out.rank, [&](std::int64_t left, std::int64_t right) {
        sum = multiply_add_wrapping(sum, load_int(a, left), load_int(b, right));
      });
      finish(epilogue, channel, sum, out, offset);
    }
  });
}

}  // namespace halyard::engine
