// SPDX-License-Identifier: MIT
/// \file
/// The table of operations: which each is, where its operands are and how its parameters are read.

#include <array>
#include <bit>
#include <string>

#include "chips/dory/command.hpp"
#include "chips/tensor/check.hpp"

namespace halyard::emu::dory {

namespace {

using engine::Activation;
using engine::Binary;
using tensor::Op;
using tensor::Params;

// The uAPI's numbers are the arithmetic's: a cast converts once the range is checked.
static_assert(static_cast<unsigned>(Activation::kTanh) == DRM_HALYARD_DORY_ACT_TANH);
static_assert(static_cast<unsigned>(Activation::kRelu) == DRM_HALYARD_DORY_ACT_RELU);
static_assert(static_cast<unsigned>(Binary::kMin) == DRM_HALYARD_DORY_MIN);
static_assert(static_cast<unsigned>(Binary::kAdd) == DRM_HALYARD_DORY_ADD);

/// Registers that hold two numbers: rows and columns.
constexpr std::uint32_t rows(std::uint32_t value) {
  return value & 0xffff;
}
constexpr std::uint32_t columns(std::uint32_t value) {
  return value >> 16;
}

std::int32_t zero_point(const State& state) {
  return static_cast<std::int32_t>(state[DRM_HALYARD_DORY_ZERO_POINT]);
}

std::string read_nothing(const State& /*state*/, Params& /*params*/) {
  return {};
}

std::string read_activation(const State& state, Params& params) {
  params.activation = static_cast<Activation>(state[DRM_HALYARD_DORY_ACTIVATION]);
  return tensor::check_activation(state[DRM_HALYARD_DORY_ACTIVATION]);
}

std::string read_matmul(const State& state, Params& params) {
  params.zero_point = zero_point(state);
  return read_activation(state, params);
}

std::string read_conv2d(const State& state, Params& params) {
  params.conv2d = {.stride_h = rows(state[DRM_HALYARD_DORY_STRIDES]),
                   .stride_w = columns(state[DRM_HALYARD_DORY_STRIDES]),
                   .pad_top = rows(state[DRM_HALYARD_DORY_PAD_BEFORE]),
                   .pad_left = columns(state[DRM_HALYARD_DORY_PAD_BEFORE]),
                   .pad_bottom = rows(state[DRM_HALYARD_DORY_PAD_AFTER]),
                   .pad_right = columns(state[DRM_HALYARD_DORY_PAD_AFTER]),
                   .dilation_h = rows(state[DRM_HALYARD_DORY_DILATION]),
                   .dilation_w = columns(state[DRM_HALYARD_DORY_DILATION]),
                   .groups = state[DRM_HALYARD_DORY_GROUPS]};
  return read_matmul(state, params);
}

std::string read_binary(const State& state, Params& params) {
  const std::uint32_t operation = state[DRM_HALYARD_DORY_BINARY];
  params.binary = static_cast<Binary>(operation);
  if (auto reason = tensor::check_binary(operation); !reason.empty()) return reason;
  return read_activation(state, params);
}

std::string read_pool2d(const State& state, Params& params) {
  const std::uint32_t kind = state[DRM_HALYARD_DORY_POOL];
  if (kind > DRM_HALYARD_DORY_POOL_AVERAGE_PADDED)
    return "unknown kind of pooling " + std::to_string(kind);
  params.pool2d = {
      .kind = kind == DRM_HALYARD_DORY_POOL_MAX ? engine::Pool::kMax : engine::Pool::kAverage,
      .kernel_h = rows(state[DRM_HALYARD_DORY_KERNEL]),
      .kernel_w = columns(state[DRM_HALYARD_DORY_KERNEL]),
      .stride_h = rows(state[DRM_HALYARD_DORY_STRIDES]),
      .stride_w = columns(state[DRM_HALYARD_DORY_STRIDES]),
      .pad_top = rows(state[DRM_HALYARD_DORY_PAD_BEFORE]),
      .pad_left = columns(state[DRM_HALYARD_DORY_PAD_BEFORE]),
      .pad_bottom = rows(state[DRM_HALYARD_DORY_PAD_AFTER]),
      .pad_right = columns(state[DRM_HALYARD_DORY_PAD_AFTER]),
      .count_padding = kind == DRM_HALYARD_DORY_POOL_AVERAGE_PADDED};
  return {};
}

std::string read_norm(const State& state, Params& params) {
  const std::uint32_t kind = state[DRM_HALYARD_DORY_NORM];
  if (kind > DRM_HALYARD_DORY_NORM_RMS) return "unknown kind of norm " + std::to_string(kind);
  params.norm = kind == DRM_HALYARD_DORY_NORM_LAYER ? engine::Norm::kLayer : engine::Norm::kRms;
  params.epsilon = std::bit_cast<float>(state[DRM_HALYARD_DORY_EPSILON]);
  return {};
}

std::string read_quantize(const State& state, Params& params) {
  params.axis = state[DRM_HALYARD_DORY_AXIS];
  params.zero_point = zero_point(state);
  return {};
}

std::string read_fill(const State& state, Params& params) {
  params.pattern = state[DRM_HALYARD_DORY_PATTERN];
  return {};
}

constexpr std::uint8_t kIn0 = DRM_HALYARD_DORY_IN0;
constexpr std::uint8_t kIn1 = DRM_HALYARD_DORY_IN1;
constexpr std::uint8_t kBias = DRM_HALYARD_DORY_BIAS;
constexpr std::uint8_t kScale = DRM_HALYARD_DORY_SCALE;
constexpr std::uint8_t kOut = DRM_HALYARD_DORY_OUT;

constexpr std::array<OpcodeInfo, DRM_HALYARD_DORY_NUM_OPCODES> kOpcodes{{
    {},  // 0 is no opcode
    {},  // SET
    {},  // END
    {"matmul", Op::kMatmul, {kIn0, kIn1, kBias, kScale, kOut}, read_matmul},
    {"conv2d", Op::kConv2d, {kIn0, kIn1, kBias, kScale, kOut}, read_conv2d},
    {"binary", Op::kBinary, {kIn0, kIn1, kOut}, read_binary},
    {"activate", Op::kActivate, {kIn0, kOut}, read_activation},
    {"pool2d", Op::kPool2d, {kIn0, kOut}, read_pool2d},
    {"softmax", Op::kSoftmax, {kIn0, kOut}, read_nothing},
    {"norm", Op::kNorm, {kIn0, kScale, kBias, kOut}, read_norm},
    {"copy", Op::kCopy, {kIn0, kOut}, read_nothing},
    {"quantize", Op::kQuantize, {kIn0, kScale, kOut}, read_quantize},
    {"dequantize", Op::kDequantize, {kIn0, kScale, kOut}, read_quantize},
    {"requantize", Op::kRequantize, {kIn0, kScale, kOut}, read_quantize},
    {"fill", Op::kFill, {kOut}, read_fill},
    {"timestamp", Op::kWord, {kOut}, read_nothing},
}};
static_assert(kOpcodes[DRM_HALYARD_DORY_OP_TIMESTAMP].name != nullptr);

}  // namespace

const OpcodeInfo* find_opcode(std::uint32_t opcode) {
  if (opcode >= kOpcodes.size() || kOpcodes.at(opcode).name == nullptr) return nullptr;
  return &kOpcodes.at(opcode);
}

std::uint32_t implemented_opcodes() {
  return (1U << kOpcodes.size()) - 2;
}

}  // namespace halyard::emu::dory
