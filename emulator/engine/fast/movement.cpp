// SPDX-License-Identifier: MIT
#include "../indices.hpp"
#include "../scalar.hpp"
#include "fast.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "walk.hpp"

namespace halyard::engine {
namespace {

using Offsets = Walk<2>::Offsets;

/// Two axes, of which the output's memory runs along the inner and the input's along the outer. A
/// block at a time goes through memory of its own, so that each line of the cache is read and
/// written once and as a whole: rows a power of two apart would push each other out of the cache.
template <typename T>
void transpose(const Walk<2>& walk, const T* in, T* out) {
  constexpr std::uint64_t kBlock = 64 / sizeof(T);
  const auto& outer = walk.axis(walk.rank() - 2);
  const auto& inner = walk.inner();
  const auto signed_of = [](std::uint64_t i) { return static_cast<std::int64_t>(i); };
  alignas(64) std::array<std::array<T, kBlock>, kBlock> block;
  for (std::uint64_t i0 = 0; i0 < outer.size; i0 += kBlock) {
    const std::uint64_t height = std::min(kBlock, outer.size - i0);
    for (std::uint64_t j0 = 0; j0 < inner.size; j0 += kBlock) {
      const std::uint64_t width = std::min(kBlock, inner.size - j0);
      for (std::uint64_t j = 0; j < width; ++j) {
        const T* source = in + signed_of(j0 + j) * inner.strides[1];
        for (std::uint64_t i = 0; i < height; ++i) {
          block[i][j] = source[signed_of(i0 + i) * outer.strides[1]];
        }
      }
      for (std::uint64_t i = 0; i < height; ++i) {
        T* target = out + signed_of(i0 + i) * outer.strides[0];
        for (std::uint64_t j = 0; j < width; ++j) {
          target[signed_of(j0 + j) * inner.strides[0]] = block[i][j];
        }
      }
    }
  }
}

template <typename T>
void transpose_all(const Walk<2>& walk, const Tensor& in, const Tensor& out) {
  walk.for_each(
      [&](const Offsets& offsets) {
        transpose(walk, reinterpret_cast<const T*>(in.data) + offsets[1],
                  reinterpret_cast<T*>(out.data) + offsets[0]);
      },
      2);
}

/// The axis along which the input's memory runs, if that is another than the output's and long
/// enough to gain from tiles; else the innermost.
unsigned contiguous_input_axis(const Walk<2>& walk) {
  constexpr std::uint64_t kWorthwhile = 8;
  const unsigned inner = walk.rank() - 1;
  if (std::abs(walk.inner().strides[1]) <= 1) {
    return inner;
  }
  for (unsigned i = 0; i < inner; ++i) {
    if (std::abs(walk.axis(i).strides[1]) == 1 && walk.axis(i).size >= kWorthwhile) {
      return i;
    }
  }
  return inner;
}

void copy_same_type(const Tensor& in, const Tensor& out) {
  Walk<2> walk(out, in);
  const unsigned axis = contiguous_input_axis(walk);
  if (axis + 1 == walk.rank()) {
    walk.for_each([&](const Offsets& offsets) {
      copy_row(row_of(walk, 1, in, offsets), row_of(walk, 0, out, offsets), walk.inner().size);
    });
    return;
  }
  walk.bring_inwards(axis);
  switch (size_of(in.type)) {
    case 1:
      return transpose_all<std::uint8_t>(walk, in, out);
    case 2:
      return transpose_all<std::uint16_t>(walk, in, out);
    default:
      return transpose_all<std::uint32_t>(walk, in, out);
  }
}

void convert_chunk(const Row& in, const Row& out, std::size_t n) {
  if (is_float(in.type) || is_float(out.type)) {
    alignas(64) std::array<float, kRowChunk> values;
    store_row(view_f32(in, values.data(), n), out, n);
  } else {
    alignas(64) std::array<std::int32_t, kRowChunk> values;
    store_row(view_i32(in, values.data(), n), out, n);
  }
}

/// The rows of a walk over `out` and `in`, one after the other.
void copy_rows(const Walk<2>& walk, const Tensor& in, const Tensor& out) {
  const bool same_type = in.type == out.type;
  walk.for_each([&](const Offsets& offsets) {
    const Row result = row_of(walk, 0, out, offsets);
    const Row source = row_of(walk, 1, in, offsets);
    if (same_type) {
      copy_row(source, result, walk.inner().size);
      return;
    }
    for_each_chunk(walk.inner().size, [&](std::size_t begin, std::size_t n) {
      convert_chunk(source.skip(begin), result.skip(begin), n);
    });
  });
}

}  // namespace

void Fast::copy(const Tensor& in, const Tensor& out) {
  if (in.type == out.type) {
    copy_same_type(in, out);
    return;
  }
  copy_rows(Walk<2>(out, in), in, out);
}

std::string Fast::gather(const Tensor& in, const Tensor& index, const Tensor& out) {
  const Walk<2> walk(row_at(out, 0), row_at(in, 0));
  return for_each_row(index, in.dims[0], [&](std::uint32_t i, std::uint32_t row) {
    copy_rows(walk, row_at(in, row), row_at(out, i));
  });
}

std::string Fast::scatter(const Tensor& in, const Tensor& index, const Tensor& out) {
  const Walk<2> walk(row_at(out, 0), row_at(in, 0));
  return for_each_row(index, out.dims[0], [&](std::uint32_t i, std::uint32_t row) {
    copy_rows(walk, row_at(in, i), row_at(out, row));
  });
}

void Fast::fill(const Tensor& out, std::uint32_t pattern) {
  const Walk<1> walk(out);
  // A row of stride 0 repeats the pattern's low bytes: the project runs on little-endian hosts.
  const Row source{reinterpret_cast<std::byte*>(&pattern), out.type, 0};
  walk.for_each([&](const Walk<1>::Offsets& offsets) {
    copy_row(source, row_of(walk, 0, out, offsets), walk.inner().size);
  });
}

}  // namespace halyard::engine
