// SPDX-License-Identifier: MIT
#include "chips/clipper/decoder.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "chips/tensor/check.hpp"

namespace halyard::emu::clipper {

namespace {

using tensor::Operand;
using tensor::refuse;
using tensor::refuse_operand;

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

/// What is beyond the rank stands in the fields, too: it is to be zero.
tensor::OperandFields fields_of(const drm_halyard_clipper_operand& raw, engine::DType type) {
  tensor::OperandFields fields{
      .type = type, .rank = raw.rank, .dims = {}, .strides = {}, .offset = raw.offset};
  std::ranges::copy(raw.dims, fields.dims.begin());
  std::ranges::copy(raw.strides, fields.strides.begin());
  return fields;
}
static_assert(DRM_HALYARD_CLIPPER_MAX_RANK == engine::kMaxRank);

bool decode_operand(const drm_halyard_clipper_operand& raw,
                    std::span<const drm_halyard_clipper_binding> bindings, unsigned index,
                    Command& command, Fault& fault) {
  Operand& operand = command.work.operands.at(index);
  operand = Operand{};
  if (raw.dtype == 0) {
    if (!all_zero(raw)) return refuse_operand(fault, index, "is absent, but not all zero");
    if ((command.work.info().optional >> index & 1U) == 0)
      return refuse_operand(fault, index,
                            std::string("may not be absent in ") + command.info->name);
    return true;
  }
  const auto type = dtype_of(raw.dtype);
  if (!type)
    return refuse_operand(fault, index, "has an unknown type " + std::to_string(raw.dtype));
  const tensor::OperandFields fields = fields_of(raw, *type);
  if (!tensor::check_shape(fields, DRM_HALYARD_CLIPPER_MAX_RANK, index, operand, fault))
    return false;
  if (raw.binding >= bindings.size())
    return refuse_operand(fault, index,
                          "refers to binding " + std::to_string(raw.binding) + " of " +
                              std::to_string(bindings.size()));
  const drm_halyard_clipper_binding& binding = bindings[raw.binding];
  const tensor::Window window{.kind = "binding", .address = binding.address, .size = binding.size};
  return tensor::place(fields, window, index, operand, fault);
}

bool check_whole(std::uint32_t engine_class, Command& command, Fault& fault) {
  if (auto reason = command.info->read(command, command.work.params); !reason.empty())
    return refuse(fault, std::string(command.info->name) + ": " + reason);
  if (engine_class == DRM_HALYARD_CLIPPER_ENGINE_COPY &&
      command.opcode == DRM_HALYARD_CLIPPER_COPY &&
      command.work.operands[0].tensor.type != command.work.operands[1].tensor.type)
    return refuse(fault, "copy: a copy engine does not convert types");
  return tensor::check_command(command.work, command.info->name, fault);
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
  command.work.op = command.info->op;
  command.work.params = {};
  const unsigned operands = command.work.info().operands;
  if (raw.operands != operands)
    return refuse(fault, std::string(command.info->name) + " takes " + std::to_string(operands) +
                             " operands, not " + std::to_string(raw.operands));
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
