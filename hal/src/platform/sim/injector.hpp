// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Failures on request: HALYARD_SIM_INJECT.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/platform.hpp"

namespace halyard::hal::sim {

/// What goes wrong in one job.
struct Injection {
  halyard_status status = HALYARD_OK;
  std::uint64_t job =
      0;  ///< number of the job on the device, from 1, in the order in which jobs are started
  std::uint32_t command = 0;  ///< index of the command before which it fails
};

/// Failures to inject: a comma-separated list of <cause>@<job>[:<command>], where the cause is
/// hang, fault, illegal, memory or lost. Throws Error(HALYARD_INVALID_ARGUMENT) that shows what is
/// not understood.
class Injector {
 public:
  explicit Injector(const std::string& text);

  [[nodiscard]] bool empty() const { return injections_.empty(); }
  /// What is to happen to this job.
  [[nodiscard]] std::optional<Injection> find(std::uint64_t job) const;

 private:
  std::vector<Injection> injections_;
};

}  // namespace halyard::hal::sim
