// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// State registers, and what an opcode makes of them.

#include <dory/dory_regs.h>
#include <drm/halyard_dory.h>

#include <array>
#include <cstdint>
#include <string>

#include "chips/tensor/command.hpp"
#include "chips/tensor/cost.hpp"

namespace halyard::emu::dory {

/// The cost model; the manual states the same numbers. There are no 16-bit types.
inline constexpr tensor::CostModel kCostModel{.command = 64,
                                              .bytes = 16,
                                              .macs_f32 = 32,
                                              .macs_16bit = 32,
                                              .macs_i8 = 256,
                                              .elements = 16,
                                              .transcendentals = 4};

using State = std::array<std::uint32_t, DRM_HALYARD_DORY_NUM_STATE>;

/// What the hardware knows of an operation: one row of the table in opcodes.cpp.
struct OpcodeInfo {
  const char* name = nullptr;  ///< null: not an operation
  tensor::Op op = tensor::Op::kNone;
  /// The state's operands in the order of tensor::Op's.
  std::array<std::uint8_t, tensor::kMaxOperands> operands{};
  /// From the state to the operation's parameters; a reason, or empty.
  std::string (*read)(const State& state, tensor::Params& params) = nullptr;
};

/// Null for an opcode that is not one of an operation.
const OpcodeInfo* find_opcode(std::uint32_t opcode);

/// Bit n: opcode n is implemented.
std::uint32_t implemented_opcodes();

}  // namespace halyard::emu::dory
