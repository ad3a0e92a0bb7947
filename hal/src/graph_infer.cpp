// SPDX-License-Identifier: MIT
// What each operation accepts, and the shape and type of its result.

#include "graph_infer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "error.hpp"

namespace halyard::hal {
namespace {

using Descs = std::span<const halyard_tensor_desc>;

constexpr std::size_t kMaxNameBytes = 63;
// Keeps sums of paddings, strides and windows inside 32 bits, and inside what chips encode.
constexpr std::uint32_t kMaxWindow = 0xffff;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(HALYARD_INVALID_ARGUMENT, what);
}

[[noreturn]] void refuse(halyard_op op, const std::string& what) {
  refuse(std::string(to_string(op)) + ": " + what);
}

bool is_float(halyard_dtype dtype) {
  return dtype == HALYARD_F32 || dtype == HALYARD_F16 || dtype == HALYARD_BF16;
}

void need_float(halyard_op op, const halyard_tensor_desc& in) {
  if (!is_float(in.dtype)) refuse(op, "takes f32, f16 or bf16, not " + to_string(in));
}

void need_alike(halyard_op op, const halyard_tensor_desc& a, const halyard_tensor_desc& b) {
  if (a.dtype != b.dtype) refuse(op, "types differ: " + to_string(a) + " and " + to_string(b));
}

template <class T>
const T& need_params(halyard_op op, const OpParams& params) {
  const auto* p = std::get_if<T>(&params);
  if (p == nullptr) refuse(op, "parameters are missing");
  return *p;
}

/// Type of a product: real ones keep their type, i8 accumulates in i32.
halyard_dtype product_type(halyard_op op, const halyard_tensor_desc& a,
                           const halyard_tensor_desc& b) {
  need_alike(op, a, b);
  if (a.dtype == HALYARD_I8) return HALYARD_I32;
  need_float(op, a);
  return a.dtype;
}

halyard_tensor_desc infer_matmul(halyard_op op, const halyard_tensor_desc& a,
                                 const halyard_tensor_desc& b) {
  halyard_tensor_desc out = a;
  out.dtype = product_type(op, a, b);
  if (a.rank != b.rank || a.rank < 2 || a.rank > 4) {
    refuse(op,
           "needs two tensors of equal rank 2 to 4, not " + to_string(a) + " and " + to_string(b));
  }
  const std::uint32_t m = a.rank - 2, n = a.rank - 1;
  if (a.dims[n] != b.dims[m]) {
    refuse(op, "inner dimensions differ: " + to_string(a) + " and " + to_string(b));
  }
  for (std::uint32_t i = 0; i < m; ++i) {
    if (a.dims[i] != b.dims[i] && a.dims[i] != 1 && b.dims[i] != 1) {
      refuse(op, "leading dimensions do not fit: " + to_string(a) + " and " + to_string(b));
    }
    out.dims[i] = std::max(a.dims[i], b.dims[i]);
  }
  out.dims[n] = b.dims[n];
  return out;
}

std::uint32_t windows(halyard_op op, std::uint64_t size, std::uint64_t pad_before,
                      std::uint64_t pad_after, std::uint64_t kernel, std::uint64_t dilation,
                      std::uint64_t stride) {
  if (stride == 0 || dilation == 0) refuse(op, "stride and dilation must be at least 1");
  for (const auto value : {pad_before, pad_after, dilation, stride, kernel}) {
    if (value > kMaxWindow) refuse(op, "window parameters must be at most 65535");
  }
  const std::uint64_t extent = dilation * (kernel - 1) + 1;
  const std::uint64_t padded = size + pad_before + pad_after;
  if (extent > padded) refuse(op, "the window is larger than the padded input");
  return static_cast<std::uint32_t>((padded - extent) / stride + 1);
}

halyard_tensor_desc infer_conv2d(halyard_op op, const halyard_tensor_desc& in,
                                 const halyard_tensor_desc& weight,
                                 const halyard_conv2d_params& p) {
  if (in.rank != 4 || weight.rank != 4) {
    refuse(op, "needs rank 4, not " + to_string(in) + " and " + to_string(weight));
  }
  halyard_tensor_desc out = in;
  out.dtype = product_type(op, in, weight);
  if (p.groups == 0 || in.dims[1] % p.groups != 0 || weight.dims[0] % p.groups != 0) {
    refuse(op, "groups must divide the input's and the output's channels");
  }
  if (weight.dims[1] != in.dims[1] / p.groups) {
    refuse(op, "weight has " + std::to_string(weight.dims[1]) + " channels per group, input has " +
                   std::to_string(in.dims[1] / p.groups));
  }
  out.dims[1] = weight.dims[0];
  out.dims[2] =
      windows(op, in.dims[2], p.pad_top, p.pad_bottom, weight.dims[2], p.dilation_h, p.stride_h);
  out.dims[3] =
      windows(op, in.dims[3], p.pad_left, p.pad_right, weight.dims[3], p.dilation_w, p.stride_w);
  // The chips take no window that lies in the padding alone.
  if (std::max(p.pad_top, p.pad_bottom) > (weight.dims[2] - std::uint64_t{1}) * p.dilation_h ||
      std::max(p.pad_left, p.pad_right) > (weight.dims[3] - std::uint64_t{1}) * p.dilation_w) {
    refuse(op, "padding must be less than the dilated window");
  }
  return out;
}

halyard_tensor_desc infer_pool2d(halyard_op op, const halyard_tensor_desc& in,
                                 const halyard_pool2d_params& p) {
  if (in.rank != 4) refuse(op, "needs rank 4, not " + to_string(in));
  if (in.dtype != HALYARD_I8) need_float(op, in);
  if (p.kernel_h == 0 || p.kernel_w == 0) refuse(op, "the window must be at least 1 x 1");
  if (std::max(p.pad_top, p.pad_bottom) >= p.kernel_h ||
      std::max(p.pad_left, p.pad_right) >= p.kernel_w) {
    refuse(op, "padding must be less than the window");
  }
  if (p.count_padding > 1) refuse(op, "count_padding must be 0 or 1");
  halyard_tensor_desc out = in;
  out.dims[2] = windows(op, in.dims[2], p.pad_top, p.pad_bottom, p.kernel_h, 1, p.stride_h);
  out.dims[3] = windows(op, in.dims[3], p.pad_left, p.pad_right, p.kernel_w, 1, p.stride_w);
  return out;
}

halyard_tensor_desc infer_binary(halyard_op op, const halyard_tensor_desc& a,
                                 const halyard_tensor_desc& b) {
  need_alike(op, a, b);
  if (a.dtype == HALYARD_U8) refuse(op, "does not take u8");
  halyard_tensor_desc out = a.rank >= b.rank ? a : b;
  for (std::uint32_t i = 0; i < out.rank; ++i) {
    const auto dim_of = [&](const halyard_tensor_desc& t) {
      return i + t.rank < out.rank ? 1U : t.dims[i + t.rank - out.rank];
    };
    const std::uint32_t da = dim_of(a), db = dim_of(b);
    if (da != db && da != 1 && db != 1) {
      refuse(op, "shapes do not broadcast: " + to_string(a) + " and " + to_string(b));
    }
    out.dims[i] = std::max(da, db);
  }
  return out;
}

halyard_tensor_desc infer_norm(halyard_op op, Descs in, const halyard_norm_params& p) {
  need_float(op, in[0]);
  if (!std::isfinite(p.epsilon) || p.epsilon < 0)
    refuse(op, "epsilon must be finite and not negative");
  for (const auto& vector : in.subspan(1)) {
    need_alike(op, in[0], vector);
    if (vector.rank != 1 || vector.dims[0] != in[0].dims[in[0].rank - 1]) {
      refuse(op, to_string(vector) + " does not fit the last dimension of " + to_string(in[0]));
    }
  }
  return in[0];
}

halyard_tensor_desc infer_transpose(halyard_op op, const halyard_tensor_desc& in,
                                    const halyard_transpose_params& p) {
  halyard_tensor_desc out = in;
  std::uint32_t seen = 0;
  for (std::uint32_t i = 0; i < in.rank; ++i) {
    if (p.perm[i] >= in.rank || (seen & (1U << p.perm[i])) != 0) {
      refuse(op, "perm is not a permutation of the dimensions");
    }
    seen |= 1U << p.perm[i];
    out.dims[i] = in.dims[p.perm[i]];
  }
  return out;
}

halyard_tensor_desc infer_reshape(halyard_op op, const halyard_tensor_desc& in,
                                  const halyard_reshape_params& p) {
  halyard_tensor_desc out{};
  out.dtype = in.dtype;
  out.rank = p.rank;
  if (p.rank <= HALYARD_MAX_RANK) std::copy_n(p.dims, p.rank, out.dims);
  check_desc(out);
  if (element_count(out) != element_count(in)) {
    refuse(op, to_string(in) + " has other elements than " + to_string(out));
  }
  return out;
}

/// Numbers of 32 bits, or pairs of words.
void need_indices(halyard_op op, const halyard_tensor_desc& index) {
  const bool fits = index.rank == 1 || (index.rank == 2 && index.dims[1] == 2);
  if (!fits || index.dtype != HALYARD_I32) {
    refuse(op, "the index must be i32 [n] or [n, 2], not " + to_string(index));
  }
}

halyard_tensor_desc infer_gather(halyard_op op, const halyard_tensor_desc& in,
                                 const halyard_tensor_desc& index) {
  need_indices(op, index);
  halyard_tensor_desc out = in;
  out.dims[0] = index.dims[0];
  return out;
}

halyard_tensor_desc infer_rotate(halyard_op op, const halyard_tensor_desc& in,
                                 const halyard_tensor_desc& angle, const halyard_rotate_params& p) {
  need_float(op, in);
  if (!std::isfinite(p.factor)) refuse(op, "factor must be finite");
  const auto last = in.rank - 1;
  if (in.dims[last] != 2) refuse(op, "the last dimension must be 2, not that of " + to_string(in));
  bool fits = angle.dtype == HALYARD_F32 && angle.rank == in.rank && angle.dims[last] == 1;
  for (std::uint32_t i = 0; fits && i < last; ++i)
    fits = angle.dims[i] == in.dims[i] || angle.dims[i] == 1;
  if (!fits) refuse(op, "angles " + to_string(angle) + " do not fit " + to_string(in));
  return in;
}

halyard_tensor_desc infer_order(halyard_op op, const halyard_tensor_desc& in,
                                const halyard_order_params& p) {
  need_float(op, in);
  if (p.descending > 1) refuse(op, "descending must be 0 or 1");
  const auto last = in.dims[in.rank - 1];
  if (p.count == 0 || p.count > last) {
    refuse(op, "the first " + std::to_string(p.count) + " of the " + std::to_string(last) +
                   " elements of a row are not to be had");
  }
  halyard_tensor_desc out = in;
  out.dtype = HALYARD_I32;
  out.dims[in.rank - 1] = p.count;
  return out;
}

halyard_tensor_desc infer_scaled(halyard_op op, const halyard_tensor_desc& in,
                                 const halyard_tensor_desc& scale,
                                 const halyard_quantize_params& p) {
  if (scale.dtype != HALYARD_F32 || scale.rank != 1) {
    refuse(op, "the scale must be f32 of rank 1, not " + to_string(scale));
  }
  if (p.axis >= in.rank) refuse(op, "axis is outside of " + to_string(in));
  if (scale.dims[0] != 1 && scale.dims[0] != in.dims[p.axis]) {
    refuse(op, to_string(scale) + " fits neither 1 nor the axis of " + to_string(in));
  }
  halyard_tensor_desc out = in;
  out.dtype = p.dtype;
  switch (op) {
    case HALYARD_OP_QUANTIZE:
      need_float(op, in);
      if (p.dtype != HALYARD_I8 && p.dtype != HALYARD_U8) refuse(op, "gives i8 or u8");
      break;
    case HALYARD_OP_DEQUANTIZE:
      if (is_float(in.dtype)) refuse(op, "takes i8, u8 or i32, not " + to_string(in));
      if (!is_float(p.dtype)) refuse(op, "gives f32, f16 or bf16");
      break;
    default:
      if (in.dtype != HALYARD_I32 && in.dtype != HALYARD_I8) {
        refuse(op, "takes i32 or i8, not " + to_string(in));
      }
      if (p.dtype != HALYARD_I8) refuse(op, "gives i8");
      break;
  }
  return out;
}

halyard_tensor_desc infer_unpack(halyard_op op, const halyard_tensor_desc& in,
                                 const halyard_unpack_params& p) {
  const auto bytes = static_cast<std::uint32_t>(halyard_format_bytes(p.format));
  if (bytes == 0) {
    refuse(op, "there is no format " + std::to_string(static_cast<int>(p.format)));
  }
  if (in.dtype != HALYARD_U8) refuse(op, "takes u8, not " + to_string(in));
  if (!is_float(p.dtype)) refuse(op, "gives f32, f16 or bf16");
  halyard_tensor_desc out = in;
  out.dtype = p.dtype;
  auto& last = out.dims[in.rank - 1];
  if (last % bytes != 0) {
    refuse(op, "the last dimension of " + to_string(in) + " is no multiple of a block's " +
                   std::to_string(bytes) + " bytes");
  }
  const auto elements = last / bytes * std::uint64_t{halyard_format_elements(p.format)};
  if (elements > std::numeric_limits<std::int32_t>::max()) refuse(op, "gives too many elements");
  last = static_cast<std::uint32_t>(elements);
  check_desc(out);
  return out;
}

halyard_tensor_desc infer_unary(halyard_op op, const halyard_tensor_desc& in) {
  const bool whole = op == HALYARD_OP_RELU && (in.dtype == HALYARD_I8 || in.dtype == HALYARD_I32);
  if (!whole) need_float(op, in);
  return in;
}

}  // namespace

