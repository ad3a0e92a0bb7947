// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// One test for each injection of the card that makes the job which it meets fail.

#include <ggml-backend.h>

#include <random>
#include <string>
#include <vector>

#include "card.hpp"
#include "cases.hpp"

namespace halyard::ggml {

/// What all tests of the program share.
struct Session {
  faults::Card card;
  ggml_backend_dev_t device = nullptr;
  std::vector<faults::Case> cases;
  std::mt19937 random{1};
  std::string log;  ///< ggml's, since it was last emptied
};

/// Registers the tests. `session` outlives them.
void register_tests(Session& session);

}  // namespace halyard::ggml
