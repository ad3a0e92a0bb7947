// SPDX-License-Identifier: MIT
// Lowered commands in the chip's own form.

#include "encoder.hpp"

#include <algorithm>
#include <bit>

#include "lowering/sinks.hpp"
#include "stream.hpp"

namespace halyard::hal::clipper {
namespace {

using lowering::Activation;
using lowering::BinaryOp;
using lowering::Opcode;

// The formats have the same numbers here and there.
static_assert(DRM_HALYARD_CLIPPER_Q4_0 == static_cast<int>(HALYARD_Q4_0));
static_assert(DRM_HALYARD_CLIPPER_TQ2_0 == static_cast<int>(HALYARD_TQ2_0));

drm_halyard_clipper_opcode chip_opcode(Opcode opcode) {
  switch (opcode) {
    case Opcode::kMatmul:
      return DRM_HALYARD_CLIPPER_MATMUL;
    case Opcode::kConv2d:
      return DRM_HALYARD_CLIPPER_CONV2D;
    case Opcode::kBinary:
      return DRM_HALYARD_CLIPPER_BINARY;
    case Opcode::kActivate:
      return DRM_HALYARD_CLIPPER_ACTIVATE;
    case Opcode::kPool2d:
      return DRM_HALYARD_CLIPPER_POOL2D;
    case Opcode::kSoftmax:
      return DRM_HALYARD_CLIPPER_SOFTMAX;
    case Opcode::kNorm:
      return DRM_HALYARD_CLIPPER_NORM;
    case Opcode::kCopy:
      return DRM_HALYARD_CLIPPER_COPY;
    case Opcode::kGather:
      return DRM_HALYARD_CLIPPER_GATHER;
    case Opcode::kQuantize:
      return DRM_HALYARD_CLIPPER_QUANTIZE;
    case Opcode::kDequantize:
      return DRM_HALYARD_CLIPPER_DEQUANTIZE;
    case Opcode::kRequantize:
      return DRM_HALYARD_CLIPPER_REQUANTIZE;
    case Opcode::kRotate:
      return DRM_HALYARD_CLIPPER_ROTATE;
    case Opcode::kScatter:
      return DRM_HALYARD_CLIPPER_SCATTER;
    case Opcode::kUnpack:
      return DRM_HALYARD_CLIPPER_UNPACK;
    case Opcode::kFunction:
      return DRM_HALYARD_CLIPPER_FUNCTION;
    case Opcode::kOrder:
      return DRM_HALYARD_CLIPPER_ORDER;
    case Opcode::kLinear:
      return DRM_HALYARD_CLIPPER_LINEAR;
    case Opcode::kTimestamp:
      return DRM_HALYARD_CLIPPER_TIMESTAMP;
  }
  return DRM_HALYARD_CLIPPER_NUM_OPCODES;
}

drm_halyard_clipper_dtype chip_dtype(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
      return DRM_HALYARD_CLIPPER_F32;
    case HALYARD_F16:
      return DRM_HALYARD_CLIPPER_F16;
    case HALYARD_BF16:
      return DRM_HALYARD_CLIPPER_BF16;
    case HALYARD_I8:
      return DRM_HALYARD_CLIPPER_I8;
    case HALYARD_U8:
      return DRM_HALYARD_CLIPPER_U8;
    case HALYARD_I32:
      return DRM_HALYARD_CLIPPER_I32;
  }
  throw Error(HALYARD_INVALID_ARGUMENT, "unknown element type");
}

std::uint32_t chip_activation(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return DRM_HALYARD_CLIPPER_ACT_NONE;
    case Activation::kRelu:
      return DRM_HALYARD_CLIPPER_ACT_RELU;
    case Activation::kGelu:
      return DRM_HALYARD_CLIPPER_ACT_GELU;
    case Activation::kSilu:
      return DRM_HALYARD_CLIPPER_ACT_SILU;
    case Activation::kSigmoid:
      return DRM_HALYARD_CLIPPER_ACT_SIGMOID;
    case Activation::kTanh:
      return DRM_HALYARD_CLIPPER_ACT_TANH;
  }
  return DRM_HALYARD_CLIPPER_ACT_NONE;
}

std::uint32_t chip_binary(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return DRM_HALYARD_CLIPPER_ADD;
    case BinaryOp::kSub:
      return DRM_HALYARD_CLIPPER_SUB;
    case BinaryOp::kMul:
      return DRM_HALYARD_CLIPPER_MUL;
    case BinaryOp::kDiv:
      return DRM_HALYARD_CLIPPER_DIV;
    case BinaryOp::kMax:
      return DRM_HALYARD_CLIPPER_MAX;
    case BinaryOp::kMin:
      return DRM_HALYARD_CLIPPER_MIN;
  }
  return DRM_HALYARD_CLIPPER_ADD;
}

std::uint16_t narrow(std::uint32_t value) {
  return static_cast<std::uint16_t>(value);
}

drm_halyard_clipper_epilogue chip_epilogue(const lowering::Epilogue& epilogue) {
  return {chip_activation(epilogue.activation), epilogue.zero_point};
}

