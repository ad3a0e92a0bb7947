// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What a chip can do, as far as lowering must know. Everything else its encoder refuses.

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>

#include "lowering/command.hpp"

namespace halyard::hal::lowering {

/// A set of an enumeration's values, which are less than 64.
template <class Enum>
class EnumSet {
 public:
  constexpr EnumSet(std::initializer_list<Enum> values) {
    for (const auto value : values)
      add(value);
  }
  constexpr void add(Enum value) { bits_ |= std::uint64_t{1} << static_cast<unsigned>(value); }
  constexpr void remove(Enum value) {
    bits_ &= ~(std::uint64_t{1} << static_cast<unsigned>(value));
  }
  [[nodiscard]] constexpr bool contains(Enum value) const {
    return (bits_ >> static_cast<unsigned>(value) & 1) != 0;
  }

 private:
  std::uint64_t bits_ = 0;
};

using DtypeSet = EnumSet<halyard_dtype>;
using OpcodeSet = EnumSet<Opcode>;
using ActivationSet = EnumSet<Activation>;

inline constexpr DtypeSet kAllDtypes = {HALYARD_F32, HALYARD_F16, HALYARD_BF16,
                                        HALYARD_I8,  HALYARD_U8,  HALYARD_I32};
inline constexpr OpcodeSet kAllOpcodes = {
    Opcode::kMatmul,     Opcode::kConv2d,     Opcode::kBinary, Opcode::kActivate, Opcode::kPool2d,
    Opcode::kSoftmax,    Opcode::kNorm,       Opcode::kCopy,   Opcode::kGather,   Opcode::kQuantize,
    Opcode::kDequantize, Opcode::kRequantize, Opcode::kRotate, Opcode::kScatter,  Opcode::kFunction,
    Opcode::kOrder,      Opcode::kUnpack,     Opcode::kLinear, Opcode::kTimestamp};
inline constexpr ActivationSet kAllActivations = {Activation::kNone,    Activation::kRelu,
                                                  Activation::kGelu,    Activation::kSilu,
                                                  Activation::kSigmoid, Activation::kTanh};

struct Capabilities {
  OpcodeSet opcodes = kAllOpcodes;
  DtypeSet dtypes = kAllDtypes;               ///< of operands of any command
  std::uint32_t max_rank = HALYARD_MAX_RANK;  ///< higher ones are merged where strides allow
  std::uint64_t max_elements = std::numeric_limits<std::int32_t>::max();   ///< of one tensor
  std::uint32_t max_bindings = std::numeric_limits<std::uint32_t>::max();  ///< fixed ones included
  /// From the first byte to the last of one operand, and of a command's together.
  std::uint64_t max_operand_bytes = std::uint64_t{1} << 31U;
  std::uint64_t max_command_bytes = std::uint64_t{1} << 32U;
  /// What the end of a product can do besides.
  bool fuses_bias = true, fuses_scale = true;
  ActivationSet fused_activations = kAllActivations;
  /// Why the chip cannot do a command that all of the above allows; empty when it can. The sentence
  /// goes on after the node's name.
  std::string (*refuse)(const Command& command) = nullptr;
};

/// Why the chip cannot do `command`; empty when it can.
std::string why_not(const Capabilities& chip, const Command& command);

}  // namespace halyard::hal::lowering
