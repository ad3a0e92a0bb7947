// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// \file
/// The kernel's dump of a failure, whose format is <drm/halyard_dump.h>.

namespace halyard::tools {

/// A number and what it is called.
using DumpValue = std::pair<std::string, std::uint64_t>;
using DumpBytes = std::vector<std::byte>;

/// A section, by what its data is like.
struct DumpSection {
  std::string name;
  bool truncated = false;     ///< the kernel had no room for all of it
  std::uint64_t address = 0;  ///< DumpBytes: where the device sees the memory, or 0
  std::variant<std::string, std::vector<DumpValue>, DumpBytes> data;
};

/// A dump.
struct Dump {
  std::uint32_t version = 0;
  std::vector<DumpSection> sections;
};

/// Reads a dump. Throws std::runtime_error, which names what is malformed.
Dump read_dump(std::span<const std::byte> file);

/// Prints a dump for people. Nothing in it reaches a terminal as a control character.
void print_dump(const Dump& dump, std::ostream& out);

}  // namespace halyard::tools
