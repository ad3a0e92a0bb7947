// SPDX-License-Identifier: MIT
// Mixtures of experts: which weights a row meets is data on the card.

#include <algorithm>

#include "operations.hpp"

namespace halyard::ggml {
namespace {

/// Of picked weights at a time, as far as one token's allow it.
constexpr std::uint64_t kMaxPickedBytes = std::uint64_t{64} << 20U;

/// The experts of all tokens one behind the other: [token * used].
Strided numbers_of(const ggml_tensor* ids, Commands& commands) {
  const auto all = commands.tensor(ids).at(0, 0).at(0, 0);
  if (all.dtype != HALYARD_I32) throw Unsupported("indices that are not i32");
  const auto dense = commands.scratch(all.dims, HALYARD_I32);
  commands.copy(all, dense);
  return dense.reshaped({all.dims[0] * all.dims[1]});
}

}  // namespace

/// out[token][i] = weights[ids[token][i]] x in[token][i or 0]: for some tokens at a time their
/// experts' weights are picked.
void append_mul_mat_id(const ggml_tensor* node, Commands& commands) {
  const auto* weights = node->src[0];
  const auto stored = commands.movable(weights).at(0, 0);  // [expert, row, column]
  const auto in = commands.real(node->src[1]).at(0, 0);    // [token, i or 1, column]
  const auto out = commands.tensor(node).at(0, 0);         // [token, i, row]
  const auto numbers = numbers_of(node->src[2], commands);
  const auto tokens = out.dims[0], used = out.dims[1], rows = out.dims[2];
  const bool blocks = is_blocks(weights);
  const auto size = blocks ? std::uint64_t{stored.dims[2]} : in.dims[2] * sizeof(float);
  const auto step = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(kMaxPickedBytes / (size * used * rows), 1, tokens));
  const auto picked = commands.scratch({step * used, stored.dims[1], stored.dims[2]}, stored.dtype);
  const auto real =
      blocks || stored.dtype == HALYARD_F32 ? picked : commands.scratch(picked.dims, HALYARD_F32);
  for (std::uint32_t token = 0; token < tokens; token += step) {
    const auto count = std::min(step, tokens - token);
    const auto some = picked.slice(0, 0, count * used);
    const auto factors = real.slice(0, 0, count * used);
    commands.add(HALYARD_OP_GATHER, {stored, numbers.slice(0, token * used, count * used), some});
    const auto split = factors.reshaped({count, used, rows, factors.dims[2]});
    const auto left = in.slice(0, token, count).inserted(2);
    const auto result = out.slice(0, token, count).inserted(2);
    if (blocks) {
      commands.add(HALYARD_OP_LINEAR, {left, split, result},
                   halyard_linear_params{0, format_of(weights)});
      continue;
    }
    if (stored.dtype != HALYARD_F32) commands.copy(some, factors);
    commands.add(HALYARD_OP_MATMUL, {left, split.swapped(2, 3), result});
  }
}

/// out[token][i] = in[token][i] + added[ids[token][i]].
void append_add_id(const ggml_tensor* node, Commands& commands) {
  const auto added = commands.real(node->src[1]).at(0, 0).at(0, 0);
  const auto out = commands.tensor(node);
  const auto picked = commands.scratch(out.dims, HALYARD_F32);
  const auto numbers = numbers_of(node->src[2], commands);
  commands.add(HALYARD_OP_GATHER,
               {added, numbers, picked.reshaped({numbers.dims[0], added.dims[1]})});
  binary(HALYARD_OP_ADD, commands.tensor(node->src[0]), picked, out, commands);
}

}  // namespace halyard::ggml
