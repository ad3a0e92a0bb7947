// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The map of BAR 0: which registers there are and what may be done with them.

#include <cstdint>

#include "chips/common/registers.hpp"

namespace halyard::emu::dory {

enum class Block : std::uint8_t { kGlobal, kPerf, kRegion, kInject };

using RegisterRef = emu::RegisterRef<Block>;

/// `offset` is a multiple of 4.
RegisterRef find_register(std::uint64_t offset);

}  // namespace halyard::emu::dory
