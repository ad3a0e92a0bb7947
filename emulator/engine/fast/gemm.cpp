// SPDX-License-Identifier: MIT
//
// oneDNN was chosen by measurement (tests/bench/engine): on processors with AVX-512 its float32
// product has twice the speed of Debian 12's OpenBLAS, which does not know the newer ones, and it
// has an int8 product. Only functions that versions 2 and 3 share are used.
#include "gemm.hpp"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "kernels.hpp"
#include "scratch.hpp"
#include "single_thread.hpp"

namespace halyard::engine {
namespace {

template <typename T>
char mark(const Panel<T>& panel) {
  return panel.transposed ? 'T' : 'N';
}

template <typename T>
T element(const Panel<T>& panel, std::int64_t row, std::int64_t column) {
  return panel.transposed ? panel.data[column * panel.stride + row]
                          : panel.data[row * panel.stride + column];
}

/// sums[i, j] += x[i, j], modulo 2^32.
void add(const std::int32_t* x, std::int64_t rows, std::int64_t columns, std::int32_t* sums,
         std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i) {
    std::int32_t* row = sums + i * stride;
    kernels().add_wrapping_i32(row, x + i * columns, row, static_cast<std::size_t>(columns));
  }
}

/// The library's int8 product; false if it fails.
bool library_int8(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                  const Panel<std::int8_t>& a, const Panel<std::int8_t>& b, std::int32_t* sums,
                  std::int64_t stride) {
  const SingleThread single;
  const std::int32_t offset = 0;
  return dnnl_gemm_s8s8s32(mark(a), mark(b), 'F', rows, columns, depth, 1.0F, a.data, a.stride, 0,
                           b.data, b.stride, 0, 0.0F, sums, stride, &offset) == dnnl_success;
}

/// Is the library's int8 product exact on this processor? Without VNNI instructions oneDNN adds
/// pairs of products in 16 bits, which saturate at operands like these.
bool library_int8_is_exact() {
  constexpr std::array<std::int8_t, 4> kExtremes = {127, -128, -127, 126};
  constexpr std::array<std::array<std::int64_t, 3>, 5> kShapes = {
      {{1, 1, 64}, {1, 48, 96}, {48, 1, 96}, {5, 7, 33}, {64, 64, 128}}};
  for (const auto& [rows, columns, depth] : kShapes) {
    for (const std::int8_t left : kExtremes) {
      for (const std::int8_t right : kExtremes) {
        const std::vector<std::int8_t> a(static_cast<std::size_t>(rows * depth), left);
        const std::vector<std::int8_t> b(static_cast<std::size_t>(depth * columns), right);
        std::vector<std::int32_t> sums(static_cast<std::size_t>(rows * columns));
        const auto expected = static_cast<std::int32_t>(std::int64_t{left} * right * depth);
        if (!library_int8(rows, columns, depth, {a.data(), depth, false},
                          {b.data(), columns, false}, sums.data(), columns) ||
            std::ranges::any_of(sums, [&](std::int32_t sum) { return sum != expected; })) {
          return false;
        }
      }
    }
  }
  return true;
}

/// Rows of the panel's memory as float32, without gaps.
Panel<float> widen(const Panel<std::int8_t>& panel, std::int64_t rows, std::int64_t columns,
                   ScratchUse use) {
  if (panel.transposed) {
    std::swap(rows, columns);
  }
  auto* wide = scratch<float>(use, static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    kernels().i8_to_f32(panel.data + i * panel.stride, wide + i * columns,
                        static_cast<std::size_t>(columns));
  }
  return {wide, columns, panel.transposed};
}

/// The int8 product by way of float32, exact as long as every sum stays below 2^24 in magnitude.
void multiply_widened(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                      const Panel<std::int8_t>& a, const Panel<std::int8_t>& b, std::int32_t* sums,
                      std::int64_t stride, bool accumulate) {
  constexpr std::int64_t kDepth = 1024;  // times 128 * 128 is 2^24
  constexpr std::int64_t kBlock = 512;   // rows and columns at a time, which bounds the scratch
  for (std::int64_t i = 0; i < rows; i += kBlock) {
    const std::int64_t height = std::min(kBlock, rows - i);
    for (std::int64_t j = 0; j < columns; j += kBlock) {
      const std::int64_t width = std::min(kBlock, columns - j);
      const auto count = static_cast<std::size_t>(height * width);
      auto* exact = scratch<float>(ScratchUse::kWideSums, count);
      auto* block = scratch<std::int32_t>(ScratchUse::kPartialSums, count);
      for (std::int64_t k = 0; k < depth; k += kDepth) {
        const std::int64_t span = std::min(kDepth, depth - k);
        const auto left = widen(a.at(i, k), height, span, ScratchUse::kWideLeft);
        const auto right = widen(b.at(k, j), span, width, ScratchUse::kWideRight);
        multiply(height, width, span, left, right, exact, width, false);
        kernels().f32_to_i32(exact, block, count);
        if (k == 0 && !accumulate) {
          for (std::int64_t row = 0; row < height; ++row) {
            std::copy_n(block + row * width, width, sums + (i + row) * stride + j);
          }
        } else {
          add(block, height, width, sums + i * stride + j, stride);
        }
      }
    }
  }
}

/// For the case that the library refuses, for want of memory for instance.
void multiply_plainly(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                      const Panel<float>& a, const Panel<float>& b, float* sums,
                      std::int64_t stride, bool accumulate) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      float sum = accumulate ? sums[i * stride + j] : 0.0F;
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += element(a, i, k) * element(b, k, j);
      }
      sums[i * stride + j] = sum;
    }
  }
}

}  // namespace

void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Panel<float>& a,
              const Panel<float>& b, float* sums, std::int64_t stride, bool accumulate) {
  dnnl_status_t status = dnnl_success;
  {
    const SingleThread single;
    status = dnnl_sgemm(mark(a), mark(b), rows, columns, depth, 1.0F, a.data, a.stride, b.data,
                        b.stride, accumulate ? 1.0F : 0.0F, sums, stride);
  }
  if (status != dnnl_success) {
    multiply_plainly(rows, columns, depth, a, b, sums, stride, accumulate);
  }
}

void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth,
              const Panel<std::int8_t>& a, const Panel<std::int8_t>& b, std::int32_t* sums,
              std::int64_t stride, bool accumulate) {
  static const bool exact = library_int8_is_exact();
  if (!exact) {
    multiply_widened(rows, columns, depth, a, b, sums, stride, accumulate);
    return;
  }
  if (!accumulate && library_int8(rows, columns, depth, a, b, sums, stride)) {
    return;
  }
  if (accumulate) {
    // Not the library's own way of adding, which goes through float32.
    const auto count = static_cast<std::size_t>(rows * columns);
    auto* block = scratch<std::int32_t>(ScratchUse::kPartialSums, count);
    if (library_int8(rows, columns, depth, a, b, block, columns)) {
      add(block, rows, columns, sums, stride);
      return;
    }
  }
  multiply_widened(rows, columns, depth, a, b, sums, stride, accumulate);
}

}  // namespace halyard::engine
