// SPDX-License-Identifier: MIT
/// \file
/// The table of opcodes: what each takes, how it is checked and which arithmetic it is.

#include <array>
#include <bit>
#include <string>

#include "chips/clipper/command.hpp"
#include "chips/clipper/cost.hpp"
#include "engine/check.hpp"

namespace halyard::emu::clipper {

namespace {

using engine::Activation;
using engine::Arithmetic;
using engine::Binary;
using engine::Tensor;

class ArgumentChecks final : public Arithmetic {
 public:
  std::string matmul(const Tensor& a, const Tensor& b, const Tensor& out,
                     const engine::Epilogue& epilogue) const override {
    return engine::check_matmul(a, b, out, epilogue);
  }
  std::string conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                     const engine::Conv2dParams& params,
                     const engine::Epilogue& epilogue) const override {
    return engine::check_conv2d(in, weight, out, params, epilogue);
  }
  std::string binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                     Activation activation) const override {
    return engine::check_binary(op, a, b, out, activation);
  }
  std::string activate(Activation activation, const Tensor& in, const Tensor& out) const override {
    return engine::check_activate(activation, in, out);
  }
  std::string pool2d(const Tensor& in, const Tensor& out,
                     const engine::PoolParams& params) const override {
    return engine::check_pool2d(in, out, params);
  }
  std::string softmax(const Tensor& in, const Tensor& out) const override {
    return engine::check_softmax(in, out);
  }
  std::string norm(engine::Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                   const Tensor& out, float epsilon) const override {
    return engine::check_norm(kind, in, gain, bias, out, epsilon);
  }
  std::string copy(const Tensor& in, const Tensor& out) const override {
    return engine::check_copy(in, out);
  }
  std::string gather(const Tensor& in, const Tensor& index, const Tensor& out) const override {
    return engine::check_gather(in, index, out);
  }
  std::string quantize(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                       std::int32_t zero_point) const override {
    return engine::check_quantize(in, scale, out, axis, zero_point);
  }
  std::string dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point) const override {
    return engine::check_dequantize(in, scale, out, axis, zero_point);
  }
  std::string requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point) const override {
    return engine::check_requantize(in, scale, out, axis, zero_point);
  }
  std::string fill(const Tensor& out, std::uint32_t /*pattern*/) const override {
    return engine::check_fill(out);
  }
};

// The uAPI's numbers are the arithmetic's: a cast converts once the range is checked.
static_assert(static_cast<unsigned>(Activation::kTanh) == DRM_HALYARD_CLIPPER_ACT_TANH);
static_assert(static_cast<unsigned>(Activation::kRelu) == DRM_HALYARD_CLIPPER_ACT_RELU);
static_assert(static_cast<unsigned>(Binary::kMin) == DRM_HALYARD_CLIPPER_MIN);
static_assert(static_cast<unsigned>(Binary::kAdd) == DRM_HALYARD_CLIPPER_ADD);

std::string check_activation(std::uint32_t activation) {
  if (activation > DRM_HALYARD_CLIPPER_ACT_TANH)
    return "unknown activation " + std::to_string(activation);
  return {};
}

std::string check_nothing(const Command& /*command*/) {
  return {};
}

// ---- Products --------------------------------------------------------------------------------

engine::Epilogue epilogue_of(const drm_halyard_clipper_epilogue& raw, const Tensors& tensors) {
  return {.bias = tensors[2],
          .scale = tensors[3],
          .activation = static_cast<Activation>(raw.activation),
          .zero_point = raw.zero_point};
}

std::string check_matmul(const Command& command) {
  return check_activation(command.params_as<drm_halyard_clipper_epilogue>().activation);
}

std::string matmul(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.matmul(t[0], t[1], t[4],
                       epilogue_of(command.params_as<drm_halyard_clipper_epilogue>(), t));
}

std::string check_conv2d(const Command& command) {
  return check_activation(command.params_as<drm_halyard_clipper_conv2d>().epilogue.activation);
}

