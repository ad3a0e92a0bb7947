// SPDX-License-Identifier: MIT
#include "operations.hpp"
#include "chain.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "params.hpp"

namespace halyard::ggml {
namespace {

/// The same elements seen with more dimensions, so that what an input repeats of the output is a
/// dimension of its own: there the input has one element. The output is the last.
std::vector<Strided> split_repeats(const std::vector<Strided>& operands) {
  std::vector<Strided> result = operands;
  for (auto& operand : result) {
    operand.dims.clear();
    operand.strides.clear();
  }
  const auto& out = operands.back();
  for (std::size_t d = 0; d < out.dims.size(); ++d) {
    const auto count = out.dims[d];
    std::uint32_t part = count;
    for (const auto& operand : operands) {
      const auto dim = operand.dims[d];
      if (dim == 1 || dim == count) continue;
      if (count % dim != 0 || (part != count && part != dim)) throw Unsupported("such repeats");
      part = dim;
    }
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const auto dim = operands[i].dims[d];
      const auto stride = operands[i].strides[d];
      if (part != count) {
        result[i].dims.push_back(dim == count ? count / part : 1);
        result[i].strides.push_back(dim == count ? stride * part : 0);
      }
      result[i].dims.push_back(dim == 1 ? 1 : part);
      result[i].strides.push_back(dim == 1 ? 0 : stride);
    }
  }
  return result;
}

/// Copies `in`, as often as it fits into `out`.
void spread(const Strided& in, const Strided& out, Commands& commands) {
  auto both = split_repeats({in, out});
  for (std::size_t d = 0; d < both[0].dims.size(); ++d) {
    if (both[0].dims[d] != both[1].dims[d]) both[0] = both[0].repeated(d, both[1].dims[d]);
  }
  commands.copy(both[0], both[1]);
}

// ---- elementwise ---------------------------------------------------------------------------

/// Operands may have other types than the result: then all is float32 until the end.
void append_binary(const ggml_tensor* node, halyard_op op, Commands& commands) {
  const auto a = source(node, 0, commands), b = source(node, 1, commands);
  const auto out = commands.tensor(node);
  need(!is_integer(node), "integers");
  if (a.dtype == out.dtype && b.dtype == out.dtype) {
    binary(op, a, b, out, commands);
    return;
  }
  const auto sum = out.dtype == HALYARD_F32 ? out : commands.scratch(out.dims, HALYARD_F32);
  binary(op, as(HALYARD_F32, a, commands), as(HALYARD_F32, b, commands), sum, commands);
  if (out.dtype != HALYARD_F32) commands.copy(sum, out);
}

// ---- along rows ----------------------------------------------------------------------------

/// The norm of `in`, by way of scratch memory: ggml may have given both the same place.
void normalise(halyard_op op, const Strided& in, float epsilon, const Strided& out,
               Commands& commands) {
  const auto result = commands.scratch(in.dims, in.dtype);
  std::vector<Strided> operands{in, {}};
  if (op == HALYARD_OP_LAYER_NORM) operands.emplace_back();
  operands.push_back(result);
  commands.add(op, operands, halyard_norm_params{0, epsilon});
  commands.copy(result, out);
}

void append_group_norm(const ggml_tensor* node, Commands& commands) {
  auto in = source(node, 0, commands), out = commands.tensor(node);
  const auto groups = param<std::int32_t>(node, 0);
  need(groups > 0 && in.dims[axis(2)] % static_cast<std::uint32_t>(groups) == 0,
       "groups of different sizes");
  const auto rows = in.dims[axis(3)] * static_cast<std::uint32_t>(groups);
  const auto row = static_cast<std::uint32_t>(in.elements() / rows);
  normalise(HALYARD_OP_LAYER_NORM, in.reshaped({rows, row}), param<float>(node, 1),
            out.reshaped({rows, row}), commands);
}

void append_soft_max(const ggml_tensor* node, Commands& commands) {
  Attention attention{param<float>(node, 0), param<float>(node, 1), 0, {}, {}};
  if (node->src[2] != nullptr) attention.sinks = sinks_of(node->src[2], commands);
  const auto out = commands.tensor(node);
  const auto scores = commands.scratch(out.dims, HALYARD_F32);
  commands.copy(source(node, 0, commands), scores);
  if (node->src[1] != nullptr) {
    attention.mask = source(node, 1, commands).slice(axis(1), 0, out.dims[axis(1)]);
  }
  masked_softmax(scores, attention, out, commands);
}

/// Sums of rows, each times `factor`.
void append_sums(const ggml_tensor* node, float factor, Commands& commands) {
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  const auto ones = commands.scalar(factor, 4).repeated(axis(1), in.dims[axis(0)]);
  commands.add(HALYARD_OP_MATMUL, {in, ones, out});
}

void append_sum(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands);
  const auto all = static_cast<std::uint32_t>(in.elements());
  need(in.elements() <= INT32_MAX, "so many elements");
  const auto ones = commands.scalar(1, 2).repeated(0, all);
  auto dense = in;
  if (!in.contiguous()) {
    // ggml's own back end sums something else then.
    need(in.strides[axis(0)] == 1, "a sum of rows with gaps");
    dense = commands.scratch(in.dims, in.dtype);
    commands.copy(in, dense);
  }
  commands.add(HALYARD_OP_MATMUL,
               {dense.reshaped({1, all}), ones, commands.tensor(node).reshaped({1, 1})});
}

