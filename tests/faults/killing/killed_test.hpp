// SPDX-License-Identifier: MIT
#pragma once

namespace halyard::faults {

struct KillOptions {
  unsigned seconds = 20;
  unsigned clients = 64;
  unsigned seed = 1;
};
/// Set before the tests run.
inline KillOptions kill_options;

}  // namespace halyard::faults
