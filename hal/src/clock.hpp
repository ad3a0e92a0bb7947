// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <ctime>

namespace halyard::hal {

/// CLOCK_MONOTONIC in nanoseconds: what deadlines are in.
inline std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace halyard::hal
