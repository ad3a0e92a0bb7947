// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the kernel tells of its devices, as udev hears it.

#include <string>

#include "client.hpp"

namespace halyard::test {

/// Hears all from its making on.
class Uevents {
 public:
  Uevents();

  /// Waits for an event of an accel node ("accel0") that has this property ("NAME=value"); false
  /// when none comes within a minute.
  [[nodiscard]] bool await(const std::string& node, const std::string& property) const;

 private:
  File socket_;
};

}  // namespace halyard::test
