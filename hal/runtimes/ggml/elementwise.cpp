// SPDX-License-Identifier: MIT
// Functions of single elements: one command, or several in float32.

#include <optional>
#include <utility>

#include "chain.hpp"
#include "operations.hpp"
#include "params.hpp"

namespace halyard::ggml {
namespace {

/// What is one command.
std::optional<halyard_op> command_of(ggml_unary_op op) {
  switch (op) {
    case GGML_UNARY_OP_TANH:
      return HALYARD_OP_TANH;
    case GGML_UNARY_OP_RELU:
      return HALYARD_OP_RELU;
    case GGML_UNARY_OP_SIGMOID:
      return HALYARD_OP_SIGMOID;
    case GGML_UNARY_OP_SILU:
      return HALYARD_OP_SILU;
    case GGML_UNARY_OP_GELU_ERF:
      return HALYARD_OP_GELU;
    case GGML_UNARY_OP_EXP:
      return HALYARD_OP_EXP;
    case GGML_UNARY_OP_EXPM1:
      return HALYARD_OP_EXPM1;
    case GGML_UNARY_OP_FLOOR:
      return HALYARD_OP_FLOOR;
    case GGML_UNARY_OP_CEIL:
      return HALYARD_OP_CEIL;
    case GGML_UNARY_OP_ROUND:
      return HALYARD_OP_ROUND;
    case GGML_UNARY_OP_TRUNC:
      return HALYARD_OP_TRUNC;
    case GGML_UNARY_OP_SGN:
      return HALYARD_OP_SIGN;
    default:
      return std::nullopt;
  }
}

/// In float32: what no chip has in one command.
Chain activate(ggml_unary_op op, const Strided& in, Commands& commands) {
  constexpr float kGeluCubic = 0.044715F, kRootTwoOverPi = 0.79788456F, kQuick = 1.702F;
  Chain chain(in, commands);
  if (const auto one = command_of(op)) return chain.apply(*one);
  const Chain x(in, commands);
  switch (op) {
    case GGML_UNARY_OP_NEG:
      return chain.with(HALYARD_OP_MUL, -1);
    case GGML_UNARY_OP_ABS:
      return chain.with(HALYARD_OP_MUL, -1).with(HALYARD_OP_MAX, x.value());
    case GGML_UNARY_OP_STEP:
      return chain.apply(HALYARD_OP_SIGN).apply(HALYARD_OP_RELU);
    case GGML_UNARY_OP_ELU: {
      // max(x, 0) + exp(min(x, 0)) - 1
      Chain positive(in, commands);
      positive.apply(HALYARD_OP_RELU);
      return chain.with(HALYARD_OP_MIN, 0)
          .apply(HALYARD_OP_EXPM1)
          .with(HALYARD_OP_ADD, positive.value());
    }
    case GGML_UNARY_OP_SOFTPLUS: {
      // max(x, 0) + log(1 + exp(-|x|))
      Chain positive(in, commands);
      positive.apply(HALYARD_OP_RELU);
      chain.with(HALYARD_OP_MUL, -1).with(HALYARD_OP_MIN, x.value()).apply(HALYARD_OP_EXP);
      return chain.with(HALYARD_OP_ADD, 1)
          .apply(HALYARD_OP_LOG)
          .with(HALYARD_OP_ADD, positive.value());
    }
    case GGML_UNARY_OP_HARDSIGMOID:
    case GGML_UNARY_OP_HARDSWISH:
      chain.with(HALYARD_OP_ADD, 3).with(HALYARD_OP_DIV, 6);
      chain.with(HALYARD_OP_MAX, 0).with(HALYARD_OP_MIN, 1);
      if (op == GGML_UNARY_OP_HARDSWISH) chain.with(HALYARD_OP_MUL, x.value());
      return chain;
    case GGML_UNARY_OP_GELU:
      // x / 2 * (1 + tanh(sqrt(2 / pi) * x * (1 + 0.044715 * x^2)))
      chain.with(HALYARD_OP_MUL, x.value()).with(HALYARD_OP_MUL, kGeluCubic);
      chain.with(HALYARD_OP_ADD, 1).with(HALYARD_OP_MUL, x.value());
      chain.with(HALYARD_OP_MUL, kRootTwoOverPi).apply(HALYARD_OP_TANH);
      return chain.with(HALYARD_OP_ADD, 1)
          .with(HALYARD_OP_MUL, x.value())
          .with(HALYARD_OP_MUL, 0.5F);
    case GGML_UNARY_OP_GELU_QUICK:
      chain.with(HALYARD_OP_MUL, kQuick).apply(HALYARD_OP_SIGMOID);
      return chain.with(HALYARD_OP_MUL, x.value());
    default:
      throw Unsupported("this function");
  }
}

/// beta * x, and alpha * x^2 above zero, alpha * (exp(min(x, epsilon)) - 1 - x) below.
void append_xielu(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands);
  const auto alpha_below = param<float>(node, 1), alpha_above = param<float>(node, 2);
  const auto beta = param<float>(node, 3), epsilon = param<float>(node, 4);
  Chain above(in, commands), below(in, commands), negative(in, commands), linear(in, commands);
  above.apply(HALYARD_OP_RELU).with(HALYARD_OP_MUL, above.value());
  above.with(HALYARD_OP_MUL, alpha_above);
  below.with(HALYARD_OP_MIN, epsilon).apply(HALYARD_OP_EXPM1);
  below.with(HALYARD_OP_SUB, linear.value()).with(HALYARD_OP_MUL, alpha_below);
  // 1 where x is not above zero.
  negative.apply(HALYARD_OP_SIGN).apply(HALYARD_OP_RELU);
  negative.with(HALYARD_OP_MUL, -1).with(HALYARD_OP_ADD, 1);
  below.with(HALYARD_OP_MUL, negative.value());
  linear.with(HALYARD_OP_MUL, beta).with(HALYARD_OP_ADD, above.value());
  linear.with(HALYARD_OP_ADD, below.value());
  commands.copy(linear.value(), commands.tensor(node));
}

void append_function(const ggml_tensor* node, halyard_op op, Commands& commands) {
  need(!is_integer(node), "integers");
  commands.add(op, {source(node, 0, commands), commands.tensor(node)});
}

void append_unary(const ggml_tensor* node, Commands& commands) {
  if (ggml_get_unary_op(node) == GGML_UNARY_OP_XIELU) return append_xielu(node, commands);
  const auto in = source(node, 0, commands), out = commands.tensor(node);
  const auto op = ggml_get_unary_op(node);
  const auto one = command_of(op);
  if (one && in.dtype == out.dtype) {
    commands.add(*one, {in, out});
    return;
  }
  commands.copy(activate(op, in, commands).value(), out);
}

ggml_unary_op gate_of(ggml_glu_op op) {
  switch (op) {
    case GGML_GLU_OP_REGLU:
      return GGML_UNARY_OP_RELU;
    case GGML_GLU_OP_GEGLU:
      return GGML_UNARY_OP_GELU;
    case GGML_GLU_OP_SWIGLU:
      return GGML_UNARY_OP_SILU;
    case GGML_GLU_OP_GEGLU_ERF:
      return GGML_UNARY_OP_GELU_ERF;
    case GGML_GLU_OP_GEGLU_QUICK:
      return GGML_UNARY_OP_GELU_QUICK;
    default:
      throw Unsupported("this gate");
  }
}

void append_scale(const ggml_tensor* node, Commands& commands) {
  Chain chain(source(node, 0, commands), commands);
  chain.with(HALYARD_OP_MUL, param<float>(node, 0));
  if (const auto bias = param<float>(node, 1); bias != 0) chain.with(HALYARD_OP_ADD, bias);
  commands.copy(chain.value(), commands.tensor(node));
}

void append_clamp(const ggml_tensor* node, Commands& commands) {
  Chain chain(source(node, 0, commands), commands);
  chain.with(HALYARD_OP_MAX, param<float>(node, 0)).with(HALYARD_OP_MIN, param<float>(node, 1));
  commands.copy(chain.value(), commands.tensor(node));
}

void append_leaky_relu(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands);
  Chain positive(in, commands), negative(in, commands);
  negative.with(HALYARD_OP_MIN, 0).with(HALYARD_OP_MUL, param<float>(node, 0));
  positive.apply(HALYARD_OP_RELU).with(HALYARD_OP_ADD, negative.value());
  commands.copy(positive.value(), commands.tensor(node));
}

