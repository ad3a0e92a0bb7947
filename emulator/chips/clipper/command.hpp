// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A command after it has been copied from memory and checked: nothing in here is read again from
/// the client.

#include <drm/halyard_clipper.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "chips/tensor/command.hpp"
#include "chips/tensor/cost.hpp"

namespace halyard::emu::clipper {

inline constexpr std::size_t kCommandSize = sizeof(drm_halyard_clipper_command);
inline constexpr std::size_t kOperandSize = sizeof(drm_halyard_clipper_operand);
static_assert(kCommandSize == 64 && kOperandSize == 64);

using tensor::kMaxOperands;

/// The cost model; the manual states the same numbers.
inline constexpr tensor::CostModel kCostModel{.command = 64,
                                              .bytes = 64,
                                              .macs_f32 = 256,
                                              .macs_16bit = 1024,
                                              .macs_i8 = 2048,
                                              .elements = 64,
                                              .transcendentals = 16};

struct OpcodeInfo;

struct Command {
  const OpcodeInfo* info = nullptr;
  std::uint16_t opcode = 0;
  std::uint32_t tag = 0;
  unsigned count = 0;  ///< operands, absent ones included
  std::array<std::byte, sizeof(drm_halyard_clipper_command::params)> params{};
  tensor::Command work;

  /// The parameters as the opcode's struct.
  template <typename Params>
  [[nodiscard]] Params params_as() const {
    static_assert(sizeof(Params) <= sizeof(params));
    Params value;
    std::memcpy(&value, params.data(), sizeof(value));
    return value;
  }
};

/// What the hardware knows of an opcode: one row of the table in opcodes.cpp.
struct OpcodeInfo {
  const char* name;
  tensor::Op op;
  std::uint8_t params_size;
  bool copy_engine;  ///< copy engines execute it

  /// From the opcode's parameters to those of the operation; a reason, or empty.
  std::string (*read)(const Command& command, tensor::Params& params);
};

/// Null for an opcode that this chip does not have.
const OpcodeInfo* find_opcode(std::uint16_t opcode);

/// Bit n: opcode n is implemented.
std::uint64_t implemented_opcodes();

}  // namespace halyard::emu::clipper
