// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What each of ggml's operations is in the HAL's.

#include <ggml.h>

#include "commands.hpp"

namespace halyard::ggml {

/// What is no more than another view of its source.
bool is_view(const ggml_tensor* node);
/// Views and empty tensors need no command, nor do branches of a graph that its host has switched
/// off: what they would read may never have been written.
bool does_nothing(const ggml_tensor* node);

/// Appends what computes `node`. Throws Unsupported.
void append(const ggml_tensor* node, Commands& commands);

// By kind, for append(); elementwise.cpp.
void append_elementwise(const ggml_tensor* node, Commands& commands);
void append_glu(const ggml_tensor* node, Commands& commands);
// products.cpp.
void append_mul_mat(const ggml_tensor* node, Commands& commands);
void append_out_prod(const ggml_tensor* node, Commands& commands);
void append_flash_attention(const ggml_tensor* node, Commands& commands);

/// Mixtures of experts; experts.cpp.
void append_mul_mat_id(const ggml_tensor* node, Commands& commands);
void append_add_id(const ggml_tensor* node, Commands& commands);

// windows.cpp.
void append_pool_1d(const ggml_tensor* node, Commands& commands);
void append_pool_2d(const ggml_tensor* node, Commands& commands);
void append_conv_2d(const ggml_tensor* node, Commands& commands);
void append_conv_3d(const ggml_tensor* node, Commands& commands);
void append_conv_transpose_1d(const ggml_tensor* node, Commands& commands);
void append_conv_transpose_2d(const ggml_tensor* node, Commands& commands);
void append_im2col(const ggml_tensor* node, Commands& commands);
void append_im2col_3d(const ggml_tensor* node, Commands& commands);
void append_ssm_conv(const ggml_tensor* node, Commands& commands);

/// Rotary embeddings, also the other way round; rotary.cpp.
void append_rope(const ggml_tensor* node, Commands& commands);
// movement.cpp.
void append_part(const ggml_tensor* node, Commands& commands);
void append_circular_pad(const ggml_tensor* node, Commands& commands);
// rows.cpp.
void append_set_rows(const ggml_tensor* node, Commands& commands);
/// Norms, gradients, sorting.
void append_along_rows(const ggml_tensor* node, Commands& commands);

/// Position of ggml's dimension `i` among four.
constexpr std::size_t axis(std::size_t i) {
  return GGML_MAX_DIMS - 1 - i;
}

inline Strided source(const ggml_tensor* node, std::size_t i, const Commands& commands) {
  return commands.tensor(node->src[i]);
}

inline bool is_integer(const ggml_tensor* tensor) {
  return tensor->type == GGML_TYPE_I32 || tensor->type == GGML_TYPE_I8;
}

inline void need(bool good, const char* what) {
  if (!good) throw Unsupported(what);
}

/// `in` itself, or a copy in scratch memory that has the type.
Strided as(halyard_dtype dtype, const Strided& in, Commands& commands);
/// out = a OP b, where dimensions of a and b may be repeated as often as they fit into the
/// output's. Types alike.
void binary(halyard_op op, const Strided& a, const Strided& b, const Strided& out,
            Commands& commands);
void fill(const Strided& out, float value, Commands& commands);
/// Into the bytes of blocks, as ggml rounds; `in` is float32 of four dimensions. Throws Unsupported
/// for formats that take a search; quantise.cpp.
void quantise(const Strided& in, ggml_type type, const Strided& out, Commands& commands);

/// in * scale, squeezed, masked, softmax, all in float32; the mask may be absent. `in` is scratch
/// memory of [batch, head, row, column] and is overwritten.
struct Attention {
  float scale = 1, max_bias = 0, softcap = 0;
  std::optional<Strided> mask;   ///< [batch, head, row, column], fewer batches and heads repeat
  std::optional<Strided> sinks;  ///< [1, head, 1, 1]: a score that takes its share and is dropped
};
/// A vector of one number for each head as Attention has it.
Strided sinks_of(const ggml_tensor* tensor, Commands& commands);
void masked_softmax(const Strided& scores, const Attention& attention, const Strided& out,
                    Commands& commands);

}  // namespace halyard::ggml
