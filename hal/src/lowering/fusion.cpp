// SPDX-License-Identifier: MIT
#include "lowering/fusion.hpp"

#include "lowering/operand.hpp"

namespace halyard::hal::lowering {

std::optional<Activation> activation_of(halyard_op op) {
  switch (op) {
    case HALYARD_OP_RELU:
      return Activation::kRelu;
    case HALYARD_OP_GELU:
      return Activation::kGelu;
    case HALYARD_OP_SILU:
      return Activation::kSilu;
    case HALYARD_OP_SIGMOID:
      return Activation::kSigmoid;
    case HALYARD_OP_TANH:
      return Activation::kTanh;
    default:
      return std::nullopt;
  }
}

namespace {

bool is_float(halyard_dtype dtype) {
  return dtype == HALYARD_F32 || dtype == HALYARD_F16 || dtype == HALYARD_BF16;
}

class Fuser {
 public:
  Fuser(const Graph& graph, const Capabilities& chip, std::span<const Operand> placed,
        halyard_tensor product)
      : graph_(graph), chip_(chip), placed_(placed) {
    fused_.product = fused_.result = product;
    fused_.channel_axis = node(product).op == HALYARD_OP_CONV2D ? 1 : node(product).desc.rank - 1;
  }

  Fused run(const Uses& uses) {
    while (const auto user = uses.only_user(fused_.result)) {
      if (element_count(node(*user).desc) != element_count(node(fused_.product).desc)) break;
      if (!take_bias(*user) && !take_scale(*user) && !take_activation(*user)) break;
      fused_.away.push_back(fused_.result);
      fused_.result = *user;
      if (fused_.epilogue.activation != Activation::kNone) break;
    }
    return std::move(fused_);
  }

 private:
  [[nodiscard]] const Node& node(halyard_tensor tensor) const { return graph_.nodes()[tensor]; }

  /// True for a vector that exists, without gaps, before the product is computed.
  [[nodiscard]] bool is_ready(halyard_tensor vector) const {
    return placed_[vector].rank != 0 && contiguous(placed_[vector]) &&
           (node(vector).kind != Node::Kind::kOperation || vector < fused_.product);
  }

  /// True for [channels], and for shapes that broadcast along the product's channels only.
  [[nodiscard]] bool is_channel_vector(halyard_tensor vector) const {
    const auto& product = node(fused_.product).desc;
    const auto& desc = node(vector).desc;
    if (desc.rank > product.rank) return false;
    const std::uint32_t shift = product.rank - desc.rank;
    if (fused_.channel_axis < shift) return false;
    for (std::uint32_t i = 0; i < desc.rank; ++i) {
      if (desc.dims[i] != (i + shift == fused_.channel_axis ? product.dims[i + shift] : 1U))
        return false;
    }
    return true;
  }

  bool take_bias(halyard_tensor user) {
    const auto& add = node(user);
    if (!chip_.fuses_bias || add.op != HALYARD_OP_ADD || fused_.result != fused_.product ||
        add.inputs[0] == add.inputs[1])
      return false;
    const auto vector = add.inputs[0] == fused_.product ? add.inputs[1] : add.inputs[0];
    const auto dtype = node(vector).desc.dtype;
    if (dtype != HALYARD_F32 && dtype != HALYARD_I32) return false;
    if (!is_ready(vector) || !is_channel_vector(vector)) return false;
    fused_.bias = vector;
    return true;
  }

  bool take_scale(halyard_tensor user) {
    const auto& requantize = node(user);
    if (!chip_.fuses_scale || requantize.op != HALYARD_OP_REQUANTIZE || fused_.scale) return false;
    const auto scale = requantize.inputs[1];
    if (requantize.inputs[0] != fused_.result || node(fused_.result).desc.dtype != HALYARD_I32)
      return false;
    const auto& p = std::get<halyard_quantize_params>(requantize.params);
    if (node(scale).desc.dims[0] != 1 && p.axis != fused_.channel_axis) return false;
    if (!is_ready(scale)) return false;
    fused_.scale = scale;
    fused_.epilogue.zero_point = p.zero_point;
    return true;
  }

  bool take_activation(halyard_tensor user) {
    const auto activation = activation_of(node(user).op);
    if (!activation || fused_.epilogue.activation != Activation::kNone ||
        !chip_.fused_activations.contains(*activation))
      return false;
    const auto dtype = node(fused_.result).desc.dtype;
    // On integers the epilogue activates before it rounds: the same for ReLU around zero only.
    const bool same = is_float(dtype) || (dtype == HALYARD_I8 && *activation == Activation::kRelu &&
                                          fused_.epilogue.zero_point == 0);
    if (!same) return false;
    fused_.epilogue.activation = *activation;
    return true;
  }

  const Graph& graph_;
  const Capabilities& chip_;
  const std::span<const Operand> placed_;
  Fused fused_;
};

}  // namespace

Fused fuse(const Graph& graph, const Uses& uses, const Capabilities& chip,
           std::span<const Operand> placed, halyard_tensor product) {
  return Fuser(graph, chip, placed, product).run(uses);
}

}  // namespace halyard::hal::lowering
