// SPDX-License-Identifier: MIT
/// \file
/// The table of operations: what each takes, how it is checked and which arithmetic it is.

#include <array>
#include <string>

#include "chips/tensor/command.hpp"
#include "chips/tensor/cost.hpp"

namespace halyard::emu::tensor {

namespace {

using engine::Arithmetic;

std::string check_nothing(const Command& /*command*/) {
  return {};
}

// ---- Products --------------------------------------------------------------------------------

engine::Epilogue epilogue_of(const Params& params, const Tensors& tensors) {
  return {.bias = tensors[2],
          .scale = tensors[3],
          .activation = params.activation,
          .zero_point = params.zero_point};
}

std::string matmul(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.matmul(t[0], t[1], t[4], epilogue_of(command.params, t));
}

std::string conv2d(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.conv2d(t[0], t[1], t[4], command.params.conv2d, epilogue_of(command.params, t));
}

std::string linear(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.linear(command.params.format, t[0], t[1], t[2]);
}

// ---- Elementwise -----------------------------------------------------------------------------

std::string binary(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.binary(command.params.binary, t[0], t[1], t[2], command.params.activation);
}

std::string function(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.function(command.params.function, t[0], t[1]);
}

std::string rotate(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.rotate(t[0], t[1], t[2], command.params.factor);
}

std::string activate(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.activate(command.params.activation, t[0], t[1]);
}

// ---- Windows and rows ------------------------------------------------------------------------

std::string pool2d(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.pool2d(t[0], t[1], command.params.pool2d);
}

std::string softmax(const Arithmetic& engine, const Command& /*command*/, const Tensors& t) {
  return engine.softmax(t[0], t[1]);
}

std::string check_norm(const Command& command) {
  if (command.params.norm == engine::Norm::kRms && command.operands[2].present)
    return "RMS norm takes no bias";
  return {};
}

std::string norm(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.norm(command.params.norm, t[0], t[1], t[2], t[3], command.params.epsilon);
}

// ---- Movement and conversion -----------------------------------------------------------------

std::string copy(const Arithmetic& engine, const Command& /*command*/, const Tensors& t) {
  return engine.copy(t[0], t[1]);
}

std::string gather(const Arithmetic& engine, const Command& /*command*/, const Tensors& t) {
  return engine.gather(t[0], t[1], t[2]);
}

std::string scatter(const Arithmetic& engine, const Command& /*command*/, const Tensors& t) {
  return engine.scatter(t[0], t[1], t[2]);
}

std::string order(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.order(t[0], t[1], command.params.descending);
}

std::string quantize(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.quantize(t[0], t[1], t[2], command.params.axis, command.params.zero_point);
}

std::string dequantize(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.dequantize(t[0], t[1], t[2], command.params.axis, command.params.zero_point);
}

std::string requantize(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.requantize(t[0], t[1], t[2], command.params.axis, command.params.zero_point);
}

std::string check_fill(const Command& command) {
  const std::size_t bits = engine::size_of(command.operands[0].tensor.type) * 8;
  if (bits < 32 && command.params.pattern >> bits != 0)
    return "the pattern is wider than an element";
  return {};
}

std::string fill(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.fill(t[0], command.params.pattern);
}

std::string unpack(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.unpack(command.params.format, t[0], t[1]);
}

// ---- Words of the chip's -----------------------------------------------------------------------

std::string check_word(const Command& command) {
  const Operand& operand = command.operands[0];
  const engine::Tensor& tensor = operand.tensor;
  if (tensor.type != engine::DType::kI32 || tensor.rank != 1 || tensor.dims[0] != 2 ||
      tensor.strides[0] != 1)
    return "the operand is not two adjacent I32 elements";
  if (operand.first % 8 != 0) return "the operand is not aligned to 8 bytes";
  return {};
}

// name, operands, optional, snapshot, has_output, in_place, picks_rows, check, apply,
// compute_cycles
constexpr std::array<Operation, 21> kOperations{{
    {"nop", 0, 0, 0, false, false, false, check_nothing, nullptr, nullptr},
    {"word", 1, 0, 0, false, false, false, check_word, nullptr, nullptr},
    {"matmul", 5, 0b01100, 0, true, false, false, check_nothing, matmul, matmul_cycles},
    {"conv2d", 5, 0b01100, 0, true, false, false, check_nothing, conv2d, conv2d_cycles},
    {"binary", 3, 0, 0, true, true, false, check_nothing, binary, binary_cycles},
    {"activate", 2, 0, 0, true, true, false, check_nothing, activate, activate_cycles},
    {"pool2d", 2, 0, 0, true, false, false, check_nothing, pool2d, pool2d_cycles},
    {"softmax", 2, 0, 0, true, false, false, check_nothing, softmax, transcendental_cycles},
    {"norm", 4, 0b0110, 0, true, false, false, check_norm, norm, transcendental_cycles},
    {"copy", 2, 0, 0, true, true, false, check_nothing, copy, elementwise_cycles},
    {"gather", 3, 0, 0b010, true, false, false, check_nothing, gather, elementwise_cycles},
    {"quantize", 3, 0, 0, true, false, false, check_nothing, quantize, elementwise_cycles},
    {"dequantize", 3, 0, 0, true, false, false, check_nothing, dequantize, elementwise_cycles},
    {"requantize", 3, 0, 0, true, true, false, check_nothing, requantize, elementwise_cycles},
    {"fill", 1, 0, 0, true, false, false, check_fill, fill, elementwise_cycles},
    {"rotate", 3, 0, 0, true, true, false, check_nothing, rotate, transcendental_cycles},
    {"scatter", 3, 0, 0b010, true, false, true, check_nothing, scatter, scatter_cycles},
    {"unpack", 2, 0, 0, true, false, false, check_nothing, unpack, elementwise_cycles},
    {"function", 2, 0, 0, true, true, false, check_nothing, function, function_cycles},
    {"order", 2, 0, 0, true, false, false, check_nothing, order, order_cycles},
    {"linear", 3, 0, 0, true, false, false, check_nothing, linear, matmul_cycles},
}};
static_assert(kOperations.size() == static_cast<std::size_t>(Op::kLinear) + 1);

}  // namespace

const Operation& operation(Op op) {
  return kOperations.at(static_cast<std::size_t>(op));
}

}  // namespace halyard::emu::tensor