/// Makes the command that has the struct of the lowered parameters.
class MakeCommand {
 public:
  MakeCommand(Opcode opcode, std::uint32_t tag) : opcode_(chip_opcode(opcode)), tag_(tag) {}

  Command operator()(std::monostate /*none*/) const { return make_command(opcode_, tag_); }
  Command operator()(const lowering::Epilogue& epilogue) const {
    return make_command(opcode_, tag_, chip_epilogue(epilogue));
  }
  Command operator()(const lowering::Conv2d& conv) const {
    const auto& w = conv.window;
    return make_command(
        opcode_, tag_,
        drm_halyard_clipper_conv2d{chip_epilogue(conv.epilogue), narrow(w.stride_h),
                                   narrow(w.stride_w), narrow(w.dilation_h), narrow(w.dilation_w),
                                   narrow(w.pad_top), narrow(w.pad_left), narrow(w.pad_bottom),
                                   narrow(w.pad_right), w.groups});
  }
  Command operator()(BinaryOp op) const {
    return make_command(opcode_, tag_,
                        drm_halyard_clipper_binary{chip_binary(op), DRM_HALYARD_CLIPPER_ACT_NONE});
  }
  Command operator()(Activation activation) const {
    return make_command(opcode_, tag_, drm_halyard_clipper_activate{chip_activation(activation)});
  }
  Command operator()(const lowering::Pool2d& pool) const {
    const auto& w = pool.window;
    return make_command(
        opcode_, tag_,
        drm_halyard_clipper_pool2d{narrow(pool.average ? 1 : 0), narrow(w.count_padding),
                                   narrow(w.kernel_h), narrow(w.kernel_w), narrow(w.stride_h),
                                   narrow(w.stride_w), narrow(w.pad_top), narrow(w.pad_left),
                                   narrow(w.pad_bottom), narrow(w.pad_right)});
  }
  Command operator()(const lowering::Norm& norm) const {
    return make_command(
        opcode_, tag_,
        drm_halyard_clipper_norm{norm.rms ? 1U : 0U, std::bit_cast<std::uint32_t>(norm.epsilon)});
  }
  Command operator()(const lowering::Quantize& quantize) const {
    return make_command(opcode_, tag_,
                        drm_halyard_clipper_quantize{quantize.axis, quantize.zero_point});
  }
  Command operator()(lowering::Function function) const {
    static_assert(static_cast<int>(lowering::Function::kExp) == DRM_HALYARD_CLIPPER_EXP);
    static_assert(static_cast<int>(lowering::Function::kFloor) == DRM_HALYARD_CLIPPER_FLOOR);
    static_assert(static_cast<int>(lowering::Function::kSign) == DRM_HALYARD_CLIPPER_SIGN);
    return make_command(opcode_, tag_,
                        drm_halyard_clipper_function{static_cast<std::uint32_t>(function)});
  }
  Command operator()(const lowering::Order& order) const {
    return make_command(opcode_, tag_, drm_halyard_clipper_order{order.descending ? 1U : 0U});
  }
  Command operator()(const lowering::Rotate& rotate) const {
    return make_command(opcode_, tag_,
                        drm_halyard_clipper_rotate{std::bit_cast<std::uint32_t>(rotate.factor)});
  }
  Command operator()(halyard_format format) const {
    return make_command(opcode_, tag_,
                        drm_halyard_clipper_blocks{static_cast<std::uint32_t>(format)});
  }

 private:
  drm_halyard_clipper_opcode opcode_;
  std::uint32_t tag_;
};

Operand chip_operand(const lowering::Operand& in) {
  Operand operand{};
  if (in.rank == 0) return operand;
  operand.offset = in.offset;
  operand.binding = in.binding;
  operand.dtype = static_cast<std::uint16_t>(chip_dtype(in.dtype));
  operand.rank = static_cast<std::uint16_t>(in.rank);
  std::copy(in.dims.begin(), in.dims.end(), operand.dims);
  std::copy(in.strides.begin(), in.strides.end(), operand.strides);
  return operand;
}

}  // namespace

lowering::Capabilities capabilities(const drm_halyard_clipper_info& info) {
  lowering::Capabilities chip;
  for (unsigned i = 0; i <= static_cast<unsigned>(Opcode::kTimestamp); ++i) {
    const auto opcode = static_cast<Opcode>(i);
    if ((info.opcodes >> chip_opcode(opcode) & 1) == 0) chip.opcodes.remove(opcode);
  }
  chip.max_bindings = info.bindings_max;
  return chip;
}

void encode_commands(std::span<const lowering::Command> commands, std::vector<std::byte>& stream) {
  lowering::VectorSink sink(stream);
  std::vector<Operand> operands;
  for (const auto& command : commands) {
    operands.clear();
    for (const auto& operand : command.operands)
      operands.push_back(chip_operand(operand));
    append_command(sink, std::visit(MakeCommand(command.opcode, command.node), command.params),
                   operands);
  }
}

}  // namespace halyard::hal::clipper
