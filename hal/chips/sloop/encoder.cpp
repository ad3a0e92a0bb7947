// SPDX-License-Identifier: MIT
// Lowered commands in the chip's own form.

#include "encoder.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "lowering/sinks.hpp"
#include "task.hpp"

namespace halyard::hal::sloop {
namespace {

using lowering::Activation;
using lowering::BinaryOp;
using lowering::Opcode;

// These two enumerations have the same numbers here and there.
static_assert(DRM_HALYARD_SLOOP_ACT_NONE == static_cast<int>(Activation::kNone));
static_assert(DRM_HALYARD_SLOOP_ACT_RELU == static_cast<int>(Activation::kRelu));
static_assert(DRM_HALYARD_SLOOP_ACT_GELU == static_cast<int>(Activation::kGelu));
static_assert(DRM_HALYARD_SLOOP_ACT_SILU == static_cast<int>(Activation::kSilu));
static_assert(DRM_HALYARD_SLOOP_ACT_SIGMOID == static_cast<int>(Activation::kSigmoid));
static_assert(DRM_HALYARD_SLOOP_ACT_TANH == static_cast<int>(Activation::kTanh));
static_assert(DRM_HALYARD_SLOOP_ADD == static_cast<int>(BinaryOp::kAdd));
static_assert(DRM_HALYARD_SLOOP_SUB == static_cast<int>(BinaryOp::kSub));
static_assert(DRM_HALYARD_SLOOP_MUL == static_cast<int>(BinaryOp::kMul));
static_assert(DRM_HALYARD_SLOOP_DIV == static_cast<int>(BinaryOp::kDiv));
static_assert(DRM_HALYARD_SLOOP_MAX == static_cast<int>(BinaryOp::kMax));
static_assert(DRM_HALYARD_SLOOP_EXP == static_cast<int>(lowering::Function::kExp));
static_assert(DRM_HALYARD_SLOOP_FLOOR == static_cast<int>(lowering::Function::kFloor));
static_assert(DRM_HALYARD_SLOOP_SIGN == static_cast<int>(lowering::Function::kSign));
static_assert(DRM_HALYARD_SLOOP_MIN == static_cast<int>(BinaryOp::kMin));

/// A member of the task that takes an operand.
using Member = Operand Task::*;

/// A kind of task, and which of its operands a lowered command's are, in their order.
struct TaskKind {
  Opcode from;
  drm_halyard_sloop_opcode opcode;
  std::array<Member, 5> operands;  ///< null: no more
};

constexpr TaskKind kTaskKinds[] = {
    {Opcode::kMatmul,
     DRM_HALYARD_SLOOP_MATMUL,
     {&Task::a, &Task::b, &Task::bias, &Task::scale, &Task::out}},
    {Opcode::kConv2d,
     DRM_HALYARD_SLOOP_CONV2D,
     {&Task::a, &Task::b, &Task::bias, &Task::scale, &Task::out}},
    {Opcode::kBinary, DRM_HALYARD_SLOOP_BINARY, {&Task::a, &Task::b, &Task::out}},
    {Opcode::kActivate, DRM_HALYARD_SLOOP_ACTIVATE, {&Task::a, &Task::out}},
    {Opcode::kPool2d, DRM_HALYARD_SLOOP_POOL2D, {&Task::a, &Task::out}},
    {Opcode::kSoftmax, DRM_HALYARD_SLOOP_SOFTMAX, {&Task::a, &Task::out}},
    {Opcode::kNorm, DRM_HALYARD_SLOOP_NORM, {&Task::a, &Task::scale, &Task::bias, &Task::out}},
    {Opcode::kCopy, DRM_HALYARD_SLOOP_COPY, {&Task::a, &Task::out}},
    {Opcode::kGather, DRM_HALYARD_SLOOP_GATHER, {&Task::a, &Task::b, &Task::out}},
    {Opcode::kQuantize, DRM_HALYARD_SLOOP_QUANTIZE, {&Task::a, &Task::scale, &Task::out}},
    {Opcode::kDequantize, DRM_HALYARD_SLOOP_DEQUANTIZE, {&Task::a, &Task::scale, &Task::out}},
    {Opcode::kRequantize, DRM_HALYARD_SLOOP_REQUANTIZE, {&Task::a, &Task::scale, &Task::out}},
    {Opcode::kRotate, DRM_HALYARD_SLOOP_ROTATE, {&Task::a, &Task::b, &Task::out}},
    {Opcode::kScatter, DRM_HALYARD_SLOOP_SCATTER, {&Task::a, &Task::b, &Task::out}},
    {Opcode::kUnpack, DRM_HALYARD_SLOOP_UNPACK, {&Task::a, &Task::out}},
    {Opcode::kFunction, DRM_HALYARD_SLOOP_FUNCTION, {&Task::a, &Task::out}},
    {Opcode::kOrder, DRM_HALYARD_SLOOP_ORDER, {&Task::a, &Task::out}},
    {Opcode::kLinear, DRM_HALYARD_SLOOP_LINEAR, {&Task::a, &Task::b, &Task::out}},
    {Opcode::kTimestamp, DRM_HALYARD_SLOOP_TIMESTAMP, {&Task::out}},
};

const TaskKind& kind_of(Opcode opcode) {
  return *std::find_if(std::begin(kTaskKinds), std::end(kTaskKinds),
                       [&](const TaskKind& kind) { return kind.from == opcode; });
}

drm_halyard_sloop_dtype chip_dtype(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
      return DRM_HALYARD_SLOOP_F32;
    case HALYARD_F16:
      return DRM_HALYARD_SLOOP_F16;
    case HALYARD_BF16:
      return DRM_HALYARD_SLOOP_BF16;
    case HALYARD_I8:
      return DRM_HALYARD_SLOOP_I8;
    case HALYARD_U8:
      return DRM_HALYARD_SLOOP_U8;
    case HALYARD_I32:
      return DRM_HALYARD_SLOOP_I32;
  }
  throw Error(HALYARD_INVALID_ARGUMENT, "unknown element type");
}

Operand chip_operand(const lowering::Operand& in) {
  Operand operand{};
  if (in.rank == 0) return operand;
  operand.offset = in.offset;
  operand.binding = static_cast<std::uint16_t>(in.binding);
  operand.dtype = static_cast<std::uint8_t>(chip_dtype(in.dtype));
  operand.rank = static_cast<std::uint8_t>(in.rank);
  std::copy(in.dims.begin(), in.dims.end(), operand.dims);
  std::copy(in.strides.begin(), in.strides.end(), operand.strides);
  return operand;
}

std::uint16_t narrow(std::uint32_t value) {
  return static_cast<std::uint16_t>(value);
}

/// Fills in the fields of a task's parameters.
class SetParams {
 public:
  explicit SetParams(Task& task) : task_(task) {}

