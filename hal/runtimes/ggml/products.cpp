// SPDX-License-Identifier: MIT
// Matrix products, attention.

#include <algorithm>

#include "operations.hpp"
#include "params.hpp"

namespace halyard::ggml {
namespace {

/// The type in which a weight is multiplied.
halyard_dtype factor_type(const ggml_tensor* weight) {
  switch (weight->type) {
    case GGML_TYPE_F16:
      return HALYARD_F16;
    case GGML_TYPE_BF16:
      return HALYARD_BF16;
    case GGML_TYPE_I8:
    case GGML_TYPE_I32:
      throw Unsupported("integers");
    default:
      return HALYARD_F32;
  }
}

/// A product for [batch, batch, row, column], where a batch of the output may need only every
/// n-th of an input's: then one command for each remainder.
/// `product(a, b, out)` is called with each command's part.
template <typename Product>
void divide(const Strided& a, const Strided& b, const Strided& out, const Product& product) {
  constexpr std::uint32_t kMaxCommands = 64;
  std::uint32_t steps[2];
  for (std::size_t d = 0; d < 2; ++d) {
    const auto count = out.dims[d];
    const auto fewer = std::min(a.dims[d], b.dims[d]);
    if (count % fewer != 0) throw Unsupported("such batches");
    steps[d] = fewer == 1 ? 1 : count / fewer;
  }
  if (steps[0] * steps[1] > kMaxCommands) throw Unsupported("so many batches");
  const auto part = [&](const Strided& whole, std::uint32_t i, std::uint32_t k) {
    auto some = whole;
    for (const auto& [d, first] : {std::pair<std::size_t, std::uint32_t>{0, i}, {1, k}}) {
      // What has a batch for each of the output's takes every n-th, the other takes all of its own.
      if (some.dims[d] == out.dims[d] && steps[d] > 1) {
        some = some.slice(d, first, out.dims[d] / steps[d], steps[d]);
      }
    }
    return some;
  };
  for (std::uint32_t i = 0; i < steps[0]; ++i) {
    for (std::uint32_t k = 0; k < steps[1]; ++k)
      product(part(a, i, k), part(b, i, k), part(out, i, k));
  }
}

void multiply(const Strided& a, const Strided& b, const Strided& out, Commands& commands) {
  divide(a, b, out, [&](const Strided& some_a, const Strided& some_b, const Strided& some_out) {
    commands.add(HALYARD_OP_MATMUL, {some_a, some_b, some_out});
  });
}

/// The weights are not unpacked but where the product meets them.
void multiply_blocks(const Strided& in, const ggml_tensor* weight, const Strided& out,
                     Commands& commands) {
  const halyard_linear_params params{0, format_of(weight)};
  divide(in, commands.blocks(weight), out,
         [&](const Strided& some_in, const Strided& blocks, const Strided& some_out) {
           commands.add(HALYARD_OP_LINEAR, {some_in, blocks, some_out}, params);
         });
}

}  // namespace

/// ggml multiplies rows by rows: out[n][m] = sum of in[n][k] * weight[m][k].
void append_mul_mat(const ggml_tensor* node, Commands& commands) {
  const auto out = commands.tensor(node);
  if (out.dtype != HALYARD_F32) throw Unsupported("a product that is not f32");
  if (is_blocks(node->src[0])) {
    return multiply_blocks(commands.real(node->src[1], HALYARD_F32), node->src[0], out, commands);
  }
  const bool precise = param<std::int32_t>(node, 0) == GGML_PREC_F32;
  const auto type = precise ? HALYARD_F32 : factor_type(node->src[0]);
  const auto weight = commands.real(node->src[0], type);
  const auto in = commands.real(node->src[1], type);
  multiply(in, weight.swapped(2, 3), out, commands);
}

/// out[j][i] = sum of b[k][j] * a[k][i].
void append_out_prod(const ggml_tensor* node, Commands& commands) {
  const auto a = commands.real(node->src[0]), b = commands.real(node->src[1]);
  multiply(b.swapped(2, 3), a, commands.tensor(node), commands);
}

/// softmax(q x k^T * scale + mask) x v, head by head; several heads of q may share one of k and v.
/// Keys and binary16 values are multiplied in their own type, as ggml's CPU back end does: whole
/// caches are not converted for a token. Sums are float32, which is all that GGML_PREC_F32 asks.
void append_flash_attention(const ggml_tensor* node, Commands& commands) {
  const auto key_type = factor_type(node->src[1]);
  const auto value_type = node->src[2]->type == GGML_TYPE_F16 ? HALYARD_F16 : HALYARD_F32;
  const auto q = commands.real(node->src[0], key_type), k = commands.real(node->src[1], key_type);
  const auto v = commands.real(node->src[2], value_type);
  // ggml's output is [batch, row, head, column].
  const auto out = commands.tensor(node).swapped(1, 2);
  const auto dims = std::vector<std::uint32_t>{q.dims[0], q.dims[1], q.dims[2], k.dims[2]};
  const auto scores = commands.scratch(dims, HALYARD_F32);
  const auto weights = commands.scratch(dims, HALYARD_F32);
  multiply(q, k.swapped(2, 3), scores, commands);
  Attention attention{param<float>(node, 0), param<float>(node, 1), param<float>(node, 2), {}, {}};
  if (node->src[3] != nullptr) {
    attention.mask = commands.tensor(node->src[3]).slice(2, 0, q.dims[2]);
  }
  if (node->src[4] != nullptr) attention.sinks = sinks_of(node->src[4], commands);
  masked_softmax(scores, attention, weights, commands);
  multiply(commands.converted(weights, value_type), v, out, commands);
}

}  // namespace halyard::ggml
