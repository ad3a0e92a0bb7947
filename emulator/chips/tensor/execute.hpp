// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Runs commands that check.hpp has accepted.

#include <atomic>
#include <cstdint>

#include "chips/chip.hpp"
#include "chips/tensor/command.hpp"

namespace halyard::emu::tensor {

/// Runs an operation that has arithmetic. False with the reason in `fault`: then nothing was
/// written. Once `cancelled` is set, from any thread, nothing is written that has not been yet.
/// Call it under a pin of `space`. Thread-safe; buffers are kept per thread.
bool execute(const Command& command, AddressSpace& space, const std::atomic<bool>& cancelled,
             Fault& fault);

/// The memory of Op::kWord's operand, 8-byte aligned; null with the reason in `fault`.
std::uint64_t* resolve_word(const Command& command, AddressSpace& space, Access access,
                            Fault& fault);

}  // namespace halyard::emu::tensor