  void operator()(std::monostate /*none*/) const {}
  void operator()(const lowering::Epilogue& epilogue) const {
    (*this)(epilogue.activation);
    task_.zero_point = epilogue.zero_point;
  }
  void operator()(const lowering::Conv2d& conv) const {
    (*this)(conv.epilogue);
    set_window(conv.window);
    task_.dilation_h = narrow(conv.window.dilation_h);
    task_.dilation_w = narrow(conv.window.dilation_w);
    task_.groups = conv.window.groups;
  }
  void operator()(BinaryOp op) const { task_.function = static_cast<std::uint8_t>(op); }
  void operator()(Activation activation) const {
    task_.activation = static_cast<std::uint8_t>(activation);
  }
  void operator()(const lowering::Pool2d& pool) const {
    const auto average = pool.window.count_padding != 0 ? DRM_HALYARD_SLOOP_POOL_AVERAGE_PADDED
                                                        : DRM_HALYARD_SLOOP_POOL_AVERAGE;
    task_.function = static_cast<std::uint8_t>(pool.average ? average : DRM_HALYARD_SLOOP_POOL_MAX);
    set_window(pool.window);
    task_.kernel_h = narrow(pool.window.kernel_h);
    task_.kernel_w = narrow(pool.window.kernel_w);
  }
  void operator()(const lowering::Norm& norm) const {
    task_.function = static_cast<std::uint8_t>(norm.rms ? DRM_HALYARD_SLOOP_NORM_RMS
                                                        : DRM_HALYARD_SLOOP_NORM_LAYER);
    task_.epsilon = std::bit_cast<std::uint32_t>(norm.epsilon);
  }
  void operator()(const lowering::Quantize& quantize) const {
    task_.axis = quantize.axis;
    task_.zero_point = quantize.zero_point;
  }
  void operator()(lowering::Function function) const {
    task_.function = static_cast<std::uint8_t>(function);
  }
  void operator()(const lowering::Order& order) const { task_.function = order.descending ? 1 : 0; }
  void operator()(const lowering::Rotate& rotate) const {
    task_.pattern = std::bit_cast<std::uint32_t>(rotate.factor);
  }
  void operator()(halyard_format format) const {
    task_.function = static_cast<std::uint8_t>(format);
  }

 private:
  template <class Window>
  void set_window(const Window& w) const {
    task_.stride_h = narrow(w.stride_h);
    task_.stride_w = narrow(w.stride_w);
    task_.pad_top = narrow(w.pad_top);
    task_.pad_left = narrow(w.pad_left);
    task_.pad_bottom = narrow(w.pad_bottom);
    task_.pad_right = narrow(w.pad_right);
  }

  Task& task_;
};

}  // namespace

lowering::Capabilities capabilities(const drm_halyard_sloop_info& info) {
  lowering::Capabilities chip;
  for (const auto& kind : kTaskKinds) {
    if ((info.opcodes >> kind.opcode & 1) == 0) chip.opcodes.remove(kind.from);
  }
  chip.max_bindings = info.bindings_max;
  return chip;
}

std::vector<std::byte> encode_commands(std::span<const lowering::Command> commands) {
  std::vector<std::byte> stream;
  lowering::VectorSink sink(stream);
  for (const auto& command : commands) {
    const auto& kind = kind_of(command.opcode);
    auto task = make_task(kind.opcode, command.node);
    for (std::size_t i = 0; i < command.operands.size(); ++i)
      task.*kind.operands[i] = chip_operand(command.operands[i]);
    std::visit(SetParams(task), command.params);
    sink.append(std::as_bytes(std::span(&task, 1)));
  }
  return stream;
}

std::array<const Operand*, 5> operands_of(const Task& task) {
  return {&task.out, &task.a, &task.b, &task.bias, &task.scale};
}

}  // namespace halyard::hal::sloop