std::string conv2d(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_conv2d>();
  const engine::Conv2dParams params{.stride_h = raw.stride_h,
                                    .stride_w = raw.stride_w,
                                    .pad_top = raw.pad_top,
                                    .pad_left = raw.pad_left,
                                    .pad_bottom = raw.pad_bottom,
                                    .pad_right = raw.pad_right,
                                    .dilation_h = raw.dilation_h,
                                    .dilation_w = raw.dilation_w,
                                    .groups = raw.groups};
  return engine.conv2d(t[0], t[1], t[4], params, epilogue_of(raw.epilogue, t));
}

// ---- Elementwise -----------------------------------------------------------------------------

std::string check_binary(const Command& command) {
  const auto raw = command.params_as<drm_halyard_clipper_binary>();
  if (raw.op > DRM_HALYARD_CLIPPER_MIN) return "unknown operation " + std::to_string(raw.op);
  return check_activation(raw.activation);
}

std::string binary(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_binary>();
  return engine.binary(static_cast<Binary>(raw.op), t[0], t[1], t[2],
                       static_cast<Activation>(raw.activation));
}

std::string check_activate(const Command& command) {
  return check_activation(command.params_as<drm_halyard_clipper_activate>().activation);
}

std::string activate(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_activate>();
  return engine.activate(static_cast<Activation>(raw.activation), t[0], t[1]);
}

// ---- Windows and rows ------------------------------------------------------------------------

std::string check_pool2d(const Command& command) {
  const auto raw = command.params_as<drm_halyard_clipper_pool2d>();
  if (raw.kind > 1) return "unknown kind of pooling " + std::to_string(raw.kind);
  if (raw.count_padding > 1) return "count_padding is neither 0 nor 1";
  if (raw.kind == 0 && raw.count_padding != 0) return "count_padding is for averages only";
  return {};
}

std::string pool2d(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_pool2d>();
  const engine::PoolParams params{
      .kind = raw.kind == 0 ? engine::Pool::kMax : engine::Pool::kAverage,
      .kernel_h = raw.kernel_h,
      .kernel_w = raw.kernel_w,
      .stride_h = raw.stride_h,
      .stride_w = raw.stride_w,
      .pad_top = raw.pad_top,
      .pad_left = raw.pad_left,
      .pad_bottom = raw.pad_bottom,
      .pad_right = raw.pad_right,
      .count_padding = raw.count_padding != 0};
  return engine.pool2d(t[0], t[1], params);
}

std::string softmax(const Arithmetic& engine, const Command& /*command*/, const Tensors& t) {
  return engine.softmax(t[0], t[1]);
}

std::string check_norm(const Command& command) {
  const auto raw = command.params_as<drm_halyard_clipper_norm>();
  if (raw.kind > 1) return "unknown kind of norm " + std::to_string(raw.kind);
  if (raw.kind == 1 && command.operands[2].present) return "RMS norm takes no bias";
  return {};
}

std::string norm(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_norm>();
  return engine.norm(raw.kind == 0 ? engine::Norm::kLayer : engine::Norm::kRms, t[0], t[1], t[2],
                     t[3], std::bit_cast<float>(raw.epsilon));
}

// ---- Movement and conversion -----------------------------------------------------------------

std::string copy(const Arithmetic& engine, const Command& /*command*/, const Tensors& t) {
  return engine.copy(t[0], t[1]);
}

std::string gather(const Arithmetic& engine, const Command& /*command*/, const Tensors& t) {
  return engine.gather(t[0], t[1], t[2]);
}

std::string quantize(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_quantize>();
  return engine.quantize(t[0], t[1], t[2], raw.axis, raw.zero_point);
}

std::string dequantize(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_quantize>();
  return engine.dequantize(t[0], t[1], t[2], raw.axis, raw.zero_point);
}

std::string requantize(const Arithmetic& engine, const Command& command, const Tensors& t) {
  const auto raw = command.params_as<drm_halyard_clipper_quantize>();
  return engine.requantize(t[0], t[1], t[2], raw.axis, raw.zero_point);
}

