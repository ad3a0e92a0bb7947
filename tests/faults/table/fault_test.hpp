// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// One test per case and load, in GoogleTest's manner.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "card.hpp"
#include "cases.hpp"
#include "report.hpp"
#include "worker.hpp"

namespace halyard::faults {

struct Options {
  unsigned rounds = 1;  ///< of each case and load; an eighth where a rung above a queue's is needed
  unsigned timeout_ms = 500;  ///< after which a job hangs
  unsigned seed = 1;
  std::string table;  ///< file for the table, or empty
};

/// What all tests of the program share.
struct Session {
  Options options;
  Card card;
  std::vector<Case> cases;
  std::mt19937 random;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Row> rows;
};

/// Registers the tests. `session` outlives them.
void register_tests(Session& session);

}  // namespace halyard::faults
