// SPDX-License-Identifier: MIT
// Lowered commands in the chip's own form.

#include "encoder.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "lowering/sinks.hpp"
#include "stream.hpp"

namespace halyard::hal::dory {
namespace {

using lowering::Activation;
using lowering::BinaryOp;
using lowering::Opcode;

/// The region field of an operand's format has eight bits.
constexpr std::uint32_t kMaxBindings = 256;
/// Offsets have 32 bits.
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 30U;

// These two enumerations have the same numbers here and there.
static_assert(DRM_HALYARD_DORY_ACT_NONE == static_cast<int>(Activation::kNone));
static_assert(DRM_HALYARD_DORY_ACT_RELU == static_cast<int>(Activation::kRelu));
static_assert(DRM_HALYARD_DORY_ACT_GELU == static_cast<int>(Activation::kGelu));
static_assert(DRM_HALYARD_DORY_ACT_SILU == static_cast<int>(Activation::kSilu));
static_assert(DRM_HALYARD_DORY_ACT_SIGMOID == static_cast<int>(Activation::kSigmoid));
static_assert(DRM_HALYARD_DORY_ACT_TANH == static_cast<int>(Activation::kTanh));
static_assert(DRM_HALYARD_DORY_ADD == static_cast<int>(BinaryOp::kAdd));
static_assert(DRM_HALYARD_DORY_SUB == static_cast<int>(BinaryOp::kSub));
static_assert(DRM_HALYARD_DORY_MUL == static_cast<int>(BinaryOp::kMul));
static_assert(DRM_HALYARD_DORY_DIV == static_cast<int>(BinaryOp::kDiv));
static_assert(DRM_HALYARD_DORY_MAX == static_cast<int>(BinaryOp::kMax));
static_assert(DRM_HALYARD_DORY_MIN == static_cast<int>(BinaryOp::kMin));

/// An operation of the chip, and which of its operands a lowered command's are, in their order.
struct Operation {
  Opcode from;
  drm_halyard_dory_opcode opcode;
  std::array<drm_halyard_dory_operand, 5> operands;
};

constexpr auto kIn0 = DRM_HALYARD_DORY_IN0, kIn1 = DRM_HALYARD_DORY_IN1;
constexpr auto kBias = DRM_HALYARD_DORY_BIAS, kScale = DRM_HALYARD_DORY_SCALE;
constexpr auto kOut = DRM_HALYARD_DORY_OUT;

constexpr Operation kOperations[] = {
    {Opcode::kMatmul, DRM_HALYARD_DORY_OP_MATMUL, {kIn0, kIn1, kBias, kScale, kOut}},
    {Opcode::kConv2d, DRM_HALYARD_DORY_OP_CONV2D, {kIn0, kIn1, kBias, kScale, kOut}},
    {Opcode::kBinary, DRM_HALYARD_DORY_OP_BINARY, {kIn0, kIn1, kOut}},
    {Opcode::kActivate, DRM_HALYARD_DORY_OP_ACTIVATE, {kIn0, kOut}},
    {Opcode::kPool2d, DRM_HALYARD_DORY_OP_POOL2D, {kIn0, kOut}},
    {Opcode::kSoftmax, DRM_HALYARD_DORY_OP_SOFTMAX, {kIn0, kOut}},
    {Opcode::kNorm, DRM_HALYARD_DORY_OP_NORM, {kIn0, kScale, kBias, kOut}},
    {Opcode::kCopy, DRM_HALYARD_DORY_OP_COPY, {kIn0, kOut}},
    {Opcode::kQuantize, DRM_HALYARD_DORY_OP_QUANTIZE, {kIn0, kScale, kOut}},
    {Opcode::kDequantize, DRM_HALYARD_DORY_OP_DEQUANTIZE, {kIn0, kScale, kOut}},
    {Opcode::kRequantize, DRM_HALYARD_DORY_OP_REQUANTIZE, {kIn0, kScale, kOut}},
    {Opcode::kTimestamp, DRM_HALYARD_DORY_OP_TIMESTAMP, {kOut}},
};

const Operation& operation_of(Opcode opcode) {
  return *std::find_if(std::begin(kOperations), std::end(kOperations),
                       [&](const Operation& operation) { return operation.from == opcode; });
}

drm_halyard_dory_dtype chip_dtype(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
      return DRM_HALYARD_DORY_F32;
    case HALYARD_I8:
      return DRM_HALYARD_DORY_I8;
    case HALYARD_U8:
      return DRM_HALYARD_DORY_U8;
    case HALYARD_I32:
      return DRM_HALYARD_DORY_I32;
    case HALYARD_F16:
    case HALYARD_BF16:
      break;
  }
  throw Error(HALYARD_UNSUPPORTED, "the chip has no such element type");
}

std::uint32_t chip_pool(const lowering::Pool2d& pool) {
  if (!pool.average) return DRM_HALYARD_DORY_POOL_MAX;
  return pool.window.count_padding != 0 ? DRM_HALYARD_DORY_POOL_AVERAGE_PADDED
                                        : DRM_HALYARD_DORY_POOL_AVERAGE;
}

std::uint32_t rows_and_columns(std::uint32_t rows, std::uint32_t columns) {
  return rows | columns << 16;
}

using Writer = StreamWriter<lowering::VectorSink>;

/// Sets the parameters' state registers.
class SetParams {
 public:
  explicit SetParams(Writer& writer) : writer_(writer) {}