std::string check_fill(const Command& command) {
  const auto pattern = command.params_as<drm_halyard_clipper_fill>().pattern;
  const std::size_t bits = engine::size_of(command.operands[0].tensor.type) * 8;
  if (bits < 32 && pattern >> bits != 0) return "the pattern is wider than an element";
  return {};
}

std::string fill(const Arithmetic& engine, const Command& command, const Tensors& t) {
  return engine.fill(t[0], command.params_as<drm_halyard_clipper_fill>().pattern);
}

// ---- Fences and time -------------------------------------------------------------------------

std::string check_value(const Command& command) {
  const Operand& operand = command.operands[0];
  const engine::Tensor& tensor = operand.tensor;
  if (tensor.type != engine::DType::kI32 || tensor.rank != 1 || tensor.dims[0] != 2 ||
      tensor.strides[0] != 1)
    return "the operand is not two adjacent I32 elements";
  if (operand.first % 8 != 0) return "the operand is not aligned to 8 bytes";
  return {};
}

constexpr std::array<OpcodeInfo, DRM_HALYARD_CLIPPER_NUM_OPCODES> kOpcodes{{
    {"nop", 0, 0, 0, 0, true, false, false, check_nothing, nullptr, nullptr},
    {"matmul", 5, 0b01100, 0, sizeof(drm_halyard_clipper_epilogue), false, true, false,
     check_matmul, matmul, matmul_cycles},
    {"conv2d", 5, 0b01100, 0, sizeof(drm_halyard_clipper_conv2d), false, true, false, check_conv2d,
     conv2d, conv2d_cycles},
    {"binary", 3, 0, 0, sizeof(drm_halyard_clipper_binary), false, true, true, check_binary, binary,
     binary_cycles},
    {"activate", 2, 0, 0, sizeof(drm_halyard_clipper_activate), false, true, true, check_activate,
     activate, activate_cycles},
    {"pool2d", 2, 0, 0, sizeof(drm_halyard_clipper_pool2d), false, true, false, check_pool2d,
     pool2d, pool2d_cycles},
    {"softmax", 2, 0, 0, 0, false, true, false, check_nothing, softmax, transcendental_cycles},
    {"norm", 4, 0b0110, 0, sizeof(drm_halyard_clipper_norm), false, true, false, check_norm, norm,
     transcendental_cycles},
    {"copy", 2, 0, 0, 0, true, true, true, check_nothing, copy, elementwise_cycles},
    {"gather", 3, 0, 0b010, 0, false, true, false, check_nothing, gather, elementwise_cycles},
    {"quantize", 3, 0, 0, sizeof(drm_halyard_clipper_quantize), false, true, false, check_nothing,
     quantize, elementwise_cycles},
    {"dequantize", 3, 0, 0, sizeof(drm_halyard_clipper_quantize), false, true, false, check_nothing,
     dequantize, elementwise_cycles},
    {"requantize", 3, 0, 0, sizeof(drm_halyard_clipper_quantize), false, true, true, check_nothing,
     requantize, elementwise_cycles},
    {"fill", 1, 0, 0, sizeof(drm_halyard_clipper_fill), true, true, false, check_fill, fill,
     elementwise_cycles},
    {"fence_wait", 1, 0, 0, sizeof(drm_halyard_clipper_fence), true, false, false, check_value,
     nullptr, nullptr},
    {"fence_signal", 1, 0, 0, sizeof(drm_halyard_clipper_fence), true, true, false, check_value,
     nullptr, nullptr},
    {"timestamp", 1, 0, 0, 0, true, true, false, check_value, nullptr, nullptr},
}};
static_assert(kOpcodes[DRM_HALYARD_CLIPPER_TIMESTAMP].name != nullptr);

}  // namespace

const OpcodeInfo* find_opcode(std::uint16_t opcode) {
  return opcode < kOpcodes.size() ? &kOpcodes.at(opcode) : nullptr;
}

std::uint64_t implemented_opcodes() {
  return (std::uint64_t{1} << kOpcodes.size()) - 1;
}

const engine::Arithmetic& argument_checks() {
  static const ArgumentChecks checks;
  return checks;
}

}  // namespace halyard::emu::clipper
