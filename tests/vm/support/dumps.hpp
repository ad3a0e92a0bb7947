// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the kernel keeps of failures, as `halyard dump` prints it.

#include <cstdint>
#include <string>

namespace halyard::test {

/// Makes room for a new one: the kernel keeps the first of each device.
void drop_dumps();

/// A dump: waited for, read, printed and dropped, so that the next failure is kept.
class TakenDump {
 public:
  /// Throws when there is none within 20 seconds, or when the tool refuses it.
  TakenDump();

  /// All that the tool printed.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool has(const std::string& section) const;
  /// What the line of this name says in a section; empty when there is none.
  [[nodiscard]] std::string line(const std::string& section, const std::string& name) const;
  /// A number of a section; throws when it is not there.
  [[nodiscard]] std::uint64_t value(const std::string& section, const std::string& name) const;
  /// Bytes of a copy of memory, as its section's head says.
  [[nodiscard]] std::uint64_t size(const std::string& section) const;
  /// The 32-bit word at an offset in a copy of memory.
  [[nodiscard]] std::uint32_t word(const std::string& section, std::uint64_t offset) const;

 private:
  /// A section without its head.
  [[nodiscard]] std::string body(const std::string& section) const;
  [[nodiscard]] std::string head(const std::string& section) const;

  std::string text_;
};

}  // namespace halyard::test
