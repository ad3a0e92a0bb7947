// SPDX-License-Identifier: MIT
// What moves windows over a tensor: convolutions, pools, and matrices of windows.

#include <algorithm>
#include <limits>
#include <span>

#include "operations.hpp"
#include "params.hpp"

namespace halyard::ggml {
namespace {

/// Commands that one node may take.
constexpr std::uint32_t kMaxCommands = 2048;

std::uint32_t count_of(const ggml_tensor* node, std::size_t n) {
  const auto value = param<std::int32_t>(node, n);
  if (value < 0) throw Unsupported("negative parameters");
  return static_cast<std::uint32_t>(value);
}

/// Windows along one dimension; `before` is how far the first begins in the padding.
struct Windows {
  std::uint32_t count = 1, kernel = 1, stride = 1, before = 0, dilation = 1;

  /// Elements from the first window's begin to the last one's end.
  [[nodiscard]] std::uint32_t extent() const {
    return (count - 1) * stride + (kernel - 1) * dilation + 1;
  }
  /// Stays inside `size` elements with no more padding than the HAL allows on either side.
  [[nodiscard]] bool fits(std::uint32_t size) const {
    return before <= (kernel - 1) * dilation && extent() <= size + 2 * before;
  }
};

/// `in` with `value` around its last dimensions, as far as the windows reach: itself where they
/// stay inside. Windows then begin at its first element.
Strided padded(const Strided& in, std::span<const Windows> windows, float value,
               Commands& commands) {
  const auto first = in.dims.size() - windows.size();
  auto dims = in.dims;
  bool inside = true;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    auto& dim = dims[first + i];
    inside = inside && windows[i].before == 0 && windows[i].extent() <= dim;
    dim = std::max(windows[i].extent(), windows[i].before + dim);
  }
  if (inside) return in;
  const auto all = commands.scratch(dims, in.dtype);
  fill(all, value, commands);
  auto middle = all;
  for (std::size_t i = 0; i < windows.size(); ++i)
    middle = middle.slice(first + i, windows[i].before, in.dims[first + i]);
  commands.copy(in, middle);
  return all;
}

/// Dimension `dim` as two: at `dim` the windows, as the last one the elements in them.
Strided unfolded(const Strided& in, std::size_t dim, const Windows& windows) {
  auto view = in;
  view.dims[dim] = windows.count;
  view.strides[dim] *= windows.stride;
  view.dims.push_back(windows.kernel);
  view.strides.push_back(in.strides[dim] * windows.dilation);
  return view;
}

/// The order of a tensor's dimensions.
Strided permuted(const Strided& in, std::initializer_list<std::size_t> order) {
  auto view = in;
  view.dims.clear();
  view.strides.clear();
  for (const auto dim : order) {
    view.dims.push_back(in.dims[dim]);
    view.strides.push_back(in.strides[dim]);
  }
  return view;
}

std::uint32_t side(const ggml_tensor* tensor, std::size_t i) {
  return narrow(tensor->ne[i]);
}

/// Depth, height, width of a node whose kernel and output begin with them, the other way round, and
/// whose parameters are strides, padding, and dilation.
std::array<Windows, 3> volume_of(const ggml_tensor* node, std::size_t output_first) {
  std::array<Windows, 3> windows;
  for (std::size_t i = 0; i < 3; ++i) {
    windows[2 - i] = {side(node, output_first + i), side(node->src[0], i), count_of(node, i),
                      count_of(node, 3 + i), count_of(node, 6 + i)};
  }
  return windows;
}

/// Copies every element of every window of `in`, [n, channel, depth, height, width], to `out`,
/// [n, depth, height, width, channel, kernel's depth, height, width].
void copy_windows(const Strided& in, const std::array<Windows, 3>& windows, const Strided& out,
                  Commands& commands) {
  const auto& [depth, height, width] = windows;
  if (depth.kernel * height.kernel > kMaxCommands) throw Unsupported("such a large kernel");
  const auto all = padded(in, windows, 0, commands);
  for (std::uint32_t z = 0; z < depth.kernel; ++z) {
    for (std::uint32_t y = 0; y < height.kernel; ++y) {
      auto rows = all.slice(2, z * depth.dilation, depth.count, depth.stride)
                      .slice(3, y * height.dilation, height.count, height.stride);
      rows = unfolded(rows, 4, width);
      commands.copy(permuted(rows, {0, 2, 3, 4, 1, 5}), out.at(6, y).at(5, z));
    }
  }
}

/// `windows` along height and width; an average counts the padding.
void append_pool(const ggml_tensor* node, std::array<Windows, 2> windows, Commands& commands) {
  const auto kind = param<std::int32_t>(node, 0);
  if (kind != GGML_OP_POOL_MAX && kind != GGML_OP_POOL_AVG) throw Unsupported("this pool");
  const bool average = kind == GGML_OP_POOL_AVG;
  auto in = commands.real(node->src[0]);
  auto& [height, width] = windows;
  if (height.before >= height.kernel || width.before >= width.kernel) {
    in = padded(in, windows, average ? 0 : -std::numeric_limits<float>::max(), commands);
    height.before = width.before = 0;
  }
  const auto out = commands.tensor(node);
  const auto result = out.dtype == HALYARD_F32 ? out : commands.scratch(out.dims, HALYARD_F32);
  commands.add(
      average ? HALYARD_OP_AVG_POOL2D : HALYARD_OP_MAX_POOL2D, {in, result},
      halyard_pool2d_params{0, height.kernel, width.kernel, height.stride, width.stride,
                            height.before, width.before, height.before, width.before, average});
  if (out.dtype != HALYARD_F32) commands.copy(result, out);
}

/// out[n][oc][y + stride * h][x + stride * w] += sum of kernel[ic][oc][y][x] * in[n][ic][h][w]
void convolve_transposed(const Strided& kernel, const Strided& in, std::uint32_t stride_h,
                         std::uint32_t stride_w, const Strided& out, Commands& commands) {
  const auto channels = kernel.dims[0], rows = kernel.dims[2], columns = kernel.dims[3];
  if (rows * columns > kMaxCommands) throw Unsupported("such a large kernel");
  const auto outputs = narrow(static_cast<std::int64_t>(kernel.elements() / channels));
  const auto pixels = in.dims[2] * in.dims[3];
  const auto parts = commands.scratch({in.dims[0], outputs, pixels}, HALYARD_F32);
  commands.add(HALYARD_OP_MATMUL, {kernel.reshaped({1, channels, outputs}).swapped(1, 2),
                                   in.reshaped({in.dims[0], channels, pixels}), parts});
  const auto spread =
      parts.reshaped({in.dims[0], kernel.dims[1], rows, columns, in.dims[2], in.dims[3]});
  fill(out, 0, commands);
  for (std::uint32_t y = 0; y < rows; ++y) {
    for (std::uint32_t x = 0; x < columns; ++x) {
      const auto place = out.slice(2, y, in.dims[2], stride_h).slice(3, x, in.dims[3], stride_w);
      binary(HALYARD_OP_ADD, place, spread.at(3, x).at(2, y), place, commands);
    }
  }
}

}  // namespace

