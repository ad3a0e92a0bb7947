// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The commands of a program with the timestamps among them.

#include <cstdint>
#include <string>

#include "lowering/capabilities.hpp"
#include "lowering/command.hpp"

namespace halyard::hal::lowering {

/// With `profile`, timestamps stand before the first command and after each.
class Emitter {
 public:
  Emitter(const Capabilities& chip, bool profile);

  /// Appends a command, of a rank that the chip has if its meaning allows. Returns why the chip
  /// cannot do it; then nothing is appended.
  [[nodiscard]] std::string emit(Command command, const std::string& name);

  /// Bindings, constants and scratch memory are the caller's to fill in.
  [[nodiscard]] ProgramImage& image() { return result_.image; }

  /// Ends with the command that writes the status cell.
  Lowered finish();

 private:
  void emit_timestamp(FixedBinding binding, std::uint64_t offset);

  const Capabilities& chip_;
  const bool profile_;
  Lowered result_;
};

/// Brings the command to a rank that the chip has, and says why the chip cannot do it; empty when
/// it can.
std::string fit(const Capabilities& chip, Command& command);

}  // namespace halyard::hal::lowering