void check_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) refuse("a name must have 1 to 63 bytes");
}

void check_desc(const halyard_tensor_desc& desc) {
  if (halyard_dtype_size(desc.dtype) == 0) {
    refuse("unknown element type " + std::to_string(static_cast<int>(desc.dtype)));
  }
  if (desc.rank == 0 || desc.rank > HALYARD_MAX_RANK) {
    refuse("rank " + std::to_string(desc.rank) + " is not 1 to 6");
  }
  std::uint64_t bytes = halyard_dtype_size(desc.dtype);
  for (std::uint32_t i = 0; i < desc.rank; ++i) {
    if (desc.dims[i] == 0) refuse("dimension " + std::to_string(i) + " is 0");
    if (bytes > kMaxTensorBytes / desc.dims[i]) refuse("the tensor is larger than 1 TiB");
    bytes *= desc.dims[i];
  }
}

void check_scatter(const halyard_tensor_desc& in, const halyard_tensor_desc& index,
                   const halyard_tensor_desc& out) {
  constexpr auto kOp = HALYARD_OP_SCATTER;
  need_indices(kOp, index);
  if (index.dims[0] != in.dims[0]) {
    refuse(kOp, to_string(index) + " has not one index for each row of " + to_string(in));
  }
  if (out.rank != in.rank || !std::equal(in.dims + 1, in.dims + in.rank, out.dims + 1)) {
    refuse(kOp, "rows of " + to_string(in) + " do not fit into " + to_string(out));
  }
}

