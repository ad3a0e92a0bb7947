// SPDX-License-Identifier: MIT
/// \file
/// The table of opcodes: which operation each is, and how its parameters are read.

#include <array>
#include <bit>
#include <string>

#include "chips/clipper/command.hpp"
#include "chips/tensor/check.hpp"

namespace halyard::emu::clipper {

namespace {

using engine::Activation;
using engine::Binary;
using tensor::Op;

// The uAPI's numbers are the arithmetic's: a cast converts once the range is checked.
static_assert(static_cast<unsigned>(Activation::kTanh) == DRM_HALYARD_CLIPPER_ACT_TANH);
static_assert(static_cast<unsigned>(Activation::kRelu) == DRM_HALYARD_CLIPPER_ACT_RELU);
static_assert(static_cast<unsigned>(engine::Function::kExp) == DRM_HALYARD_CLIPPER_EXP);
static_assert(static_cast<unsigned>(engine::Function::kFloor) == DRM_HALYARD_CLIPPER_FLOOR);
static_assert(static_cast<unsigned>(engine::Function::kSign) == DRM_HALYARD_CLIPPER_SIGN);
static_assert(static_cast<unsigned>(Binary::kMin) == DRM_HALYARD_CLIPPER_MIN);
static_assert(static_cast<unsigned>(Binary::kAdd) == DRM_HALYARD_CLIPPER_ADD);
static_assert(static_cast<unsigned>(engine::Format::kQ40) == DRM_HALYARD_CLIPPER_Q4_0);
static_assert(static_cast<unsigned>(engine::Format::kTq20) == DRM_HALYARD_CLIPPER_TQ2_0);
static_assert(engine::kNumFormats == DRM_HALYARD_CLIPPER_TQ2_0);

std::string read_nothing(const Command& /*command*/, tensor::Params& /*params*/) {
  return {};
}

std::string read_epilogue(const drm_halyard_clipper_epilogue& raw, tensor::Params& params) {
  params.activation = static_cast<Activation>(raw.activation);
  params.zero_point = raw.zero_point;
  return tensor::check_activation(raw.activation);
}

std::string read_matmul(const Command& command, tensor::Params& params) {
  return read_epilogue(command.params_as<drm_halyard_clipper_epilogue>(), params);
}

std::string read_conv2d(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_conv2d>();
  params.conv2d = {.stride_h = raw.stride_h,
                   .stride_w = raw.stride_w,
                   .pad_top = raw.pad_top,
                   .pad_left = raw.pad_left,
                   .pad_bottom = raw.pad_bottom,
                   .pad_right = raw.pad_right,
                   .dilation_h = raw.dilation_h,
                   .dilation_w = raw.dilation_w,
                   .groups = raw.groups};
  return read_epilogue(raw.epilogue, params);
}

std::string read_binary(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_binary>();
  params.binary = static_cast<Binary>(raw.op);
  params.activation = static_cast<Activation>(raw.activation);
  if (auto reason = tensor::check_binary(raw.op); !reason.empty()) return reason;
  return tensor::check_activation(raw.activation);
}

std::string read_activate(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_activate>();
  params.activation = static_cast<Activation>(raw.activation);
  return tensor::check_activation(raw.activation);
}

std::string read_pool2d(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_pool2d>();
  if (raw.kind > 1) return "unknown kind of pooling " + std::to_string(raw.kind);
  if (raw.count_padding > 1) return "count_padding is neither 0 nor 1";
  if (raw.kind == 0 && raw.count_padding != 0) return "count_padding is for averages only";
  params.pool2d = {.kind = raw.kind == 0 ? engine::Pool::kMax : engine::Pool::kAverage,
                   .kernel_h = raw.kernel_h,
                   .kernel_w = raw.kernel_w,
                   .stride_h = raw.stride_h,
                   .stride_w = raw.stride_w,
                   .pad_top = raw.pad_top,
                   .pad_left = raw.pad_left,
                   .pad_bottom = raw.pad_bottom,
                   .pad_right = raw.pad_right,
                   .count_padding = raw.count_padding != 0};
  return {};
}

std::string read_norm(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_norm>();
  if (raw.kind > 1) return "unknown kind of norm " + std::to_string(raw.kind);
  params.norm = raw.kind == 0 ? engine::Norm::kLayer : engine::Norm::kRms;
  params.epsilon = std::bit_cast<float>(raw.epsilon);
  return {};
}

std::string read_quantize(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_quantize>();
  params.axis = raw.axis;
  params.zero_point = raw.zero_point;
  return {};
}

std::string read_rotate(const Command& command, tensor::Params& params) {
  params.factor = std::bit_cast<float>(command.params_as<drm_halyard_clipper_rotate>().factor);
  return {};
}

std::string read_blocks(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_blocks>();
  params.format = static_cast<engine::Format>(raw.format);
  return tensor::check_format(raw.format);
}

std::string read_function(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_function>();
  params.function = static_cast<engine::Function>(raw.function);
  return tensor::check_function(raw.function);
}

std::string read_order(const Command& command, tensor::Params& params) {
  const auto raw = command.params_as<drm_halyard_clipper_order>();
  params.descending = raw.descending != 0;
  return raw.descending > 1 ? "descending is neither 0 nor 1" : "";
}

std::string read_fill(const Command& command, tensor::Params& params) {
  params.pattern = command.params_as<drm_halyard_clipper_fill>().pattern;
  return {};
}

constexpr std::array<OpcodeInfo, DRM_HALYARD_CLIPPER_NUM_OPCODES> kOpcodes{{
    {"nop", Op::kNone, 0, true, read_nothing},
    {"matmul", Op::kMatmul, sizeof(drm_halyard_clipper_epilogue), false, read_matmul},
    {"conv2d", Op::kConv2d, sizeof(drm_halyard_clipper_conv2d), false, read_conv2d},
    {"binary", Op::kBinary, sizeof(drm_halyard_clipper_binary), false, read_binary},
    {"activate", Op::kActivate, sizeof(drm_halyard_clipper_activate), false, read_activate},
    {"pool2d", Op::kPool2d, sizeof(drm_halyard_clipper_pool2d), false, read_pool2d},
    {"softmax", Op::kSoftmax, 0, false, read_nothing},
    {"norm", Op::kNorm, sizeof(drm_halyard_clipper_norm), false, read_norm},
    {"copy", Op::kCopy, 0, true, read_nothing},
    {"gather", Op::kGather, 0, false, read_nothing},
    {"quantize", Op::kQuantize, sizeof(drm_halyard_clipper_quantize), false, read_quantize},
    {"dequantize", Op::kDequantize, sizeof(drm_halyard_clipper_quantize), false, read_quantize},
    {"requantize", Op::kRequantize, sizeof(drm_halyard_clipper_quantize), false, read_quantize},
    {"fill", Op::kFill, sizeof(drm_halyard_clipper_fill), true, read_fill},
    {"fence_wait", Op::kWord, sizeof(drm_halyard_clipper_fence), true, read_nothing},
    {"fence_signal", Op::kWord, sizeof(drm_halyard_clipper_fence), true, read_nothing},
    {"timestamp", Op::kWord, 0, true, read_nothing},
    {"rotate", Op::kRotate, sizeof(drm_halyard_clipper_rotate), false, read_rotate},
    {"scatter", Op::kScatter, 0, false, read_nothing},
    {"unpack", Op::kUnpack, sizeof(drm_halyard_clipper_blocks), false, read_blocks},
    {"function", Op::kFunction, sizeof(drm_halyard_clipper_function), false, read_function},
    {"order", Op::kOrder, sizeof(drm_halyard_clipper_order), false, read_order},
    {"linear", Op::kLinear, sizeof(drm_halyard_clipper_blocks), false, read_blocks},
}};
static_assert(kOpcodes[DRM_HALYARD_CLIPPER_LINEAR].name != nullptr);

}  // namespace

const OpcodeInfo* find_opcode(std::uint16_t opcode) {
  return opcode < kOpcodes.size() ? &kOpcodes.at(opcode) : nullptr;
}

std::uint64_t implemented_opcodes() {
  return (std::uint64_t{1} << kOpcodes.size()) - 1;
}

}  // namespace halyard::emu::clipper