// ---- movement ------------------------------------------------------------------------------

void append_copy(const ggml_tensor* node, Commands& commands) {
  const auto* from = node->src[0];
  // What stays as it is may be of any type.
  const bool same = node->type == from->type;
  // ggml truncates where the HAL rounds.
  need(is_integer(node) == is_integer(from), "conversion between real and whole numbers");
  if (!same && is_blocks(node)) {
    const auto blocks = commands.movable(node);
    auto in = commands.real(from);
    auto dims = blocks.dims;
    dims.back() = static_cast<std::uint32_t>(node->ne[0]);
    if (in.dims != dims) in = in.reshaped(dims);
    quantise(in, node->type, blocks, commands);
    return;
  }
  const auto out = same ? commands.words(node) : commands.tensor(node);
  if (!same && is_blocks(from) && ggml_are_same_shape(from, node)) {
    commands.unpack(from, commands.blocks(from), out);
    return;
  }
  const auto in = same              ? commands.words(from)
                  : is_blocks(from) ? commands.real(from)
                                    : commands.tensor(from);
  if (in.dims == out.dims) {
    commands.copy(in, out);
  } else if (in.contiguous()) {
    commands.copy(in.reshaped(out.dims), out);
  } else {
    const auto dense = commands.scratch(in.dims, in.dtype);
    commands.copy(in, dense);
    commands.copy(dense.reshaped(out.dims), out);
  }
}

void append_concat(const ggml_tensor* node, Commands& commands) {
  const auto a = commands.words(node->src[0]), b = commands.words(node->src[1]);
  const auto out = commands.words(node);
  const auto dim = axis(static_cast<std::size_t>(param<std::int32_t>(node, 0)));
  commands.copy(a, out.slice(dim, 0, a.dims[dim]));
  commands.copy(b, out.slice(dim, a.dims[dim], b.dims[dim]));
}

void append_pad(const ggml_tensor* node, Commands& commands) {
  if (param<std::int32_t>(node, 8) != 0) return append_circular_pad(node, commands);
  const auto in = source(node, 0, commands);
  auto out = commands.tensor(node);
  fill(out, 0, commands);
  for (std::size_t i = 0; i < GGML_MAX_DIMS; ++i) {
    const auto before = param<std::int32_t>(node, 2 * i);
    need(before >= 0, "negative padding");
    out = out.slice(axis(i), static_cast<std::uint32_t>(before), in.dims[axis(i)]);
  }
  commands.copy(in, out);
}

