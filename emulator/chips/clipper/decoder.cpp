// SPDX-License-Identifier: MIT
#include "chips/clipper/decoder.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace halyard::emu::clipper {

namespace {

/// More than any memory has elements, and small enough to be added up six times.
constexpr std::int64_t kMaxReach = std::int64_t{1} << 50;

bool refuse(Fault& fault, std::string text, FaultCause cause = FaultCause::kIllegalCommand) {
  fault.cause = cause;
  fault.text = std::move(text);
  return false;
}

bool refuse_operand(Fault& fault, unsigned index, const std::string& reason,
                    FaultCause cause = FaultCause::kIllegalCommand) {
  return refuse(fault, "operand " + std::to_string(index) + " " + reason, cause);
}

std::optional<engine::DType> dtype_of(std::uint16_t raw) {
  switch (raw) {
    case DRM_HALYARD_CLIPPER_F32:
      return engine::DType::kF32;
    case DRM_HALYARD_CLIPPER_F16:
      return engine::DType::kF16;
    case DRM_HALYARD_CLIPPER_BF16:
      return engine::DType::kBF16;
    case DRM_HALYARD_CLIPPER_I8:
      return engine::DType::kI8;
    case DRM_HALYARD_CLIPPER_U8:
      return engine::DType::kU8;
    case DRM_HALYARD_CLIPPER_I32:
      return engine::DType::kI32;
    default:
      return std::nullopt;
  }
}

bool all_zero(const drm_halyard_clipper_operand& raw) {
  const auto bytes = std::as_bytes(std::span(&raw, 1));
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

bool decode_shape(const drm_halyard_clipper_operand& raw, unsigned index, Operand& operand,
                  Fault& fault) {
  const auto type = dtype_of(raw.dtype);
  if (!type)
    return refuse_operand(fault, index, "has an unknown type " + std::to_string(raw.dtype));
  if (raw.rank < 1 || raw.rank > DRM_HALYARD_CLIPPER_MAX_RANK)
    return refuse_operand(fault, index, "has rank " + std::to_string(raw.rank));
  operand.tensor.type = *type;
  operand.tensor.rank = raw.rank;
  operand.elements = 1;
  for (unsigned i = 0; i < DRM_HALYARD_CLIPPER_MAX_RANK; ++i) {
    const bool used = i < raw.rank;
    if (used && raw.dims[i] == 0)
      return refuse_operand(fault, index, "has a dimension " + std::to_string(i) + " of zero");
    if (!used && (raw.dims[i] != 0 || raw.strides[i] != 0))
      return refuse_operand(fault, index, "has dims or strides beyond its rank");
    operand.tensor.dims.at(i) = raw.dims[i];
    operand.tensor.strides.at(i) = raw.strides[i];
    if (used && (__builtin_mul_overflow(operand.elements, raw.dims[i], &operand.elements) ||
                 operand.elements > engine::kMaxWork))
      return refuse_operand(fault, index, "has too many elements");
  }
  return true;
}

/// Elements below and above element (0, ..., 0) that the strides reach.
struct Reach {
  std::int64_t below = 0, above = 0;
};

std::optional<Reach> reach_of(const engine::Tensor& tensor) {
  Reach reach;
  for (unsigned i = 0; i < tensor.rank; ++i) {
    // Below 2^32 times at most 2^31: fits.
    const std::int64_t span =
        (std::int64_t{tensor.dims.at(i)} - 1) * std::int64_t{tensor.strides.at(i)};
    if (span > kMaxReach || span < -kMaxReach) return std::nullopt;
    (span < 0 ? reach.below : reach.above) += std::abs(span);
  }
  return reach;
}

bool place(const drm_halyard_clipper_operand& raw, const drm_halyard_clipper_binding& binding,
           unsigned index, Operand& operand, Fault& fault) {
  const std::uint64_t size = engine::size_of(operand.tensor.type);
  const auto outside = [&] {
    fault.address = binding.address + raw.offset;
    return refuse_operand(fault, index, "reaches outside its binding", FaultCause::kOutOfBounds);
  };
  const auto reach = reach_of(operand.tensor);
  if (!reach) return outside();
  const std::uint64_t below = static_cast<std::uint64_t>(reach->below) * size;
  const std::uint64_t above = (static_cast<std::uint64_t>(reach->above) + 1) * size;
  if (raw.offset > binding.size || above > binding.size - raw.offset || below > raw.offset)
    return outside();
  std::uint64_t end = 0;
  if (__builtin_add_overflow(binding.address, raw.offset + above, &end)) return outside();
  operand.first = binding.address + raw.offset;
  operand.begin = operand.first - below;
  operand.bytes = below + above;
  if (operand.first % size != 0)
    return refuse_operand(fault, index, "is not aligned to its elements");
  if (operand.bytes > kMaxOperandBytes) return refuse_operand(fault, index, "spans over 2 GiB");
  return true;
}

bool decode_operand(const drm_halyard_clipper_operand& raw,
                    std::span<const drm_halyard_clipper_binding> bindings, unsigned index,
                    Command& command, Fault& fault) {
  Operand& operand = command.operands.at(index);
  operand = Operand{};
  if (raw.dtype == 0) {
    if (!all_zero(raw)) return refuse_operand(fault, index, "is absent, but not all zero");
    if ((command.info->optional >> index & 1U) == 0)
      return refuse_operand(fault, index,
                            std::string("may not be absent in ") + command.info->name);
    return true;
  }
  if (!decode_shape(raw, index, operand, fault)) return false;
  if (raw.binding >= bindings.size())
    return refuse_operand(fault, index,
                          "refers to binding " + std::to_string(raw.binding) + " of " +
                              std::to_string(bindings.size()));
  operand.present = true;
  return place(raw, bindings[raw.binding], index, operand, fault);
}

/// The arithmetic's own checks, before any memory is touched. They look at shapes, not at elements.
std::string check_arithmetic(const Command& command) {
  alignas(8) static std::byte stand_in[8];
  Tensors tensors{};
  for (unsigned i = 0; i < command.count; ++i) {
    tensors.at(i) = command.operands.at(i).tensor;
    if (command.operands.at(i).present) tensors.at(i).data = stand_in;
  }
  return command.info->apply(argument_checks(), command, tensors);
}

bool check_whole(std::uint32_t engine_class, const Command& command, Fault& fault) {
  std::uint64_t bytes = 0;
  for (const Operand& operand : std::span(command.operands).first(command.count))
    bytes += operand.bytes;
  if (bytes > kMaxCommandBytes) return refuse(fault, "the operands together span over 4 GiB");
  if (auto reason = command.info->check(command); !reason.empty())
    return refuse(fault, std::string(command.info->name) + ": " + reason);
  if (engine_class == DRM_HALYARD_CLIPPER_ENGINE_COPY &&
      command.opcode == DRM_HALYARD_CLIPPER_COPY &&
      command.operands[0].tensor.type != command.operands[1].tensor.type)
    return refuse(fault, "copy: a copy engine does not convert types");
  if (command.info->apply == nullptr) return true;
  if (auto reason = check_arithmetic(command); !reason.empty())
    return refuse(fault, std::string(command.info->name) + ": " + reason);
  return true;
}

}  // namespace

bool decode_header(const drm_halyard_clipper_command& raw, std::uint32_t engine_class,
                   Command& command, Fault& fault) {
  command.opcode = raw.opcode;
  command.tag = raw.tag;
  command.count = 0;
  command.info = find_opcode(raw.opcode);
  if (command.info == nullptr) return refuse(fault, "unknown opcode " + std::to_string(raw.opcode));
  if (engine_class == DRM_HALYARD_CLIPPER_ENGINE_COPY && !command.info->copy_engine)
    return refuse(fault, std::string("copy engines do not execute ") + command.info->name);
  if (raw.operands != command.info->operands)
    return refuse(fault, std::string(command.info->name) + " takes " +
                             std::to_string(command.info->operands) + " operands, not " +
                             std::to_string(raw.operands));
  std::memcpy(command.params.data(), raw.params, sizeof(raw.params));
  const auto rest = std::span(command.params).subspan(command.info->params_size);
  if (!std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; }))
    return refuse(fault, "bytes behind the parameters are not zero");
  command.count = raw.operands;
  return true;
}

bool decode_operands(std::span<const drm_halyard_clipper_operand> raw,
                     std::span<const drm_halyard_clipper_binding> bindings,
                     std::uint32_t engine_class, Command& command, Fault& fault) {
  for (unsigned i = 0; i < command.count; ++i) {
    if (!decode_operand(raw[i], bindings, i, command, fault)) return false;
  }
  return check_whole(engine_class, command, fault);
}

}  // namespace halyard::emu::clipper
