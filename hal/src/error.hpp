// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The one exception type inside the library. It never crosses the C interface: api.cpp turns it
/// into a status and the thread's last error.

#include <halyard/halyard.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace halyard::hal {

struct ErrorDetails {
  int system_error = 0;
  std::string device;
  std::uint32_t queue = 0;
  std::uint32_t command = HALYARD_NO_COMMAND;
  std::uint64_t fault_address = 0;
  bool fault_write = false;
  std::string command_name;
};

class Error : public std::runtime_error {
 public:
  Error(halyard_status status, const std::string& message, ErrorDetails details = {})
      : std::runtime_error(message), status_(status), details_(std::move(details)) {}

  [[nodiscard]] halyard_status status() const { return status_; }
  [[nodiscard]] const ErrorDetails& details() const { return details_; }
  [[nodiscard]] ErrorDetails& details() { return details_; }

 private:
  halyard_status status_;
  ErrorDetails details_;
};

}  // namespace halyard::hal
