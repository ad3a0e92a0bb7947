// SPDX-License-Identifier: MIT
#include "lowering/capabilities.hpp"

#include <cstdlib>

namespace halyard::hal::lowering {

std::string_view to_string(Opcode opcode) {
  switch (opcode) {
    case Opcode::kMatmul:
      return "matmul";
    case Opcode::kConv2d:
      return "conv2d";
    case Opcode::kBinary:
      return "elementwise on two";
    case Opcode::kActivate:
      return "activation";
    case Opcode::kPool2d:
      return "pooling";
    case Opcode::kSoftmax:
      return "softmax";
    case Opcode::kNorm:
      return "normalisation";
    case Opcode::kCopy:
      return "strided copy";
    case Opcode::kGather:
      return "gather";
    case Opcode::kQuantize:
      return "quantize";
    case Opcode::kDequantize:
      return "dequantize";
    case Opcode::kRequantize:
      return "requantize";
    case Opcode::kRotate:
      return "rotation";
    case Opcode::kScatter:
      return "scatter";
    case Opcode::kUnpack:
      return "unpacking of blocks";
    case Opcode::kFunction:
      return "function";
    case Opcode::kOrder:
      return "order";
    case Opcode::kLinear:
      return "product with blocks";
    case Opcode::kTimestamp:
      return "timestamp";
  }
  return "unknown";
}

std::string_view to_string(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
      return "f32";
    case HALYARD_F16:
      return "f16";
    case HALYARD_BF16:
      return "bf16";
    case HALYARD_I8:
      return "i8";
    case HALYARD_U8:
      return "u8";
    case HALYARD_I32:
      return "i32";
  }
  return "unknown";
}

namespace {

/// From the first byte to the last. The elements of one tensor are less than 2^31: no overflow.
std::uint64_t span_of(const Operand& operand) {
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < operand.rank; ++i) {
    const auto stride = std::abs(std::int64_t{operand.strides.at(i)});
    elements += (operand.dims.at(i) - std::uint64_t{1}) * static_cast<std::uint64_t>(stride);
  }
  return elements * halyard_dtype_size(operand.dtype);
}

std::string reaches_too_far(const Capabilities& chip, const Command& command) {
  std::uint64_t all = 0;
  for (const auto& operand : command.operands) {
    if (operand.rank == 0) continue;
    const auto bytes = span_of(operand);
    if (bytes > chip.max_operand_bytes) return "an operand spans more memory than the chip takes";
    all += bytes;
  }
  return all > chip.max_command_bytes ? "its operands span more memory than the chip takes" : "";
}

}  // namespace

std::string why_not(const Capabilities& chip, const Command& command) {
  if (!chip.opcodes.contains(command.opcode)) {
    return "the chip has no " + std::string(to_string(command.opcode));
  }
  for (const auto& operand : command.operands) {
    if (operand.rank == 0) continue;
    if (!chip.dtypes.contains(operand.dtype)) {
      return "the chip has no type " + std::string(to_string(operand.dtype));
    }
    if (operand.rank > chip.max_rank) {
      return "the chip takes at most " + std::to_string(chip.max_rank) + " dimensions, and " +
             std::to_string(operand.rank) + " cannot be merged to that";
    }
  }
  if (auto reason = reaches_too_far(chip, command); !reason.empty()) return reason;
  return chip.refuse != nullptr ? chip.refuse(command) : std::string();
}

}  // namespace halyard::hal::lowering
