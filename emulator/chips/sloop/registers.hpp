// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The map of BAR 0.

#include <cstdint>

#include "chips/common/registers.hpp"

namespace halyard::emu::sloop {

enum class Block : std::uint8_t { kGlobal, kEngine, kQueue, kInject };

using RegisterRef = emu::RegisterRef<Block>;

/// `offset` is a multiple of 4.
RegisterRef find_register(std::uint64_t offset);

}  // namespace halyard::emu::sloop
