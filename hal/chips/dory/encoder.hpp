// SPDX-License-Identifier: MIT
#pragma once

#include <drm/halyard_dory.h>

#include <cstddef>
#include <span>
#include <vector>

#include "lowering/capabilities.hpp"
#include "lowering/command.hpp"

namespace halyard::hal::dory {

/// What this revision of the chip can do.
lowering::Capabilities capabilities(const drm_halyard_dory_info& info);

/// The chip's form of `commands`, with bindings where regions belong: relocate() makes a job's
/// stream of it.
std::vector<std::byte> encode_commands(std::span<const lowering::Command> commands);

}  // namespace halyard::hal::dory