/// By whole factors, each element repeated.
void append_upscale(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  need(param<std::int32_t>(node, 0) == GGML_SCALE_MODE_NEAREST, "interpolation");
  Strided from = in, to = out;
  from.dims.clear(), from.strides.clear(), to.dims.clear(), to.strides.clear();
  for (std::size_t d = 0; d < GGML_MAX_DIMS; ++d) {
    need(out.dims[d] % in.dims[d] == 0, "factors that are not whole");
    const auto factor = out.dims[d] / in.dims[d];
    for (auto* both : {&from, &to})
      both->dims.insert(both->dims.end(), {in.dims[d], factor});
    from.strides.insert(from.strides.end(), {in.strides[d], 0});
    to.strides.insert(to.strides.end(), {out.strides[d] * factor, out.strides[d]});
  }
  commands.copy(from, to);
}

void append_get_rows(const ggml_tensor* node, Commands& commands) {
  constexpr std::uint32_t kMaxBatches = 256;
  const auto rows = commands.movable(node->src[0]), index = source(node, 1, commands);
  const auto out = commands.tensor(node);
  need(is_integer(node) == is_integer(node->src[0]), "conversion");
  const auto outer = out.dims[0], inner = out.dims[1];
  need(outer * inner <= kMaxBatches, "so many batches");
  const bool converts = rows.dtype != out.dtype;
  auto dims = out.dims;
  dims.back() = rows.dims.back();
  const auto picked = converts ? commands.scratch(dims, rows.dtype) : out;
  for (std::uint32_t i = 0; i < outer; ++i) {
    for (std::uint32_t k = 0; k < inner; ++k) {
      // src1 is [.., outer, inner, n] in ggml's dimensions 2, 1, 0.
      commands.add(HALYARD_OP_GATHER,
                   {rows.at(0, std::min(i, rows.dims[0] - 1)).at(0, std::min(k, rows.dims[1] - 1)),
                    index.at(0, 0).at(0, i).at(0, k), picked.at(0, i).at(0, k)});
    }
  }
  if (is_blocks(node->src[0])) {
    commands.unpack(node->src[0], picked, out);
  } else if (converts) {
    commands.copy(picked, out);
  }
}

void append_arange(const ggml_tensor* node, Commands& commands) {
  const auto out = commands.tensor(node);
  std::vector<float> values;
  for (std::uint32_t i = 0; i < out.dims[axis(0)]; ++i)
    values.push_back(param<float>(node, 0) + param<float>(node, 2) * static_cast<float>(i));
  commands.copy(commands.constant(values, out.dims), out);
}

void append_fill(const ggml_tensor* node, Commands& commands) {
  fill(commands.tensor(node), param<float>(node, 0), commands);
}

void append_diag_mask(const ggml_tensor* node, Commands& commands) {
  constexpr std::uint64_t kMaxMask = std::uint64_t{1} << 20U;
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  const auto columns = out.dims[axis(0)], rows = out.dims[axis(1)];
  need(std::uint64_t{columns} * rows <= kMaxMask, "such a large mask");
  std::vector<float> mask;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      mask.push_back(column > param<std::int32_t>(node, 0) + row
                         ? -std::numeric_limits<float>::infinity()
                         : 0);
    }
  }
  binary(HALYARD_OP_ADD, in, commands.constant(mask, {1, 1, rows, columns}), out, commands);
}

void append_windows(const ggml_tensor* node, Commands& commands) {
  switch (node->op) {
    case GGML_OP_POOL_1D:
      return append_pool_1d(node, commands);
    case GGML_OP_POOL_2D:
      return append_pool_2d(node, commands);
    case GGML_OP_CONV_2D:
    case GGML_OP_CONV_2D_DW:
      return append_conv_2d(node, commands);
    case GGML_OP_CONV_3D:
      return append_conv_3d(node, commands);
    case GGML_OP_CONV_TRANSPOSE_1D:
      return append_conv_transpose_1d(node, commands);
    case GGML_OP_CONV_TRANSPOSE_2D:
      return append_conv_transpose_2d(node, commands);
    case GGML_OP_IM2COL:
      return append_im2col(node, commands);
    case GGML_OP_IM2COL_3D:
      return append_im2col_3d(node, commands);
    default:
      throw Unsupported("this operation");
  }
}

