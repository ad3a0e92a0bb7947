// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Walking over the rows of several tensors at once.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "../engine.hpp"
#include "../scalar.hpp"
#include "rows.hpp"

namespace halyard::engine {

/// The common index space of N tensors, the first of which is the output and gives the dimensions;
/// the others' dimensions equal its or are 1. Axes of one element are dropped, the others ordered
/// so that the output's smallest stride runs fastest, and merged where all tensors allow it.
template <std::size_t N>
class Walk {
 public:
  using Offsets = std::array<std::int64_t, N>;

  struct Axis {
    std::uint64_t size = 1;
    Offsets strides{};
  };

  template <typename... T>
  explicit Walk(const Tensor& out, const T&... others) : Walk({&out, &others...}, out.rank) {}

  /// Of the first `axes` axes only.
  Walk(const std::array<const Tensor*, N>& tensors, unsigned axes) {
    for (unsigned i = 0; i < axes; ++i) {
      add_axis(tensors, i);
    }
    // Stable: axes of equal stride do not exist but for those of one element.
    std::stable_sort(axes_.begin(), axes_.begin() + rank_, [](const Axis& a, const Axis& b) {
      return std::abs(a.strides[0]) > std::abs(b.strides[0]);
    });
    merge_axes();
    if (rank_ == 0) {
      rank_ = 1;
    }
  }

  [[nodiscard]] unsigned rank() const { return rank_; }
  [[nodiscard]] const Axis& axis(unsigned i) const { return axes_[i]; }
  [[nodiscard]] const Axis& inner() const { return axes_[rank_ - 1]; }

  /// Calls visit(offsets) for the beginning of every run of the `inner_axes` last axes.
  template <typename Visit>
  void for_each(const Visit& visit, unsigned inner_axes = 1) const {
    const unsigned outer = rank_ - inner_axes;
    std::array<std::uint64_t, kMaxRank> index{};
    Offsets offsets{};
    while (true) {
      visit(static_cast<const Offsets&>(offsets));
      unsigned i = outer;
      while (i > 0 && index[i - 1] + 1 == axes_[i - 1].size) {
        --i;
        move(offsets, i, -static_cast<std::int64_t>(index[i]));
        index[i] = 0;
      }
      if (i == 0) {
        return;
      }
      ++index[i - 1];
      move(offsets, i - 1, 1);
    }
  }

  /// How many runs of the `inner_axes` last axes there are.
  [[nodiscard]] std::uint64_t runs(unsigned inner_axes) const {
    std::uint64_t runs = 1;
    for (unsigned i = 0; i + inner_axes < rank_; ++i) {
      runs *= axes_[i].size;
    }
    return runs;
  }

  /// Where run `index` of them begins, in the order of for_each().
  [[nodiscard]] Offsets begin_of_run(std::uint64_t index, unsigned inner_axes) const {
    Offsets offsets{};
    for (unsigned i = rank_ - inner_axes; i > 0; --i) {
      move(offsets, i - 1, static_cast<std::int64_t>(index % axes_[i - 1].size));
      index /= axes_[i - 1].size;
    }
    return offsets;
  }

  /// Makes axis `i` the last but one. It must not be the last.
  void bring_inwards(unsigned i) {
    std::rotate(axes_.begin() + i, axes_.begin() + i + 1, axes_.begin() + rank_ - 1);
  }

 private:
  void add_axis(const std::array<const Tensor*, N>& tensors, unsigned i) {
    if (tensors[0]->dims[i] == 1) {
      return;
    }
    Axis& axis = axes_[rank_++];
    axis.size = tensors[0]->dims[i];
    for (std::size_t t = 0; t < N; ++t) {
      axis.strides[t] = tensors[t]->dims[i] == 1 ? 0 : tensors[t]->strides[i];
    }
  }

  void merge_axes() {
    unsigned last = 0;
    for (unsigned i = 1; i < rank_; ++i) {
      const auto size = static_cast<std::int64_t>(axes_[i].size);
      bool mergeable = true;
      for (std::size_t t = 0; t < N; ++t) {
        mergeable = mergeable && axes_[last].strides[t] == axes_[i].strides[t] * size;
      }
      if (mergeable) {
        axes_[last].size *= axes_[i].size;
        axes_[last].strides = axes_[i].strides;
      } else {
        axes_[++last] = axes_[i];
      }
    }
    rank_ = std::min(rank_, last + 1);
  }

  void move(Offsets& offsets, unsigned axis, std::int64_t steps) const {
    for (std::size_t t = 0; t < N; ++t) {
      offsets[t] += axes_[axis].strides[t] * steps;
    }
  }

  std::array<Axis, kMaxRank> axes_{};
  unsigned rank_ = 0;
};

/// The row of tensor `t` of a walk that begins at the offsets.
template <std::size_t N>
Row row_of(const Walk<N>& walk, std::size_t t, const Tensor& tensor,
           const typename Walk<N>::Offsets& offsets) {
  return {tensor.data + offsets[t] * static_cast<std::int64_t>(size_of(tensor.type)), tensor.type,
          walk.inner().strides[t]};
}

/// Calls visit(in, out) for every row along the last axis, of which the two may have more and less.
template <typename Visit>
void for_each_last_row(const Tensor& in, const Tensor& out, const Visit& visit) {
  const unsigned last = out.rank - 1;
  const Walk<2> walk({&out, &in}, last);
  walk.for_each([&](const Walk<2>::Offsets& begin) {
    for (std::uint64_t i = 0; i < walk.inner().size; ++i) {
      const auto step = static_cast<std::int64_t>(i);
      visit(
          Row{address_of(in, begin[1] + step * walk.inner().strides[1]), in.type, in.strides[last]},
          Row{address_of(out, begin[0] + step * walk.inner().strides[0]), out.type,
              out.strides[last]});
    }
  });
}

/// Calls visit(begin, count) for the chunks of a row of n elements.
template <typename Visit>
void for_each_chunk(std::uint64_t n, const Visit& visit) {
  for (std::uint64_t i = 0; i < n; i += kRowChunk) {
    visit(static_cast<std::size_t>(i),
          static_cast<std::size_t>(std::min<std::uint64_t>(kRowChunk, n - i)));
  }
}

}  // namespace halyard::engine
