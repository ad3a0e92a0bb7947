// SPDX-License-Identifier: MIT
#include "chips/clipper/cost.hpp"

#include <algorithm>
#include <span>

namespace halyard::emu::clipper {

namespace {

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

const Operand& output_of(const Command& command) {
  return command.operands.at(command.count - 1);
}

std::uint64_t macs_per_cycle(engine::DType type) {
  switch (type) {
    case engine::DType::kF16:
    case engine::DType::kBF16:
      return kMacsPerCycle16Bit;
    case engine::DType::kI8:
      return kMacsPerCycleI8;
    default:
      return kMacsPerCycleF32;
  }
}

bool is_transcendental(std::uint32_t activation) {
  return activation > DRM_HALYARD_CLIPPER_ACT_RELU;
}

std::uint64_t rate(bool transcendental) {
  return transcendental ? kTranscendentalsPerCycle : kElementsPerCycle;
}

/// The epilogue runs beside the product and costs only where it is a transcendental one.
std::uint64_t product_cycles(const Command& command, std::uint64_t depth,
                             std::uint32_t activation) {
  const std::uint64_t outputs = output_of(command).elements;
  const std::uint64_t cycles =
      divide_up(outputs * depth, macs_per_cycle(command.operands[0].tensor.type));
  return cycles +
         (is_transcendental(activation) ? divide_up(outputs, kTranscendentalsPerCycle) : 0);
}

/// Bytes that an operand moves: a broadcast element once, the gaps between elements not at all.
std::uint64_t traffic(const Operand& operand) {
  return std::min(operand.elements * engine::size_of(operand.tensor.type), operand.bytes);
}

}  // namespace

std::uint64_t matmul_cycles(const Command& command) {
  const auto& a = command.operands[0].tensor;
  return product_cycles(command, a.dims.at(a.rank - 1),
                        command.params_as<drm_halyard_clipper_epilogue>().activation);
}

std::uint64_t conv2d_cycles(const Command& command) {
  const auto& weight = command.operands[1];
  return product_cycles(command, weight.elements / weight.tensor.dims[0],
                        command.params_as<drm_halyard_clipper_conv2d>().epilogue.activation);
}

std::uint64_t binary_cycles(const Command& command) {
  const auto raw = command.params_as<drm_halyard_clipper_binary>();
  const bool slow = raw.op == DRM_HALYARD_CLIPPER_DIV || is_transcendental(raw.activation);
  return divide_up(output_of(command).elements, rate(slow));
}

std::uint64_t activate_cycles(const Command& command) {
  const auto raw = command.params_as<drm_halyard_clipper_activate>();
  return divide_up(output_of(command).elements, rate(is_transcendental(raw.activation)));
}

std::uint64_t pool2d_cycles(const Command& command) {
  const auto raw = command.params_as<drm_halyard_clipper_pool2d>();
  return divide_up(output_of(command).elements * raw.kernel_h * raw.kernel_w, kElementsPerCycle);
}

std::uint64_t elementwise_cycles(const Command& command) {
  return divide_up(output_of(command).elements, kElementsPerCycle);
}

std::uint64_t transcendental_cycles(const Command& command) {
  return divide_up(output_of(command).elements, kTranscendentalsPerCycle);
}

std::uint64_t command_cycles(const Command& command) {
  std::uint64_t bytes = 0;
  for (const Operand& operand : std::span(command.operands).first(command.count))
    if (operand.present) bytes += traffic(operand);
  const std::uint64_t compute =
      command.info->compute_cycles == nullptr ? 0 : command.info->compute_cycles(command);
  return kCommandCycles + std::max(compute, divide_up(bytes, kBytesPerCycle));
}

}  // namespace halyard::emu::clipper
