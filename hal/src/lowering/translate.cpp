// SPDX-License-Identifier: MIT
#include "lowering/translate.hpp"

#include <optional>

#include "lowering/fusion.hpp"
#include "lowering/operand.hpp"

namespace halyard::hal::lowering {
namespace {

std::optional<BinaryOp> binary_of(halyard_op op) {
  switch (op) {
    case HALYARD_OP_ADD:
      return BinaryOp::kAdd;
    case HALYARD_OP_SUB:
      return BinaryOp::kSub;
    case HALYARD_OP_MUL:
      return BinaryOp::kMul;
    case HALYARD_OP_DIV:
      return BinaryOp::kDiv;
    case HALYARD_OP_MAX:
      return BinaryOp::kMax;
    case HALYARD_OP_MIN:
      return BinaryOp::kMin;
    default:
      return std::nullopt;
  }
}

Opcode rescaling_of(halyard_op op) {
  if (op == HALYARD_OP_QUANTIZE) return Opcode::kQuantize;
  return op == HALYARD_OP_DEQUANTIZE ? Opcode::kDequantize : Opcode::kRequantize;
}

/// Copies and what has neither parameters nor a shape of its own.
Opcode plain_of(halyard_op op) {
  if (op == HALYARD_OP_SOFTMAX) return Opcode::kSoftmax;
  if (op == HALYARD_OP_SCATTER) return Opcode::kScatter;
  return op == HALYARD_OP_GATHER ? Opcode::kGather : Opcode::kCopy;
}

}  // namespace

Command translate(halyard_op op, const OpParams& params, std::span<const Operand> inputs,
                  const Operand& out) {
  if (op == HALYARD_OP_MATMUL) {
    return {Opcode::kMatmul, 0, Epilogue{}, {inputs[0], inputs[1], {}, {}, out}};
  }
  if (const auto* conv = std::get_if<halyard_conv2d_params>(&params)) {
    return {Opcode::kConv2d, 0, Conv2d{{}, *conv}, {inputs[0], inputs[1], {}, {}, out}};
  }
  if (const auto activation = activation_of(op)) {
    return {Opcode::kActivate, 0, *activation, {inputs[0], out}};
  }
  if (const auto binary = binary_of(op)) {
    return {
        Opcode::kBinary, 0, *binary, {broadcast(inputs[0], out), broadcast(inputs[1], out), out}};
  }
  if (const auto* window = std::get_if<halyard_pool2d_params>(&params)) {
    Pool2d pool{op == HALYARD_OP_AVG_POOL2D, *window};
    if (!pool.average) pool.window.count_padding = 0;
    return {Opcode::kPool2d, 0, pool, {inputs[0], out}};
  }
  if (const auto* norm = std::get_if<halyard_norm_params>(&params)) {
    const bool rms = op == HALYARD_OP_RMS_NORM;
    const auto bias = rms ? Operand{} : inputs[2];
    return {Opcode::kNorm, 0, Norm{rms, norm->epsilon}, {inputs[0], inputs[1], bias, out}};
  }
  if (const auto* scaled = std::get_if<halyard_quantize_params>(&params)) {
    return {rescaling_of(op),
            0,
            Quantize{scaled->axis, scaled->zero_point},
            {inputs[0], inputs[1], out}};
  }
  if (is_function(op)) {
    static_assert(HALYARD_OP_SIGN - HALYARD_OP_EXP == static_cast<int>(Function::kSign));
    return {Opcode::kFunction, 0, static_cast<Function>(op - HALYARD_OP_EXP), {inputs[0], out}};
  }
  if (const auto* order = std::get_if<halyard_order_params>(&params)) {
    return {Opcode::kOrder, 0, Order{order->descending != 0}, {inputs[0], out}};
  }
  if (const auto* rotate = std::get_if<halyard_rotate_params>(&params)) {
    return {Opcode::kRotate, 0, Rotate{rotate->factor}, {inputs[0], inputs[1], out}};
  }
  if (const auto* linear = std::get_if<halyard_linear_params>(&params)) {
    return {Opcode::kLinear, 0, linear->format, {inputs[0], inputs[1], out}};
  }
  if (const auto* blocks = std::get_if<halyard_unpack_params>(&params)) {
    return {Opcode::kUnpack, 0, blocks->format, {inputs[0], out}};
  }
  Command command{plain_of(op), 0, {}, {inputs.begin(), inputs.end()}};
  command.operands.push_back(out);
  return command;
}

}  // namespace halyard::hal::lowering
