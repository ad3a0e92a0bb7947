// SPDX-License-Identifier: MIT
#include "chips/tensor/cost.hpp"

#include <algorithm>
#include <bit>
#include <span>

namespace halyard::emu::tensor {

namespace {

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

const Operand& output_of(const Command& command) {
  return command.operands.at(command.info().operands - 1U);
}

std::uint64_t macs_per_cycle(const CostModel& model, engine::DType type) {
  switch (type) {
    case engine::DType::kF16:
    case engine::DType::kBF16:
      return model.macs_16bit;
    case engine::DType::kI8:
      return model.macs_i8;
    default:
      return model.macs_f32;
  }
}

bool is_transcendental(engine::Activation activation) {
  return activation > engine::Activation::kRelu;
}

std::uint64_t rate(const CostModel& model, bool transcendental) {
  return transcendental ? model.transcendentals : model.elements;
}

/// The epilogue runs beside the product and costs only where it is a transcendental one.
std::uint64_t product_cycles(const CostModel& model, const Command& command, std::uint64_t depth) {
  const std::uint64_t outputs = output_of(command).elements;
  const std::uint64_t cycles =
      divide_up(outputs * depth, macs_per_cycle(model, command.operands[0].tensor.type));
  return cycles + (is_transcendental(command.params.activation)
                       ? divide_up(outputs, model.transcendentals)
                       : 0);
}

/// Bytes that an operand moves: a broadcast element once, the gaps between elements not at all, of
/// an output whose rows are picked only those.
std::uint64_t traffic(const Command& command, const Operand& operand) {
  const std::uint64_t size = engine::size_of(operand.tensor.type);
  if (command.info().picks_rows && &operand == &output_of(command))
    return command.operands[0].elements * size;
  return std::min(operand.elements * size, operand.bytes);
}

}  // namespace

std::uint64_t matmul_cycles(const CostModel& model, const Command& command) {
  const auto& a = command.operands[0].tensor;
  return product_cycles(model, command, a.dims.at(a.rank - 1));
}

std::uint64_t conv2d_cycles(const CostModel& model, const Command& command) {
  const auto& weight = command.operands[1];
  return product_cycles(model, command, weight.elements / weight.tensor.dims[0]);
}

std::uint64_t binary_cycles(const CostModel& model, const Command& command) {
  const bool slow =
      command.params.binary == engine::Binary::kDiv || is_transcendental(command.params.activation);
  return divide_up(output_of(command).elements, rate(model, slow));
}

std::uint64_t activate_cycles(const CostModel& model, const Command& command) {
  const bool slow = is_transcendental(command.params.activation);
  return divide_up(output_of(command).elements, rate(model, slow));
}

std::uint64_t pool2d_cycles(const CostModel& model, const Command& command) {
  const engine::PoolParams& pool = command.params.pool2d;
  return divide_up(output_of(command).elements * pool.kernel_h * pool.kernel_w, model.elements);
}

std::uint64_t function_cycles(const CostModel& model, const Command& command) {
  const bool slow = command.params.function < engine::Function::kFloor;
  return divide_up(output_of(command).elements, rate(model, slow));
}

/// A pass over the input for each doubling of what is picked.
std::uint64_t order_cycles(const CostModel& model, const Command& command) {
  const auto& out = output_of(command).tensor;
  const auto passes = static_cast<std::uint64_t>(std::bit_width(out.dims.at(out.rank - 1)));
  return divide_up(command.operands[0].elements, model.elements) * passes;
}

std::uint64_t scatter_cycles(const CostModel& model, const Command& command) {
  return divide_up(command.operands[0].elements, model.elements);
}

std::uint64_t elementwise_cycles(const CostModel& model, const Command& command) {
  return divide_up(output_of(command).elements, model.elements);
}

std::uint64_t transcendental_cycles(const CostModel& model, const Command& command) {
  return divide_up(output_of(command).elements, model.transcendentals);
}

std::uint64_t command_cycles(const CostModel& model, const Command& command) {
  const Operation& info = command.info();
  std::uint64_t bytes = 0;
  for (const Operand& operand : std::span(command.operands).first(info.operands))
    if (operand.present) bytes += traffic(command, operand);
  const std::uint64_t compute =
      info.compute_cycles == nullptr ? 0 : info.compute_cycles(model, command);
  return model.command + std::max(compute, divide_up(bytes, model.bytes));
}

}  // namespace halyard::emu::tensor
