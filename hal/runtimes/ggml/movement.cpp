// SPDX-License-Identifier: MIT
// Parts of tensors: copied, added, moved round.

#include <algorithm>

#include "chain.hpp"
#include "operations.hpp"
#include "params.hpp"

namespace halyard::ggml {
namespace {

/// Copies `in` to `out` where dimension `dim` of `out` continues what is before its start and
/// behind its end of `in`, whose first element is at `first`.
struct Wrapped {
  std::vector<std::pair<Strided, Strided>> parts;

  void along(std::size_t dim, std::uint32_t first) {
    std::vector<std::pair<Strided, Strided>> split;
    for (const auto& [in, out] : parts) {
      const auto count = in.dims[dim];
      auto from = (count - first % count) % count;
      for (std::uint32_t to = 0; to < out.dims[dim];) {
        const auto run = std::min(count - from, out.dims[dim] - to);
        split.emplace_back(in.slice(dim, from, run), out.slice(dim, to, run));
        to += run;
        from = 0;
      }
    }
    parts = std::move(split);
    need(parts.size() <= kMaxParts, "so many parts");
  }

  static constexpr std::size_t kMaxParts = 256;
};

void copy_all(const Wrapped& wrapped, Commands& commands) {
  for (const auto& [in, out] : wrapped.parts)
    commands.copy(in, out);
}

/// The part of the output that the node's parameters describe.
Strided part_of(const ggml_tensor* node, const Strided& out, const Strided& shape) {
  const auto size = halyard_dtype_size(out.dtype);
  auto part = out;
  const auto bytes = [&](std::size_t n) {
    const auto value = param<std::int32_t>(node, n);
    need(value >= 0 && static_cast<std::size_t>(value) % size == 0, "parts between elements");
    return static_cast<std::uint64_t>(value);
  };
  part.offset += bytes(3);
  part.dims = shape.dims;
  for (std::size_t i = 1; i < GGML_MAX_DIMS; ++i)
    part.strides[axis(i)] = static_cast<std::int64_t>(bytes(i - 1) / size);
  part.strides[axis(0)] = 1;
  return part;
}

void append_accumulate(const ggml_tensor* node, Commands& commands) {
  const auto whole = source(node, 0, commands), added = source(node, 1, commands);
  const auto out = commands.tensor(node), part = part_of(node, out, added);
  if (whole.binding != out.binding || whole.offset != out.offset) commands.copy(whole, out);
  if (node->op == GGML_OP_SET) {
    commands.copy(added, part);
  } else {
    binary(HALYARD_OP_ADD, part, added, part, commands);
  }
}

void append_roll(const ggml_tensor* node, Commands& commands) {
  const auto out = commands.tensor(node);
  Wrapped wrapped{{{source(node, 0, commands), out}}};
  for (std::size_t i = 0; i < GGML_MAX_DIMS; ++i) {
    const auto count = static_cast<std::int64_t>(out.dims[axis(i)]);
    const auto shift = (param<std::int32_t>(node, i) % count + count) % count;
    wrapped.along(axis(i), static_cast<std::uint32_t>(shift));
  }
  copy_all(wrapped, commands);
}

/// The sum of all that a repeat would have made of the result.
void append_repeat_back(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  std::vector<Strided> parts{in};
  for (std::size_t d = 0; d < GGML_MAX_DIMS; ++d) {
    std::vector<Strided> split;
    for (const auto& part : parts) {
      for (std::uint32_t i = 0; i < in.dims[d]; i += out.dims[d])
        split.push_back(part.slice(d, i, out.dims[d]));
    }
    parts = std::move(split);
    need(parts.size() <= Wrapped::kMaxParts, "so many repeats");
  }
  Chain sum(parts.front(), commands);
  for (std::size_t i = 1; i < parts.size(); ++i)
    sum.with(HALYARD_OP_ADD, parts[i]);
  commands.copy(sum.value(), out);
}

/// Sums of the first 1, 2, 3, ... elements: pass by pass each element takes up that which is 1, 2,
/// 4, ... before it.
void append_cumsum(const ggml_tensor* node, Commands& commands) {
  const auto out = commands.tensor(node);
  const auto count = out.dims[axis(0)];
  auto sums = commands.scratch(out.dims, HALYARD_F32),
       next = commands.scratch(out.dims, HALYARD_F32);
  commands.copy(source(node, 0, commands), sums);
  for (std::uint32_t step = 1; step < count; step *= 2) {
    const auto rest = count - step;
    commands.copy(sums.slice(axis(0), 0, step), next.slice(axis(0), 0, step));
    binary(HALYARD_OP_ADD, sums.slice(axis(0), step, rest), sums.slice(axis(0), 0, rest),
           next.slice(axis(0), step, rest), commands);
    std::swap(sums, next);
  }
  commands.copy(sums, out);
}

void append_diag(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  auto diagonal = out.slice(axis(1), 0, 1);
  diagonal.strides[axis(0)] += out.strides[axis(1)];
  fill(out, 0, commands);
  commands.copy(in, diagonal);
}

/// What is on one side of the diagonal.
void append_tri(const ggml_tensor* node, Commands& commands) {
  constexpr std::uint64_t kMaxMask = std::uint64_t{1} << 20U;
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  const auto kind = param<std::int32_t>(node, 0);
  const auto columns = out.dims[axis(0)], rows = out.dims[axis(1)];
  need(std::uint64_t{columns} * rows <= kMaxMask, "such a large triangle");
  const bool lower = kind == GGML_TRI_TYPE_LOWER || kind == GGML_TRI_TYPE_LOWER_DIAG;
  const bool diagonal = kind == GGML_TRI_TYPE_UPPER_DIAG || kind == GGML_TRI_TYPE_LOWER_DIAG;
  std::vector<float> mask;
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t column = 0; column < columns; ++column) {
      const bool inside = lower ? column < row : column > row;
      mask.push_back(inside || (diagonal && column == row) ? 1 : 0);
    }
  }
  binary(HALYARD_OP_MUL, in, commands.constant(mask, {1, 1, rows, columns}), out, commands);
}

}  // namespace

void append_circular_pad(const ggml_tensor* node, Commands& commands) {
  Wrapped wrapped{{{source(node, 0, commands), commands.tensor(node)}}};
  for (std::size_t i = 0; i < GGML_MAX_DIMS; ++i) {
    const auto before = param<std::int32_t>(node, 2 * i);
    need(before >= 0, "negative padding");
    wrapped.along(axis(i), static_cast<std::uint32_t>(before));
  }
  copy_all(wrapped, commands);
}

void append_part(const ggml_tensor* node, Commands& commands) {
  switch (node->op) {
    case GGML_OP_ACC:
    case GGML_OP_SET:
      return append_accumulate(node, commands);
    case GGML_OP_ROLL:
      return append_roll(node, commands);
    case GGML_OP_REPEAT_BACK:
      return append_repeat_back(node, commands);
    case GGML_OP_CUMSUM:
      return append_cumsum(node, commands);
    case GGML_OP_DIAG:
      return append_diag(node, commands);
    default:
      return append_tri(node, commands);
  }
}

}  // namespace halyard::ggml
