// SPDX-License-Identifier: MIT
#include "lowering/capabilities.hpp"

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
  return chip.refuse != nullptr ? chip.refuse(command) : std::string();
}

}  // namespace halyard::hal::lowering
