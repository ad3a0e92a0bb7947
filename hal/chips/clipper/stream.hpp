// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Writing and reading of the chip's command streams.

#include <drm/halyard_clipper.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace halyard::hal::clipper {

using Command = drm_halyard_clipper_command;
using Operand = drm_halyard_clipper_operand;
using HwBinding = drm_halyard_clipper_binding;
using Payload = drm_halyard_clipper_payload;

static_assert(sizeof(Command) == 64 && sizeof(Operand) == 64);

/// Size of one command in a stream.
constexpr std::size_t command_size(std::size_t operands) {
  return sizeof(Command) + operands * sizeof(Operand);
}

template <class Params>
Command make_command(drm_halyard_clipper_opcode opcode, std::uint32_t tag, const Params& params) {
  static_assert(sizeof(Params) <= sizeof(Command::params));
  Command command{};
  command.opcode = static_cast<std::uint16_t>(opcode);
  command.tag = tag;
  std::memcpy(command.params, &params, sizeof(params));
  return command;
}

inline Command make_command(drm_halyard_clipper_opcode opcode, std::uint32_t tag) {
  Command command{};
  command.opcode = static_cast<std::uint16_t>(opcode);
  command.tag = tag;
  return command;
}

/// `count` neighbouring elements.
inline Operand linear_operand(drm_halyard_clipper_dtype dtype, std::uint32_t binding,
                              std::uint64_t offset, std::uint32_t count) {
  Operand operand{};
  operand.offset = offset;
  operand.binding = binding;
  operand.dtype = static_cast<std::uint16_t>(dtype);
  operand.rank = 1;
  operand.dims[0] = count;
  operand.strides[0] = 1;
  return operand;
}

/// A 64-bit cell for timestamps and fences.
inline Operand cell_operand(std::uint32_t binding, std::uint64_t offset) {
  return linear_operand(DRM_HALYARD_CLIPPER_I32, binding, offset, 2);
}

template <class Sink>
void append_command(Sink& sink, Command command, std::span<const Operand> operands) {
  command.operands = static_cast<std::uint16_t>(operands.size());
  sink.append(std::as_bytes(std::span(&command, 1)));
  sink.append(std::as_bytes(operands));
}

template <class Sink, std::size_t N>
void append_command(Sink& sink, const Command& command, const std::array<Operand, N>& operands) {
  append_command(sink, command, std::span<const Operand>(operands));
}

}  // namespace halyard::hal::clipper
