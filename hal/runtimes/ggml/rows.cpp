// SPDX-License-Identifier: MIT
// Rows by their numbers.

#include "operations.hpp"

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

}  // namespace

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
