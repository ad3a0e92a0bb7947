// SPDX-License-Identifier: MIT
#include <limits>
#include <type_traits>

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

// How elements are folded. Maxima of int8 go through float32, exactly.

struct FloatMax {
  using Wide = float;
  static constexpr DType kType = DType::kF32;
  static constexpr float kIdentity = -std::numeric_limits<float>::infinity();
  static void fold(float* x, const float* y, std::size_t n) {
    kernels().binary_f32.at(static_cast<std::size_t>(Binary::kMax))(x, y, x, n);
  }
};

struct FloatAverage {
  using Wide = float;
  static constexpr DType kType = DType::kF32;
  static constexpr float kIdentity = 0.0F;
  static void fold(float* x, const float* y, std::size_t n) {
    kernels().binary_f32.at(static_cast<std::size_t>(Binary::kAdd))(x, y, x, n);
  }
  static float result(float x, std::int64_t count) { return x / static_cast<float>(count); }
};

struct IntAverage {
  using Wide = std::int32_t;
  static constexpr DType kType = DType::kI32;
  static constexpr std::int32_t kIdentity = 0;
  static void fold(std::int32_t* x, const std::int32_t* y, std::size_t n) {
    kernels().add_wrapping_i32(x, y, x, n);
  }
  static std::int32_t result(std::int32_t x, std::int64_t count) {
    return static_cast<std::int32_t>(divide_half_even(x, count));
  }
};

/// The windows of one plane after the other: folds the rows of each window first, all columns at
/// once, then the columns, all windows of a row at once.
template <typename Rule>
class PlanePool {
 public:
  using Wide = typename Rule::Wide;

  PlanePool(const Tensor& in, const Tensor& out, const PoolParams& params)
      : params_(params),
        height_(in.dims[2]),
        width_(in.dims[3]),
        out_height_(out.dims[2]),
        out_width_(out.dims[3]),
        // With the padding, as far as windows reach.
        folded_(scratch<Wide>(ScratchUse::kRow, reach())),
        loaded_(scratch<Wide>(ScratchUse::kOtherRow, std::max<std::size_t>(width_, out_width_))),
        results_(scratch<Wide>(ScratchUse::kSums, out_width_)),
        columns_(scratch<std::uint32_t>(ScratchUse::kLeft, out_width_)) {
    std::fill_n(folded_, reach(), Rule::kIdentity);
    for (std::uint32_t x = 0; x < out_width_; ++x) {
      const Span span = clip(x, params.stride_w, params.pad_left, params.kernel_w, width_);
      columns_[x] = span.end - span.begin;
    }
  }

  /// The rows of `in` and `out` lie their strides of axis 2 apart.
  void run(const Tensor& in, const Tensor& out) const {
    for (std::uint32_t y = 0; y < out_height_; ++y) {
      const Span rows = clip(y, params_.stride_h, params_.pad_top, params_.kernel_h, height_);
      fold_rows(in, rows);
      fold_columns();
      divide(rows.end - rows.begin);
      store_row(results_,
                {address_of(out, std::int64_t{y} * out.strides[2]), out.type, out.strides[3]},
                out_width_);
    }
  }

 private:
  [[nodiscard]] std::size_t reach() const {
    const std::size_t windows = std::size_t{out_width_ - 1} * params_.stride_w + params_.kernel_w;
    return std::max<std::size_t>(windows, std::size_t{params_.pad_left} + width_);
  }

  void fold_rows(const Tensor& in, Span rows) const {
    Wide* folded = folded_ + params_.pad_left;
    for (std::uint32_t row = rows.begin; row < rows.end; ++row) {
      const Row source{address_of(in, std::int64_t{row} * in.strides[2]), in.type, in.strides[3]};
      load_row(source, row == rows.begin ? folded : loaded_, width_);
      if (row != rows.begin) {
        Rule::fold(folded, loaded_, width_);
      }
    }
  }

  void fold_columns() const {
    for (std::uint32_t column = 0; column < params_.kernel_w; ++column) {
      Wide* target = column == 0 ? results_ : loaded_;
      copy_row({reinterpret_cast<std::byte*>(folded_ + column), Rule::kType, params_.stride_w},
               {reinterpret_cast<std::byte*>(target), Rule::kType, 1}, out_width_);
      if (column != 0) {
        Rule::fold(results_, loaded_, out_width_);
      }
    }
  }

  void divide(std::uint32_t rows) const {
    if constexpr (!std::is_same_v<Rule, FloatMax>) {
      const std::int64_t whole = std::int64_t{params_.kernel_h} * params_.kernel_w;
      for (std::uint32_t x = 0; x < out_width_; ++x) {
        const std::int64_t covered = std::int64_t{rows} * columns_[x];
        results_[x] = Rule::result(results_[x], params_.count_padding ? whole : covered);
      }
    }
  }

  const PoolParams& params_;
  std::uint32_t height_;
  std::uint32_t width_;
  std::uint32_t out_height_;
  std::uint32_t out_width_;
  Wide* folded_;
  Wide* loaded_;
  Wide* results_;
  std::uint32_t* columns_;  ///< of the input that each window covers
};

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
  const PlanePool<Rule> pool(in, out, params);
  for (std::uint32_t n = 0; n < in.dims[0]; ++n) {
    for (std::uint32_t c = 0; c < in.dims[1]; ++c) {
      const auto plane = [n, c](Tensor tensor) {
        tensor.data = address_of(
            tensor, std::int64_t{n} * tensor.strides[0] + std::int64_t{c} * tensor.strides[1]);
        return tensor;
      };
      pool.run(plane(source), plane(target));
    }
  }
}

}  // namespace

void Fast::pool2d(const Tensor& in, const Tensor& out, const PoolParams& params) {
  const std::uint64_t window = std::uint64_t{params.kernel_h} * params.kernel_w;
  const std::uint64_t padded = std::uint64_t{in.dims[3]} + params.pad_left + params.pad_right;
  if (padded > kLongestRow || window > kLargestWindow) {
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
