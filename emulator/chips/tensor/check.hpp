// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// From what a chip read of a command to a Command that may be executed. No arithmetic in here can
/// overflow, whatever the numbers are.

#include <array>
#include <cstdint>
#include <string>

#include "chips/chip.hpp"
#include "chips/tensor/command.hpp"

namespace halyard::emu::tensor {

/// A piece of the job's address space that an operand lies in: a binding, a region, a segment.
struct Window {
  const char* kind;  ///< the chip's word for it
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

/// An operand as a chip's format states it. Dims and strides beyond the rank are zero.
struct OperandFields {
  engine::DType type = engine::DType::kF32;
  unsigned rank = 0;
  std::array<std::uint32_t, engine::kMaxRank> dims{};
  std::array<std::int32_t, engine::kMaxRank> strides{};
  std::uint64_t offset = 0;  ///< bytes from the window's start to element (0, ..., 0)
};

/// Sets cause and text. Returns false.
bool refuse(Fault& fault, std::string text, FaultCause cause = FaultCause::kIllegalCommand);
/// The same of operand `index`: `reason` is the sentence's rest.
bool refuse_operand(Fault& fault, unsigned index, const std::string& reason,
                    FaultCause cause = FaultCause::kIllegalCommand);

/// Rank, at most `max_rank`, and dimensions. False with the reason in `fault`.
bool check_shape(const OperandFields& fields, unsigned max_rank, unsigned index, Operand& operand,
                 Fault& fault);

/// Where the operand lies, which check_shape() has accepted: inside `window`, aligned.
bool place(const OperandFields& fields, const Window& window, unsigned index, Operand& operand,
           Fault& fault);

/// All that concerns more than one operand or the parameters. `name` is the chip's for the command.
bool check_command(const Command& command, const char* name, Fault& fault);

/// Numbers of enumerations, where a chip's are the arithmetic's; a reason, or empty.
std::string check_activation(std::uint32_t activation);
std::string check_function(std::uint32_t function);
std::string check_binary(std::uint32_t operation);
std::string check_format(std::uint32_t format);

/// An arithmetic that refuses what the real ones refuse and computes nothing.
const engine::Arithmetic& argument_checks();

}  // namespace halyard::emu::tensor