void append_movement(const ggml_tensor* node, Commands& commands) {
  switch (node->op) {
    case GGML_OP_CONCAT:
      return append_concat(node, commands);
    case GGML_OP_REPEAT:
      return spread(commands.words(node->src[0]), commands.words(node), commands);
    case GGML_OP_PAD:
      return append_pad(node, commands);
    case GGML_OP_UPSCALE:
      return append_upscale(node, commands);
    case GGML_OP_GET_ROWS:
      return append_get_rows(node, commands);
    case GGML_OP_SET_ROWS:
      return append_set_rows(node, commands);
    case GGML_OP_ARANGE:
      return append_arange(node, commands);
    case GGML_OP_FILL:
      return append_fill(node, commands);
    case GGML_OP_DIAG_MASK_INF:
      return append_diag_mask(node, commands);
    default:
      return append_windows(node, commands);
  }
}

/// The bias of a head by its distance (ALiBi), as ggml computes it.
std::vector<float> slopes(std::uint32_t heads, float max_bias) {
  const auto power = std::uint32_t{1} << static_cast<std::uint32_t>(std::floor(std::log2(heads)));
  const float even = std::pow(2.0F, -max_bias / static_cast<float>(power));
  const float odd = std::pow(2.0F, -(max_bias / 2) / static_cast<float>(power));
  std::vector<float> result;
  for (std::uint32_t head = 0; head < heads; ++head) {
    result.push_back(head < power ? std::pow(even, static_cast<float>(head + 1))
                                  : std::pow(odd, static_cast<float>(2 * (head - power) + 1)));
  }
  return result;
}

}  // namespace

Strided as(halyard_dtype dtype, const Strided& in, Commands& commands) {
  if (in.dtype == dtype) return in;
  auto converted = commands.scratch(in.dims, dtype);
  commands.copy(in, converted);
  return converted;
}

void binary(halyard_op op, const Strided& a, const Strided& b, const Strided& out,
            Commands& commands) {
  commands.add(op, split_repeats({a, b, out}));
}

void fill(const Strided& out, float value, Commands& commands) {
  spread(commands.scalar(value, out.dims.size()), out, commands);
}

void masked_softmax(const Strided& scores, const Attention& attention, const Strided& out,
                    Commands& commands) {
  const auto scale = [&](float factor) {
    binary(HALYARD_OP_MUL, scores, commands.scalar(factor, 4), scores, commands);
  };
  if (attention.softcap != 0) {
    scale(attention.scale / attention.softcap);
    commands.add(HALYARD_OP_TANH, {scores, scores});
    scale(attention.softcap);
  } else if (attention.scale != 1) {
    scale(attention.scale);
  }
  if (attention.mask) {
    auto mask = as(HALYARD_F32, *attention.mask, commands);
    if (attention.max_bias > 0) {
      const auto heads = scores.dims[1];
      const auto steep = commands.scratch(scores.dims, HALYARD_F32);
      const auto slope = commands.constant(slopes(heads, attention.max_bias), {1, heads, 1, 1});
      spread(mask, steep, commands);
      binary(HALYARD_OP_MUL, steep, slope, steep, commands);
      mask = steep;
    }
    binary(HALYARD_OP_ADD, scores, mask, scores, commands);
  }
  if (!attention.sinks && out.dtype == HALYARD_F32) {
    commands.add(HALYARD_OP_SOFTMAX, {scores, out});
    return;
  }
  auto dims = out.dims;
  const auto columns = dims[3];
  auto all = scores;
  if (attention.sinks) {
    ++dims[3];
    all = commands.scratch(dims, HALYARD_F32);
    commands.copy(scores, all.slice(3, 0, columns));
    spread(*attention.sinks, all.slice(3, columns, 1), commands);
  }
  const auto shares = commands.scratch(dims, HALYARD_F32);
  commands.add(HALYARD_OP_SOFTMAX, {all, shares});
  commands.copy(shares.slice(3, 0, columns), out);
}

