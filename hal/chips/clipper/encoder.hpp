// SPDX-License-Identifier: MIT
#pragma once

#include <drm/halyard_clipper.h>

#include "lowering/capabilities.hpp"
#include "lowering/command.hpp"

namespace halyard::hal::clipper {

/// What this revision of the chip can do.
lowering::Capabilities capabilities(const drm_halyard_clipper_info& info);

/// Appends the chip's form of `commands` to the stream.
void encode_commands(std::span<const lowering::Command> commands, std::vector<std::byte>& stream);

}  // namespace halyard::hal::clipper
