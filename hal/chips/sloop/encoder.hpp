// SPDX-License-Identifier: MIT
#pragma once

#include <drm/halyard_sloop.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "lowering/capabilities.hpp"
#include "lowering/command.hpp"

namespace halyard::hal::sloop {

/// What this revision of the chip can do.
lowering::Capabilities capabilities(const drm_halyard_sloop_info& info);

/// The chip's form of `commands`, one task each.
std::vector<std::byte> encode_commands(std::span<const lowering::Command> commands);

/// The operands of a task, absent ones included.
std::array<const drm_halyard_sloop_operand*, 5> operands_of(const drm_halyard_sloop_task& task);

}  // namespace halyard::hal::sloop