Strided sinks_of(const ggml_tensor* tensor, Commands& commands) {
  // One for each head: ggml's first dimension.
  return commands.tensor(tensor).swapped(1, 3);
}

bool is_view(const ggml_tensor* node) {
  switch (node->op) {
    case GGML_OP_NONE:
    case GGML_OP_RESHAPE:
    case GGML_OP_VIEW:
    case GGML_OP_PERMUTE:
    case GGML_OP_TRANSPOSE:
      return true;
    default:
      return false;
  }
}

bool does_nothing(const ggml_tensor* node) {
  return is_view(node) || ggml_is_empty(node) || (node->flags & GGML_TENSOR_FLAG_COMPUTE) == 0;
}

void append(const ggml_tensor* node, Commands& commands) {
  commands.begin_node(node);
  switch (node->op) {
    case GGML_OP_ADD:
    case GGML_OP_ADD1:
      return append_binary(node, HALYARD_OP_ADD, commands);
    case GGML_OP_SUB:
      return append_binary(node, HALYARD_OP_SUB, commands);
    case GGML_OP_MUL:
      return append_binary(node, HALYARD_OP_MUL, commands);
    case GGML_OP_DIV:
      return append_binary(node, HALYARD_OP_DIV, commands);
    case GGML_OP_SQR:
    case GGML_OP_SQRT:
    case GGML_OP_LOG:
    case GGML_OP_SIN:
    case GGML_OP_COS:
    case GGML_OP_SCALE:
    case GGML_OP_CLAMP:
    case GGML_OP_LEAKY_RELU:
    case GGML_OP_SILU_BACK:
    case GGML_OP_UNARY:
      return append_elementwise(node, commands);
    case GGML_OP_GLU:
      return append_glu(node, commands);
    case GGML_OP_ACC:
    case GGML_OP_SET:
    case GGML_OP_ROLL:
    case GGML_OP_REPEAT_BACK:
    case GGML_OP_CUMSUM:
    case GGML_OP_DIAG:
    case GGML_OP_TRI:
      return append_part(node, commands);
    case GGML_OP_SSM_CONV:
      return append_ssm_conv(node, commands);
    case GGML_OP_L2_NORM:
    case GGML_OP_RMS_NORM_BACK:
    case GGML_OP_SOFT_MAX_BACK:
    case GGML_OP_ARGSORT:
    case GGML_OP_TOP_K:
    case GGML_OP_ARGMAX:
      return append_along_rows(node, commands);
    case GGML_OP_NORM:
      return normalise(HALYARD_OP_LAYER_NORM, source(node, 0, commands), param<float>(node, 0),
                       commands.tensor(node), commands);
    case GGML_OP_RMS_NORM:
      return normalise(HALYARD_OP_RMS_NORM, source(node, 0, commands), param<float>(node, 0),
                       commands.tensor(node), commands);
    case GGML_OP_GROUP_NORM:
      return append_group_norm(node, commands);
    case GGML_OP_SOFT_MAX:
      return append_soft_max(node, commands);
    case GGML_OP_SUM:
      return append_sum(node, commands);
    case GGML_OP_SUM_ROWS:
      return append_sums(node, 1, commands);
    case GGML_OP_MEAN:
      return append_sums(node, 1 / static_cast<float>(node->src[0]->ne[0]), commands);
    case GGML_OP_CPY:
    case GGML_OP_CONT:
    case GGML_OP_DUP:
      return append_copy(node, commands);
    case GGML_OP_MUL_MAT:
      return append_mul_mat(node, commands);
    case GGML_OP_MUL_MAT_ID:
      return append_mul_mat_id(node, commands);
    case GGML_OP_ADD_ID:
      return append_add_id(node, commands);
    case GGML_OP_OUT_PROD:
      return append_out_prod(node, commands);
    case GGML_OP_ROPE:
    case GGML_OP_ROPE_BACK:
      return append_rope(node, commands);
    case GGML_OP_FLASH_ATTN_EXT:
      return append_flash_attention(node, commands);
    default:
      return append_movement(node, commands);
  }
}

}  // namespace halyard::ggml