halyard_tensor_desc infer_linear(halyard_op op, const halyard_tensor_desc& a,
                                 const halyard_tensor_desc& b, const halyard_linear_params& p) {
  if (!is_float(a.dtype)) refuse(op, "takes f32, f16 or bf16, not " + to_string(a));
  auto weights = infer_unpack(op, b, {p.size, p.format, a.dtype});
  if (weights.rank >= 2) std::swap(weights.dims[weights.rank - 2], weights.dims[weights.rank - 1]);
  return infer_matmul(op, a, weights);
}

std::size_t arity(halyard_op op) {
  if (is_function(op)) return 1;
  switch (op) {
    case HALYARD_OP_RELU:
    case HALYARD_OP_GELU:
    case HALYARD_OP_SILU:
    case HALYARD_OP_SIGMOID:
    case HALYARD_OP_TANH:
    case HALYARD_OP_MAX_POOL2D:
    case HALYARD_OP_AVG_POOL2D:
    case HALYARD_OP_SOFTMAX:
    case HALYARD_OP_TRANSPOSE:
    case HALYARD_OP_RESHAPE:
    case HALYARD_OP_CAST:
    case HALYARD_OP_UNPACK:
    case HALYARD_OP_ORDER:
      return 1;
    case HALYARD_OP_MATMUL:
    case HALYARD_OP_CONV2D:
    case HALYARD_OP_ADD:
    case HALYARD_OP_SUB:
    case HALYARD_OP_MUL:
    case HALYARD_OP_DIV:
    case HALYARD_OP_MAX:
    case HALYARD_OP_MIN:
    case HALYARD_OP_RMS_NORM:
    case HALYARD_OP_GATHER:
    case HALYARD_OP_QUANTIZE:
    case HALYARD_OP_DEQUANTIZE:
    case HALYARD_OP_REQUANTIZE:
    case HALYARD_OP_ROTATE:
    case HALYARD_OP_SCATTER:
    case HALYARD_OP_LINEAR:
      return 2;
    case HALYARD_OP_LAYER_NORM:
      return 3;
    default:
      break;
  }
  refuse("unknown operation " + std::to_string(static_cast<int>(op)));
}