void append_im2col(const ggml_tensor* node, Commands& commands) {
  const bool flat = param<std::int32_t>(node, 6) == 0;
  const auto* kernel = node->src[0];
  auto in = commands.tensor(node->src[1]);
  auto out = commands.tensor(node);
  const Windows width{side(node, 1), side(kernel, 0), count_of(node, 0), count_of(node, 2),
                      count_of(node, 4)};
  Windows height;
  if (flat) {
    // [1, n, channel, width], and [1, n, window, ...]
    if (in.dims[0] != 1) throw Unsupported("four dimensions");
    in = in.at(0, 0).inserted(2);
  } else {
    height = {side(node, 2), side(kernel, 1), count_of(node, 1), count_of(node, 3),
              count_of(node, 5)};
  }
  const auto batch = in.dims[0], channels = in.dims[1];
  in = in.inserted(2);
  out =
      out.reshaped({batch, 1, height.count, width.count, channels, 1, height.kernel, width.kernel});
  copy_windows(in, {Windows{}, height, width}, out, commands);
}

void append_im2col_3d(const ggml_tensor* node, Commands& commands) {
  auto windows = volume_of(node, 1);
  const auto channels = count_of(node, 9);
  auto in = commands.tensor(node->src[1]);
  auto out = commands.tensor(node);
  if (channels == 0 || in.dims[0] % channels != 0) throw Unsupported("such channels");
  const auto batch = in.dims[0] / channels;
  windows[0].count = out.dims[0] / batch;
  const auto& [depth, height, width] = windows;
  in = in.inserted(0);
  in.dims[0] = batch, in.strides[0] = in.strides[1] * channels, in.dims[1] = channels;
  out = out.reshaped({batch, depth.count, height.count, width.count, channels, depth.kernel,
                      height.kernel, width.kernel});
  copy_windows(in, windows, out, commands);
}

void append_conv_2d(const ggml_tensor* node, Commands& commands) {
  const auto weight = commands.real(node->src[0]);
  auto in = commands.real(node->src[1]);
  std::array<Windows, 2> windows{Windows{side(node, 1), weight.dims[2], count_of(node, 1),
                                         count_of(node, 3), count_of(node, 5)},
                                 Windows{side(node, 0), weight.dims[3], count_of(node, 0),
                                         count_of(node, 2), count_of(node, 4)}};
  auto& [height, width] = windows;
  if (!height.fits(in.dims[2]) || !width.fits(in.dims[3])) {
    in = padded(in, windows, 0, commands);
    height.before = width.before = 0;
  }
  const auto groups = node->op == GGML_OP_CONV_2D_DW ? in.dims[1] : 1;
  const halyard_conv2d_params params{0,
                                     height.stride,
                                     width.stride,
                                     height.dilation,
                                     width.dilation,
                                     height.before,
                                     width.before,
                                     height.before,
                                     width.before,
                                     groups};
  commands.add(HALYARD_OP_CONV2D, {in, weight, commands.tensor(node)}, params);
}

