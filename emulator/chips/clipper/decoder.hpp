// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// From the bytes of a command to a checked Command. No arithmetic in here can overflow, whatever
/// the bytes are.

#include <drm/halyard_clipper.h>

#include <cstdint>
#include <span>

#include "chips/chip.hpp"
#include "chips/clipper/command.hpp"

namespace halyard::emu::clipper {

/// Fills in all but the operands. False with the reason in `fault` when the command is refused.
bool decode_header(const drm_halyard_clipper_command& raw, std::uint32_t engine_class,
                   Command& command, Fault& fault);

/// Adds the operands to a Command from decode_header() and checks the command as a whole.
bool decode_operands(std::span<const drm_halyard_clipper_operand> raw,
                     std::span<const drm_halyard_clipper_binding> bindings,
                     std::uint32_t engine_class, Command& command, Fault& fault);

}  // namespace halyard::emu::clipper
