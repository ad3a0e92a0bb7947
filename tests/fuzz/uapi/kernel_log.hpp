// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "client.hpp"

namespace halyard::fuzz {

/// What the kernel says from now on.
class KernelLog {
 public:
  KernelLog();
  /// The first line since the last call that tells of a fault in the kernel, if there is one.
  std::optional<std::string> complaint();

 private:
  test::File file_;
};

}  // namespace halyard::fuzz