/// The windows as a matrix, and a product.
void append_conv_3d(const ggml_tensor* node, Commands& commands) {
  const auto windows = volume_of(node, 0);
  const auto& [depth, height, width] = windows;
  const auto channels = count_of(node, 9), batch = count_of(node, 10), outputs = count_of(node, 11);
  const auto weight = commands.real(node->src[0]);
  auto in = commands.real(node->src[1]);
  in = in.inserted(0);
  in.dims[0] = batch, in.strides[0] = in.strides[1] * channels, in.dims[1] = channels;
  const auto columns = commands.scratch({batch, depth.count, height.count, width.count, channels,
                                         depth.kernel, height.kernel, width.kernel},
                                        HALYARD_F32);
  copy_windows(in, windows, columns, commands);
  const auto taps = channels * depth.kernel * height.kernel * width.kernel;
  const auto places = depth.count * height.count * width.count;
  commands.add(HALYARD_OP_MATMUL, {weight.reshaped({1, outputs, taps}),
                                   columns.reshaped({batch, places, taps}).swapped(1, 2),
                                   commands.tensor(node).reshaped({batch, outputs, places})});
}

void append_conv_transpose_1d(const ggml_tensor* node, Commands& commands) {
  // [1, ic, oc, k], [1, 1, ic, l] and [1, 1, oc, l]
  const auto kernel = commands.real(node->src[0]);
  const auto in = commands.real(node->src[1]);
  const auto out = commands.tensor(node);
  if (kernel.dims[0] != 1 || in.dims[0] != 1 || in.dims[1] != 1)
    throw Unsupported("more dimensions");
  convolve_transposed(kernel.at(0, 0).inserted(2), in.swapped(1, 2), 1, count_of(node, 0),
                      out.swapped(1, 2), commands);
}

void append_conv_transpose_2d(const ggml_tensor* node, Commands& commands) {
  const auto stride = count_of(node, 0);
  convolve_transposed(commands.real(node->src[0]), commands.real(node->src[1]), stride, stride,
                      commands.tensor(node), commands);
}

/// out[s][t][c] = sum of in[s][c][t + k] * weight[c][k]
void append_ssm_conv(const ggml_tensor* node, Commands& commands) {
  const auto in = commands.tensor(node->src[0]), weight = commands.tensor(node->src[1]);
  const auto out = commands.tensor(node).swapped(2, 3);
  const auto tokens = out.dims[3], taps = weight.dims[3];
  if (taps > kMaxCommands) throw Unsupported("such a large kernel");
  const auto part = commands.scratch(out.dims, HALYARD_F32);
  for (std::uint32_t k = 0; k < taps; ++k) {
    const auto& product = k == 0 ? out : part;
    binary(HALYARD_OP_MUL, in.slice(3, k, tokens), weight.slice(3, k, 1), product, commands);
    if (k > 0) binary(HALYARD_OP_ADD, out, part, out, commands);
  }
}

void append_pool_1d(const ggml_tensor* node, Commands& commands) {
  const Windows windows{side(node, 0), count_of(node, 1), count_of(node, 2), count_of(node, 3), 1};
  append_pool(node, {Windows{}, windows}, commands);
  if (param<std::int32_t>(node, 0) != GGML_OP_POOL_AVG || windows.before == 0) return;
  // ggml's average of one dimension, unlike that of two, is that of the elements alone.
  std::vector<float> factors;
  for (std::int64_t i = 0; i < windows.count; ++i) {
    const auto first = i * windows.stride - windows.before;
    const auto end = std::min(first + windows.kernel, node->src[0]->ne[0]);
    const auto elements = end - std::max<std::int64_t>(first, 0);
    factors.push_back(
        elements > 0 ? static_cast<float>(windows.kernel) / static_cast<float>(elements) : 0);
  }
  const auto out = commands.tensor(node);
  binary(HALYARD_OP_MUL, out, commands.constant(factors, {1, 1, 1, windows.count}), out, commands);
}

void append_pool_2d(const ggml_tensor* node, Commands& commands) {
  append_pool(node,
              {Windows{side(node, 1), count_of(node, 2), count_of(node, 4), count_of(node, 6), 1},
               Windows{side(node, 0), count_of(node, 1), count_of(node, 3), count_of(node, 5), 1}},
              commands);
}

}  // namespace halyard::ggml
