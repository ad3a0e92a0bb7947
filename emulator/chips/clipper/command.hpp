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

#include "chips/chip.hpp"
#include "engine/engine.hpp"

namespace halyard::emu::clipper {

inline constexpr std::size_t kCommandSize = sizeof(drm_halyard_clipper_command);
inline constexpr std::size_t kOperandSize = sizeof(drm_halyard_clipper_operand);
static_assert(kCommandSize == 64 && kOperandSize == 64);

/// Operands of the opcode that takes the most.
inline constexpr unsigned kMaxOperands = 5;
/// Bytes from the first to the last element of one operand, and of all operands of a command.
inline constexpr std::uint64_t kMaxOperandBytes = std::uint64_t{1} << 31;
inline constexpr std::uint64_t kMaxCommandBytes = std::uint64_t{1} << 32;

/// A tensor in the client's address space, inside its binding.
struct Operand {
  engine::Tensor tensor;  ///< type and shape; `data` stays null
  bool present = false;
  std::uint64_t first = 0;  ///< virtual address of element (0, ..., 0)
  std::uint64_t begin = 0;  ///< lowest virtual address of an element
  std::uint64_t bytes = 0;  ///< from `begin` to the end of the highest element
  std::uint64_t elements = 0;
};

struct OpcodeInfo;

struct Command {
  const OpcodeInfo* info = nullptr;
  std::uint16_t opcode = 0;
  std::uint32_t tag = 0;
  std::array<std::byte, sizeof(drm_halyard_clipper_command::params)> params{};
  std::array<Operand, kMaxOperands> operands{};
  unsigned count = 0;  ///< operands, absent ones included

  /// The parameters as the opcode's struct.
  template <typename Params>
  [[nodiscard]] Params params_as() const {
    static_assert(sizeof(Params) <= sizeof(params));
    Params value;
    std::memcpy(&value, params.data(), sizeof(value));
    return value;
  }
};

using Tensors = std::array<engine::Tensor, kMaxOperands>;

/// What the hardware knows of an opcode: one row of the table in opcodes.cpp.
struct OpcodeInfo {
  const char* name;
  std::uint8_t operands;  ///< that must follow
  std::uint8_t optional;  ///< bit n: operand n may be absent
  std::uint8_t snapshot;  ///< bit n: operand n is copied before use, as its values are checked
  std::uint8_t params_size;
  bool copy_engine;  ///< copy engines execute it
  bool has_output;   ///< the last operand is written
  bool in_place;     ///< the output may be the very same view as an input

  /// Fields of the parameters and relations that the arithmetic knows nothing of; a reason, or
  /// empty.
  std::string (*check)(const Command& command);
  /// Runs the command's arithmetic by `engine`, which may be one that only checks. Null for
  /// commands without any.
  std::string (*apply)(const engine::Arithmetic& engine, const Command& command,
                       const Tensors& tensors);
  /// Cycles of the computation alone; cost.hpp adds the rest. Null: none.
  std::uint64_t (*compute_cycles)(const Command& command);
};

/// Null for an opcode that this chip does not have.
const OpcodeInfo* find_opcode(std::uint16_t opcode);

/// Bit n: opcode n is implemented.
std::uint64_t implemented_opcodes();

/// An arithmetic that refuses what the real ones refuse and computes nothing.
const engine::Arithmetic& argument_checks();

}  // namespace halyard::emu::clipper