halyard_tensor_desc infer(halyard_op op, Descs in, const OpParams& params) {
  if (in.size() != arity(op)) {
    refuse(op, "takes " + std::to_string(arity(op)) + " inputs, not " + std::to_string(in.size()));
  }
  if (is_function(op)) return infer_unary(op, in[0]);
  switch (op) {
    case HALYARD_OP_MATMUL:
      return infer_matmul(op, in[0], in[1]);
    case HALYARD_OP_CONV2D:
      return infer_conv2d(op, in[0], in[1], need_params<halyard_conv2d_params>(op, params));
    case HALYARD_OP_ADD:
    case HALYARD_OP_SUB:
    case HALYARD_OP_MUL:
    case HALYARD_OP_DIV:
    case HALYARD_OP_MAX:
    case HALYARD_OP_MIN:
      return infer_binary(op, in[0], in[1]);
    case HALYARD_OP_RELU:
    case HALYARD_OP_GELU:
    case HALYARD_OP_SILU:
    case HALYARD_OP_SIGMOID:
    case HALYARD_OP_TANH:
    case HALYARD_OP_SOFTMAX:
      return infer_unary(op, in[0]);
    case HALYARD_OP_MAX_POOL2D:
    case HALYARD_OP_AVG_POOL2D:
      return infer_pool2d(op, in[0], need_params<halyard_pool2d_params>(op, params));
    case HALYARD_OP_LAYER_NORM:
    case HALYARD_OP_RMS_NORM:
      return infer_norm(op, in, need_params<halyard_norm_params>(op, params));
    case HALYARD_OP_TRANSPOSE:
      return infer_transpose(op, in[0], need_params<halyard_transpose_params>(op, params));
    case HALYARD_OP_RESHAPE:
      return infer_reshape(op, in[0], need_params<halyard_reshape_params>(op, params));
    case HALYARD_OP_CAST: {
      halyard_tensor_desc out = in[0];
      out.dtype = need_params<halyard_cast_params>(op, params).dtype;
      check_desc(out);
      return out;
    }
    case HALYARD_OP_GATHER:
      return infer_gather(op, in[0], in[1]);
    case HALYARD_OP_QUANTIZE:
    case HALYARD_OP_DEQUANTIZE:
    case HALYARD_OP_REQUANTIZE:
      return infer_scaled(op, in[0], in[1], need_params<halyard_quantize_params>(op, params));
    case HALYARD_OP_ROTATE:
      return infer_rotate(op, in[0], in[1], need_params<halyard_rotate_params>(op, params));
    case HALYARD_OP_ORDER:
      return infer_order(op, in[0], need_params<halyard_order_params>(op, params));
    case HALYARD_OP_SCATTER:
      refuse(op, "no operation of a graph, whose tensors hold nothing before: a command list's");
    case HALYARD_OP_LINEAR:
      return infer_linear(op, in[0], in[1], need_params<halyard_linear_params>(op, params));
    case HALYARD_OP_UNPACK:
      return infer_unpack(op, in[0], need_params<halyard_unpack_params>(op, params));
    default:
      break;
  }
  refuse("unknown operation " + std::to_string(static_cast<int>(op)));
}

}  // namespace halyard::hal
