// SPDX-License-Identifier: MIT
/// \file
/// The table of opcodes: which operation each is, which operands and fields it uses.

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string>

#include "chips/sloop/command.hpp"
#include "chips/tensor/check.hpp"

namespace halyard::emu::sloop {

namespace {

using engine::Activation;
using engine::Binary;
using tensor::Op;
using tensor::refuse;
using tensor::refuse_operand;
using Raw = drm_halyard_sloop_task;
using RawOperand = drm_halyard_sloop_operand;
using Role = RawOperand Raw::*;

// The uAPI's numbers are the arithmetic's: a cast converts once the range is checked.
static_assert(static_cast<unsigned>(Activation::kTanh) == DRM_HALYARD_SLOOP_ACT_TANH);
static_assert(static_cast<unsigned>(Activation::kRelu) == DRM_HALYARD_SLOOP_ACT_RELU);
static_assert(static_cast<unsigned>(engine::Function::kExp) == DRM_HALYARD_SLOOP_EXP);
static_assert(static_cast<unsigned>(engine::Function::kFloor) == DRM_HALYARD_SLOOP_FLOOR);
static_assert(static_cast<unsigned>(engine::Function::kSign) == DRM_HALYARD_SLOOP_SIGN);
static_assert(static_cast<unsigned>(Binary::kMin) == DRM_HALYARD_SLOOP_MIN);
static_assert(static_cast<unsigned>(Binary::kAdd) == DRM_HALYARD_SLOOP_ADD);
static_assert(static_cast<unsigned>(engine::Format::kQ40) == DRM_HALYARD_SLOOP_Q4_0);
static_assert(static_cast<unsigned>(engine::Format::kTq20) == DRM_HALYARD_SLOOP_TQ2_0);
static_assert(engine::kNumFormats == DRM_HALYARD_SLOOP_TQ2_0);
static_assert(DRM_HALYARD_SLOOP_MAX_RANK == engine::kMaxRank);

/// Fields besides opcode and tag.
enum Field : unsigned {
  kFunction = 1U << 0,
  kActivation = 1U << 1,
  kZeroPoint = 1U << 2,
  kAxis = 1U << 3,
  kEpsilon = 1U << 4,
  kPattern = 1U << 5,
  kKernel = 1U << 6,
  kStride = 1U << 7,
  kDilation = 1U << 8,
  kPadding = 1U << 9,
  kGroups = 1U << 10,
};
constexpr unsigned kProduct = kActivation | kZeroPoint;
constexpr unsigned kScaled = kAxis | kZeroPoint;

struct Opcode {
  const char* name;
  Op op;
  unsigned fields;                               ///< that it uses
  std::array<Role, tensor::kMaxOperands> roles;  ///< in the operation's order; null: no more
};

constexpr std::array<Role, 5> kRoles = {&Raw::out, &Raw::a, &Raw::b, &Raw::bias, &Raw::scale};

constexpr std::array<Opcode, DRM_HALYARD_SLOOP_NUM_OPCODES> kOpcodes{{
    {"nop", Op::kNone, 0, {}},
    {"matmul", Op::kMatmul, kProduct, {&Raw::a, &Raw::b, &Raw::bias, &Raw::scale, &Raw::out}},
    {"conv2d",
     Op::kConv2d,
     kProduct | kStride | kDilation | kPadding | kGroups,
     {&Raw::a, &Raw::b, &Raw::bias, &Raw::scale, &Raw::out}},
    {"binary", Op::kBinary, kFunction | kActivation, {&Raw::a, &Raw::b, &Raw::out}},
    {"activate", Op::kActivate, kActivation, {&Raw::a, &Raw::out}},
    {"pool2d", Op::kPool2d, kFunction | kKernel | kStride | kPadding, {&Raw::a, &Raw::out}},
    {"softmax", Op::kSoftmax, 0, {&Raw::a, &Raw::out}},
    {"norm", Op::kNorm, kFunction | kEpsilon, {&Raw::a, &Raw::scale, &Raw::bias, &Raw::out}},
    {"copy", Op::kCopy, 0, {&Raw::a, &Raw::out}},
    {"gather", Op::kGather, 0, {&Raw::a, &Raw::b, &Raw::out}},
    {"quantize", Op::kQuantize, kScaled, {&Raw::a, &Raw::scale, &Raw::out}},
    {"dequantize", Op::kDequantize, kScaled, {&Raw::a, &Raw::scale, &Raw::out}},
    {"requantize", Op::kRequantize, kScaled, {&Raw::a, &Raw::scale, &Raw::out}},
    {"fill", Op::kFill, kPattern, {&Raw::out}},
    {"timestamp", Op::kWord, 0, {&Raw::out}},
    {"rotate", Op::kRotate, kPattern, {&Raw::a, &Raw::b, &Raw::out}},
    {"scatter", Op::kScatter, 0, {&Raw::a, &Raw::b, &Raw::out}},
    {"unpack", Op::kUnpack, kFunction, {&Raw::a, &Raw::out}},
    {"function", Op::kFunction, kFunction, {&Raw::a, &Raw::out}},
    {"order", Op::kOrder, kFunction, {&Raw::a, &Raw::out}},
    {"linear", Op::kLinear, kFunction, {&Raw::a, &Raw::b, &Raw::out}},
}};
static_assert(kOpcodes[DRM_HALYARD_SLOOP_LINEAR].name != nullptr);

const char* name_of(Role role) {
  constexpr std::array<const char*, kRoles.size()> kNames = {"out", "a", "b", "bias", "scale"};
  return kNames.at(static_cast<std::size_t>(std::ranges::find(kRoles, role) - kRoles.begin()));
}

bool all_zero(const RawOperand& raw) {
  const auto bytes = std::as_bytes(std::span(&raw, 1));
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

/// Names a field that the opcode does not use and that is not zero, or null.
const char* stray_field(const Raw& raw, unsigned used) {
  struct Check {
    unsigned field;
    std::uint32_t bits;
    const char* name;
  };
  const auto bits = [](auto... values) { return (std::uint32_t{0} | ... | std::uint32_t{values}); };
  const Check checks[] = {
      {kFunction, raw.function, "function"},
      {kActivation, raw.activation, "activation"},
      {kZeroPoint, std::bit_cast<std::uint32_t>(raw.zero_point), "zero_point"},
      {kAxis, raw.axis, "axis"},
      {kEpsilon, raw.epsilon, "epsilon"},
      {kPattern, raw.pattern, "pattern"},
      {kKernel, bits(raw.kernel_h, raw.kernel_w), "kernel"},
      {kStride, bits(raw.stride_h, raw.stride_w), "stride"},
      {kDilation, bits(raw.dilation_h, raw.dilation_w), "dilation"},
      {kPadding, bits(raw.pad_top, raw.pad_left, raw.pad_bottom, raw.pad_right), "pad"},
      {kGroups, raw.groups, "groups"},
      {0, bits(raw.reserved[0], raw.reserved[1], raw.reserved[2], raw.reserved[3]), "reserved"},
  };
  for (const Check& check : checks) {
    if ((used & check.field) == 0 && check.bits != 0) return check.name;
  }
  return nullptr;
}

std::optional<engine::DType> dtype_of(std::uint8_t raw) {
  switch (raw) {
    case DRM_HALYARD_SLOOP_F32:
      return engine::DType::kF32;
    case DRM_HALYARD_SLOOP_F16:
      return engine::DType::kF16;
    case DRM_HALYARD_SLOOP_BF16:
      return engine::DType::kBF16;
    case DRM_HALYARD_SLOOP_I8:
      return engine::DType::kI8;
    case DRM_HALYARD_SLOOP_U8:
      return engine::DType::kU8;
    case DRM_HALYARD_SLOOP_I32:
      return engine::DType::kI32;
    default:
      return std::nullopt;
  }
}

// ---- Parameters
// ----------------------------------------------------------------------------------

std::string read_function(const Raw& raw, Op op, tensor::Params& params) {
  const auto unknown = [&] { return "unknown function " + std::to_string(raw.function); };
  switch (op) {
    case Op::kBinary:
      params.binary = static_cast<Binary>(raw.function);
      return tensor::check_binary(raw.function);
    case Op::kFunction:
      params.function = static_cast<engine::Function>(raw.function);
      return tensor::check_function(raw.function);
    case Op::kOrder:
      params.descending = raw.function != 0;
      return raw.function > 1 ? unknown() : std::string{};
    case Op::kPool2d:
      if (raw.function > DRM_HALYARD_SLOOP_POOL_AVERAGE_PADDED) return unknown();
      params.pool2d.kind =
          raw.function == DRM_HALYARD_SLOOP_POOL_MAX ? engine::Pool::kMax : engine::Pool::kAverage;
      params.pool2d.count_padding = raw.function == DRM_HALYARD_SLOOP_POOL_AVERAGE_PADDED;
      return {};
    case Op::kNorm:
      if (raw.function > DRM_HALYARD_SLOOP_NORM_RMS) return unknown();
      params.norm =
          raw.function == DRM_HALYARD_SLOOP_NORM_LAYER ? engine::Norm::kLayer : engine::Norm::kRms;
      return {};
    case Op::kUnpack:
    case Op::kLinear:
      params.format = static_cast<engine::Format>(raw.function);
      return tensor::check_format(raw.function);
    default:
      return {};
  }
}

void read_windows(const Raw& raw, tensor::Params& params) {
  params.conv2d = {.stride_h = raw.stride_h,
                   .stride_w = raw.stride_w,
                   .pad_top = raw.pad_top,
                   .pad_left = raw.pad_left,
                   .pad_bottom = raw.pad_bottom,
                   .pad_right = raw.pad_right,
                   .dilation_h = raw.dilation_h,
                   .dilation_w = raw.dilation_w,
                   .groups = raw.groups};
  params.pool2d = {.kind = params.pool2d.kind,
                   .kernel_h = raw.kernel_h,
                   .kernel_w = raw.kernel_w,
                   .stride_h = raw.stride_h,
                   .stride_w = raw.stride_w,
                   .pad_top = raw.pad_top,
                   .pad_left = raw.pad_left,
                   .pad_bottom = raw.pad_bottom,
                   .pad_right = raw.pad_right,
                   .count_padding = params.pool2d.count_padding};
}

/// A reason, or empty.
std::string read_params(const Raw& raw, const Opcode& opcode, tensor::Params& params) {
  params = {};
  if (const char* stray = stray_field(raw, opcode.fields))
    return std::string(stray) + " is not zero";
  params.activation = static_cast<Activation>(raw.activation);
  params.zero_point = raw.zero_point;
  params.epsilon = std::bit_cast<float>(raw.epsilon);
  params.axis = raw.axis;
  params.pattern = raw.pattern;
  params.factor = std::bit_cast<float>(raw.pattern);
  if (auto reason = read_function(raw, opcode.op, params); !reason.empty()) return reason;
  read_windows(raw, params);
  return tensor::check_activation(raw.activation);
}

// ---- Operands
// ------------------------------------------------------------------------------------

bool decode_operand(const RawOperand& raw, std::span<const drm_halyard_sloop_binding> bindings,
                    const Opcode& opcode, unsigned index, Task& task, Fault& fault) {
  tensor::Operand& operand = task.work.operands.at(index);
  operand = {};
  if (raw.dtype == 0) {
    if (!all_zero(raw)) return refuse_operand(fault, index, "is absent, but not all zero");
    if ((task.work.info().optional >> index & 1U) != 0) return true;
    return refuse_operand(fault, index, std::string("may not be absent in ") + opcode.name);
  }
  const auto type = dtype_of(raw.dtype);
  if (!type)
    return refuse_operand(fault, index, "has an unknown type " + std::to_string(raw.dtype));
  if (raw.pad != 0) return refuse_operand(fault, index, "has padding that is not zero");
  tensor::OperandFields fields{
      .type = *type, .rank = raw.rank, .dims = {}, .strides = {}, .offset = raw.offset};
  std::ranges::copy(raw.dims, fields.dims.begin());
  std::ranges::copy(raw.strides, fields.strides.begin());
  if (!tensor::check_shape(fields, DRM_HALYARD_SLOOP_MAX_RANK, index, operand, fault)) return false;
  if (raw.binding >= bindings.size())
    return refuse_operand(fault, index,
                          "refers to binding " + std::to_string(raw.binding) + " of " +
                              std::to_string(bindings.size()));
  const drm_halyard_sloop_binding& binding = bindings[raw.binding];
  return tensor::place(fields,
                       {.kind = "binding", .address = binding.address, .size = binding.size}, index,
                       operand, fault);
}

bool decode_operands(const Raw& raw, std::span<const drm_halyard_sloop_binding> bindings,
                     const Opcode& opcode, Task& task, Fault& fault) {
  for (const Role role : kRoles) {
    if (std::ranges::find(opcode.roles, role) == opcode.roles.end() && !all_zero(raw.*role))
      return refuse(fault, std::string(opcode.name) + " takes no operand " + name_of(role));
  }
  for (unsigned i = 0; i < opcode.roles.size() && opcode.roles.at(i) != nullptr; ++i) {
    if (!decode_operand(raw.*opcode.roles.at(i), bindings, opcode, i, task, fault)) return false;
  }
  return true;
}

}  // namespace

bool decode_task(const Raw& raw, std::span<const drm_halyard_sloop_binding> bindings, Task& task,
                 Fault& fault) {
  task.opcode = raw.opcode;
  task.tag = raw.tag;
  if (raw.opcode >= kOpcodes.size())
    return refuse(fault, "unknown opcode " + std::to_string(raw.opcode));
  const Opcode& opcode = kOpcodes.at(raw.opcode);
  task.work.op = opcode.op;
  if (auto reason = read_params(raw, opcode, task.work.params); !reason.empty())
    return refuse(fault, std::string(opcode.name) + ": " + reason);
  return decode_operands(raw, bindings, opcode, task, fault) &&
         tensor::check_command(task.work, opcode.name, fault);
}

std::uint32_t implemented_opcodes() {
  return (1U << kOpcodes.size()) - 1;
}

}  // namespace halyard::emu::sloop