void append_sqr(const ggml_tensor* node, Commands& commands) {
  const auto in = source(node, 0, commands);
  need(!is_integer(node), "integers");
  commands.add(HALYARD_OP_MUL, {in, in, commands.tensor(node)});
}

/// The gradient through x * s, s the sigmoid of x: dy * s * (1 + x * (1 - s)).
void append_silu_back(const ggml_tensor* node, Commands& commands) {
  const auto x = source(node, 1, commands);
  Chain sigmoid(x, commands), factor(x, commands);
  sigmoid.apply(HALYARD_OP_SIGMOID);
  factor.with(HALYARD_OP_MUL, sigmoid.value()).with(HALYARD_OP_MUL, -1);
  factor.with(HALYARD_OP_ADD, as(HALYARD_F32, x, commands)).with(HALYARD_OP_ADD, 1);
  factor.with(HALYARD_OP_MUL, sigmoid.value());
  factor.with(HALYARD_OP_MUL, as(HALYARD_F32, source(node, 0, commands), commands));
  commands.copy(factor.value(), commands.tensor(node));
}

}  // namespace

/// The gate and what passes it: two tensors, or the halves of one.
void append_glu(const ggml_tensor* node, Commands& commands) {
  auto gate = source(node, 0, commands);
  auto passing = gate;
  const auto out = commands.tensor(node);
  if (node->src[1] != nullptr) {
    passing = source(node, 1, commands);
  } else {
    const auto half = out.dims[axis(0)];
    passing = gate.slice(axis(0), half, half);
    gate = gate.slice(axis(0), 0, half);
    if (param<std::int32_t>(node, 1) != 0) std::swap(gate, passing);
  }
  const auto op = ggml_get_glu_op(node);
  if (op != GGML_GLU_OP_SWIGLU_OAI && op != GGML_GLU_OP_SWIGLU_CLAMP) {
    auto value = activate(gate_of(op), gate, commands);
    commands.copy(value.with(HALYARD_OP_MUL, as(HALYARD_F32, passing, commands)).value(), out);
    return;
  }
  const auto limit = param<float>(node, 3);
  Chain value(gate, commands), other(passing, commands);
  value.with(HALYARD_OP_MIN, limit);
  other.with(HALYARD_OP_MIN, limit).with(HALYARD_OP_MAX, -limit);
  Chain share(value.value(), commands);
  if (op == GGML_GLU_OP_SWIGLU_OAI) {
    share.with(HALYARD_OP_MUL, param<float>(node, 2));
    other.with(HALYARD_OP_ADD, 1);
  }
  value.with(HALYARD_OP_MUL, share.apply(HALYARD_OP_SIGMOID).value());
  commands.copy(value.with(HALYARD_OP_MUL, other.value()).value(), out);
}

void append_elementwise(const ggml_tensor* node, Commands& commands) {
  switch (node->op) {
    case GGML_OP_SQR:
      return append_sqr(node, commands);
    case GGML_OP_SQRT:
      return append_function(node, HALYARD_OP_SQRT, commands);
    case GGML_OP_LOG:
      return append_function(node, HALYARD_OP_LOG, commands);
    case GGML_OP_SIN:
      return append_function(node, HALYARD_OP_SIN, commands);
    case GGML_OP_COS:
      return append_function(node, HALYARD_OP_COS, commands);
    case GGML_OP_SCALE:
      return append_scale(node, commands);
    case GGML_OP_CLAMP:
      return append_clamp(node, commands);
    case GGML_OP_LEAKY_RELU:
      return append_leaky_relu(node, commands);
    case GGML_OP_SILU_BACK:
      return append_silu_back(node, commands);
    default:
      return append_unary(node, commands);
  }
}

}  // namespace halyard::ggml
