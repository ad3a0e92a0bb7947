// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace halyard::hal {

/// Adds 1; a full counter means that the reader knows already.
inline void ring_eventfd(int eventfd) noexcept {
  const std::uint64_t one = 1;
  while (write(eventfd, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

}  // namespace halyard::hal