  void operator()(std::monostate /*none*/) const {}
  void operator()(const lowering::Epilogue& epilogue) const {
    writer_.set(DRM_HALYARD_DORY_ACTIVATION, static_cast<std::uint32_t>(epilogue.activation));
    set_zero_point(epilogue.zero_point);
  }
  void operator()(const lowering::Conv2d& conv) const {
    const auto& w = conv.window;
    (*this)(conv.epilogue);
    writer_.set(DRM_HALYARD_DORY_STRIDES, rows_and_columns(w.stride_h, w.stride_w));
    writer_.set(DRM_HALYARD_DORY_DILATION, rows_and_columns(w.dilation_h, w.dilation_w));
    set_padding(w);
    writer_.set(DRM_HALYARD_DORY_GROUPS, w.groups);
  }
  void operator()(BinaryOp op) const {
    writer_.set(DRM_HALYARD_DORY_BINARY, static_cast<std::uint32_t>(op));
    writer_.set(DRM_HALYARD_DORY_ACTIVATION, DRM_HALYARD_DORY_ACT_NONE);
  }
  void operator()(Activation activation) const {
    writer_.set(DRM_HALYARD_DORY_ACTIVATION, static_cast<std::uint32_t>(activation));
  }
  void operator()(const lowering::Pool2d& pool) const {
    const auto& w = pool.window;
    writer_.set(DRM_HALYARD_DORY_POOL, chip_pool(pool));
    writer_.set(DRM_HALYARD_DORY_KERNEL, rows_and_columns(w.kernel_h, w.kernel_w));
    writer_.set(DRM_HALYARD_DORY_STRIDES, rows_and_columns(w.stride_h, w.stride_w));
    set_padding(w);
  }
  void operator()(const lowering::Norm& norm) const {
    writer_.set(DRM_HALYARD_DORY_NORM,
                norm.rms ? DRM_HALYARD_DORY_NORM_RMS : DRM_HALYARD_DORY_NORM_LAYER);
    writer_.set(DRM_HALYARD_DORY_EPSILON, std::bit_cast<std::uint32_t>(norm.epsilon));
  }
  void operator()(const lowering::Quantize& quantize) const {
    writer_.set(DRM_HALYARD_DORY_AXIS, quantize.axis);
    set_zero_point(quantize.zero_point);
  }
  // Not this chip's.
  void operator()(const lowering::Rotate& /*rotate*/) const {}
  void operator()(lowering::Function /*function*/) const {}
  void operator()(const lowering::Order& /*order*/) const {}
  void operator()(halyard_format /*format*/) const {}

 private:
  void set_zero_point(std::int32_t zero_point) const {
    writer_.set(DRM_HALYARD_DORY_ZERO_POINT, static_cast<std::uint32_t>(zero_point));
  }
  template <class Window>
  void set_padding(const Window& w) const {
    writer_.set(DRM_HALYARD_DORY_PAD_BEFORE, rows_and_columns(w.pad_top, w.pad_left));
    writer_.set(DRM_HALYARD_DORY_PAD_AFTER, rows_and_columns(w.pad_bottom, w.pad_right));
  }

  Writer& writer_;
};

void set_operand(Writer& writer, drm_halyard_dory_operand name, const lowering::Operand& operand) {
  const std::uint32_t first = DRM_HALYARD_DORY_OPERAND(static_cast<std::uint32_t>(name));
  if (operand.rank == 0) {
    writer.set(first + DRM_HALYARD_DORY_FORMAT, 0);
    return;
  }
  writer.set(first + DRM_HALYARD_DORY_FORMAT,
             format_word(chip_dtype(operand.dtype), operand.rank, operand.binding));
  writer.set(first + DRM_HALYARD_DORY_OFFSET, static_cast<std::uint32_t>(operand.offset));
  for (std::uint32_t d = 0; d < operand.rank; ++d) {
    writer.set(first + DRM_HALYARD_DORY_DIM(d), operand.dims[d]);
    writer.set(first + DRM_HALYARD_DORY_STRIDE(d), static_cast<std::uint32_t>(operand.strides[d]));
  }
}

std::string refuse(const lowering::Command& command) {
  for (const auto& operand : command.operands) {
    if (operand.offset > std::numeric_limits<std::uint32_t>::max())
      return "its memory lies beyond the chip's 32-bit offsets";
  }
  return {};
}

}  // namespace

lowering::Capabilities capabilities(const drm_halyard_dory_info& info) {
  lowering::Capabilities chip;
  chip.opcodes = {};
  for (const auto& operation : kOperations) {
    if ((info.opcodes >> operation.opcode & 1) != 0) chip.opcodes.add(operation.from);
  }
  chip.dtypes = {HALYARD_F32, HALYARD_I8, HALYARD_U8, HALYARD_I32};
  chip.max_rank = DRM_HALYARD_DORY_MAX_RANK;
  chip.max_elements = kMaxElements;
  chip.max_bindings = kMaxBindings;
  chip.refuse = refuse;
  return chip;
}

std::vector<std::byte> encode_commands(std::span<const lowering::Command> commands) {
  std::vector<std::byte> stream;
  lowering::VectorSink sink(stream);
  Writer writer(sink);
  for (const auto& command : commands) {
    const auto& operation = operation_of(command.opcode);
    for (std::size_t i = 0; i < command.operands.size(); ++i)
      set_operand(writer, operation.operands[i], command.operands[i]);
    std::visit(SetParams(writer), command.params);
    writer.set(DRM_HALYARD_DORY_TAG, command.node);
    writer.operation(operation.opcode);
  }
  writer.operation(DRM_HALYARD_DORY_OP_END);
  return stream;
}

}  // namespace halyard::hal::dory
