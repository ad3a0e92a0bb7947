// SPDX-License-Identifier: MIT
#include <limits>

#include "../reference/reference.hpp"
#include "../scalar.hpp"
#include "fast.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "scratch.hpp"

namespace halyard::engine {
namespace {

/// Larger cases go the plain way: the scratch of a thread stays small, and sums of int8 fit in
/// int32.
constexpr std::uint32_t kLongestRow = 1U << 18U;
constexpr std::uint64_t kLargestWindow = 1U << 23U;

/// Where a window lies on one axis, clipped to the input.
struct Span {
  std::uint32_t begin;
  std::uint32_t end;
};

Span clip(std::uint32_t position, std::uint32_t stride, std::uint32_t pad, std::uint32_t kernel,
          std::uint32_t size) {
  const std::int64_t begin = std::int64_t{position} * stride - pad;
  return {.begin = static_cast<std::uint32_t>(std::max<std::int64_t>(begin, 0)),
          .end = static_cast<std::uint32_t>(std::min<std::int64_t>(begin + kernel, size))};
}

// How the two number types are loaded, folded and stored. Maxima of int8 go through float32,
// exactly.

struct FloatMax {
  using Wide = float;
  static constexpr float kIdentity = -std::numeric_limits<float>::infinity();
  static void load(const Row& in, float* out, std::size_t n) { load_f32(in, out, n); }
  static void fold(float* x, const float* y, std::size_t n) {
    kernels().binary_f32.at(static_cast<std::size_t>(Binary::kMax))(x, y, x, n);
  }
  static float join(float x, float y) { return max_float(x, y); }
  static float result(float x, std::int64_t /*count*/) { return x; }
  static void store(const float* in, const Row& out, std::size_t n) { store_f32(in, out, n); }
};

struct FloatAverage : FloatMax {
  static constexpr float kIdentity = 0.0F;
  static void fold(float* x, const float* y, std::size_t n) {
    kernels().binary_f32.at(static_cast<std::size_t>(Binary::kAdd))(x, y, x, n);
  }
  static float join(float x, float y) { return x + y; }
  static float result(float x, std::int64_t count) { return x / static_cast<float>(count); }
};

struct IntAverage {
  using Wide = std::int32_t;
  static constexpr std::int32_t kIdentity = 0;
  static void load(const Row& in, std::int32_t* out, std::size_t n) { load_i32(in, out, n); }
  static void fold(std::int32_t* x, const std::int32_t* y, std::size_t n) {
    kernels().add_wrapping_i32(x, y, x, n);
  }
  static std::int32_t join(std::int32_t x, std::int32_t y) { return x + y; }
  static std::int32_t result(std::int32_t x, std::int64_t count) {
    return static_cast<std::int32_t>(divide_half_even(x, count));
  }
  static void store(const std::int32_t* in, const Row& out, std::size_t n) {
    store_i32(in, out, n);
  }
};

/// Folds the rows of each window first, all columns at once, then the columns.
template <typename Rule>
void pool_plane(const Tensor& in, const Tensor& out, const PoolParams& params) {
  using Wide = typename Rule::Wide;
  const std::size_t width = in.dims[3];
  auto* folded = scratch<Wide>(ScratchUse::kRow, width);
  auto* loaded = scratch<Wide>(ScratchUse::kOtherRow, width);
  auto* results = scratch<Wide>(ScratchUse::kSums, out.dims[3]);
  for (std::uint32_t y = 0; y < out.dims[2]; ++y) {
    const Span rows = clip(y, params.stride_h, params.pad_top, params.kernel_h, in.dims[2]);
    for (std::uint32_t row = rows.begin; row < rows.end; ++row) {
      const Row source{address_of(in, std::int64_t{row} * in.strides[2]), in.type, in.strides[3]};
      Rule::load(source, row == rows.begin ? folded : loaded, width);
      if (row != rows.begin) {
        Rule::fold(folded, loaded, width);
      }
    }
    for (std::uint32_t x = 0; x < out.dims[3]; ++x) {
      const Span columns = clip(x, params.stride_w, params.pad_left, params.kernel_w, in.dims[3]);
      Wide value = Rule::kIdentity;
      for (std::uint32_t column = columns.begin; column < columns.end; ++column) {
        value = Rule::join(value, folded[column]);
      }
      const std::int64_t whole = std::int64_t{params.kernel_h} * params.kernel_w;
      const std::int64_t covered =
          std::int64_t{rows.end - rows.begin} * (columns.end - columns.begin);
      results[x] = Rule::result(value, params.count_padding ? whole : covered);
    }
    const Row target{address_of(out, std::int64_t{y} * out.strides[2]), out.type, out.strides[3]};
    Rule::store(results, target, out.dims[3]);
  }
}

/// A dimension of one element has no stride.
Tensor without_dead_strides(Tensor tensor) {
  for (unsigned i = 0; i < tensor.rank; ++i) {
    if (tensor.dims.at(i) == 1) {
      tensor.strides.at(i) = 0;
    }
  }
  return tensor;
}

template <typename Rule>
void pool_all(const Tensor& in, const Tensor& out, const PoolParams& params) {
  const Tensor source = without_dead_strides(in);
  const Tensor target = without_dead_strides(out);
  for (std::uint32_t n = 0; n < in.dims[0]; ++n) {
    for (std::uint32_t c = 0; c < in.dims[1]; ++c) {
      const auto plane = [n, c](Tensor tensor) {
        tensor.data = address_of(
            tensor, std::int64_t{n} * tensor.strides[0] + std::int64_t{c} * tensor.strides[1]);
        return tensor;
      };
      pool_plane<Rule>(plane(source), plane(target), params);
    }
  }
}

}  // namespace

void Fast::pool2d(const Tensor& in, const Tensor& out, const PoolParams& params) {
  const std::uint64_t window = std::uint64_t{params.kernel_h} * params.kernel_w;
  if (in.dims[3] > kLongestRow || out.dims[3] > kLongestRow || window > kLargestWindow) {
    Reference::pool2d(in, out, params);
  } else if (params.kind == Pool::kMax) {
    pool_all<FloatMax>(in, out, params);
  } else if (is_float(in.type)) {
    pool_all<FloatAverage>(in, out, params);
  } else {
    pool_all<IntAverage>(in, out, params);
  }
}

}  // namespace halyard::engine
