// SPDX-License-Identifier: MIT
// Rows by their numbers, and what is computed along them.

#include "chain.hpp"
#include "operations.hpp"
#include "params.hpp"

namespace halyard::ggml {
namespace {

/// What is written into `node`'s rows: blocks are made ready before.
Strided values_for(const ggml_tensor* node, Commands& commands) {
  if (!is_blocks(node)) return commands.tensor(node->src[0]);
  const auto in = commands.real(node->src[0]);
  auto dims = in.dims;
  dims.back() = commands.blocks(node).dims.back();
  auto blocks = commands.scratch(dims, HALYARD_U8);
  quantise(in, node->type, blocks, commands);
  return blocks;
}

/// [.., .., row, 1]: of each row of float32.
Strided row_sums(const Strided& in, Commands& commands) {
  const auto ones = commands.scalar(1, 4).repeated(axis(1), in.dims[axis(0)]);
  auto sums = commands.scratch({in.dims[0], in.dims[1], in.dims[2], 1}, HALYARD_F32);
  commands.add(HALYARD_OP_MATMUL, {in, ones, sums});
  return sums;
}

Strided row_sums_of_product(const Strided& a, const Strided& b, Commands& commands) {
  return row_sums(Chain(a, commands).with(HALYARD_OP_MUL, b).value(), commands);
}

/// x / max(sqrt(sum of x^2), epsilon)
void append_l2_norm(const ggml_tensor* node, Commands& commands) {
  const auto x = as(HALYARD_F32, source(node, 0, commands), commands);
  Chain length(row_sums_of_product(x, x, commands), commands);
  length.apply(HALYARD_OP_SQRT).with(HALYARD_OP_MAX, param<float>(node, 0));
  commands.copy(Chain(x, commands).with(HALYARD_OP_DIV, length.value()).value(),
                commands.tensor(node));
}

/// (dy - x * sum(x * dy) / (sum(x^2) + n * epsilon)) / sqrt(sum(x^2) / n + epsilon)
void append_rms_norm_back(const ggml_tensor* node, Commands& commands) {
  const auto dy = source(node, 0, commands), x = source(node, 1, commands);
  const auto count = static_cast<float>(node->ne[0]), epsilon = param<float>(node, 0);
  const auto squares = row_sums_of_product(x, x, commands);
  Chain weight(row_sums_of_product(x, dy, commands), commands), sum(squares, commands);
  weight.with(HALYARD_OP_DIV, sum.with(HALYARD_OP_ADD, count * epsilon).value());
  Chain part(x, commands), result(dy, commands), length(squares, commands);
  result.with(HALYARD_OP_SUB, part.with(HALYARD_OP_MUL, weight.value()).value());
  length.with(HALYARD_OP_DIV, count).with(HALYARD_OP_ADD, epsilon).apply(HALYARD_OP_SQRT);
  commands.copy(result.with(HALYARD_OP_DIV, length.value()).value(), commands.tensor(node));
}

/// y * (dy - sum(y * dy)) * scale
void append_soft_max_back(const ggml_tensor* node, Commands& commands) {
  need(param<float>(node, 1) == 0, "a gradient through biases");
  const auto dy = source(node, 0, commands), y = source(node, 1, commands);
  Chain result(dy, commands);
  result.with(HALYARD_OP_SUB, row_sums_of_product(y, dy, commands)).with(HALYARD_OP_MUL, y);
  commands.copy(result.with(HALYARD_OP_MUL, param<float>(node, 0)).value(), commands.tensor(node));
}

void append_order(const Strided& in, const Strided& out, bool descending, Commands& commands) {
  commands.add(HALYARD_OP_ORDER, {in, out},
               halyard_order_params{0, out.dims.back(), descending ? 1U : 0U});
}

/// ggml's result is a vector of one index for each row.
void append_argmax(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  need(in.elements() / in.dims[axis(0)] == out.elements(), "such rows");
  append_order(in, out.reshaped({in.dims[0], in.dims[1], in.dims[2], 1}), true, commands);
}

}  // namespace

void append_along_rows(const ggml_tensor* node, Commands& commands) {
  switch (node->op) {
    case GGML_OP_L2_NORM:
      return append_l2_norm(node, commands);
    case GGML_OP_RMS_NORM_BACK:
      return append_rms_norm_back(node, commands);
    case GGML_OP_SOFT_MAX_BACK:
      return append_soft_max_back(node, commands);
    case GGML_OP_ARGMAX:
      return append_argmax(node, commands);
    case GGML_OP_TOP_K:
      return append_order(source(node, 0, commands), commands.tensor(node), true, commands);
    default:
      return append_order(source(node, 0, commands), commands.tensor(node),
                          param<std::int32_t>(node, 0) == GGML_SORT_ORDER_DESC, commands);
  }
}

/// Rows of all batches that share their numbers go in one command.
void append_set_rows(const ggml_tensor* node, Commands& commands) {
  constexpr std::uint32_t kMaxCommands = 256;
  // [row, batch, batch, element]
  const auto rows = values_for(node, commands).swapped(0, 2);
  const auto out = commands.movable(node).swapped(0, 2);
  const auto index = commands.indices(node->src[1]).at(0, 0);
  const auto outer = index.dims[0], inner = index.dims[1];
  if (std::uint64_t{outer} * inner > kMaxCommands) throw Unsupported("so many batches");
  const auto part = [&](const Strided& whole, std::uint32_t i, std::uint32_t k) {
    return whole.slice(2, i, whole.dims[2] / outer, outer)
        .slice(1, k, whole.dims[1] / inner, inner);
  };
  for (std::uint32_t i = 0; i < outer; ++i) {
    for (std::uint32_t k = 0; k < inner; ++k) {
      commands.add(HALYARD_OP_SCATTER,
                   {part(rows, i, k), index.at(0, i).at(0, k), part(out, i, k)});
    }
  }
}

}  // namespace halyard::ggml
