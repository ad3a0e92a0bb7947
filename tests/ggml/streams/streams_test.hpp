// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Tests of each pair of devices, and of each device with itself.

#include <ggml-backend.h>

#include <string>
#include <vector>

namespace halyard::ggml {

/// What all tests of the program share.
struct Session {
  std::vector<ggml_backend_dev_t> devices;
  std::string statistics;  ///< file of the back ends' counters
};

/// Registers the tests. `session` outlives them.
void register_tests(const Session& session);

}  // namespace halyard::ggml
