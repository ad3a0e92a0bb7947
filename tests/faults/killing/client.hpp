// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A process that uses the device in all ways that it can think of, at random, until it is killed.

#include <atomic>
#include <cstdint>

namespace halyard::faults {

/// In memory that all processes share.
struct Shared {
  std::atomic<std::uint64_t> opened, actions, jobs, waits, sent, received, refused;
  std::atomic<std::uint64_t> failures;
  char failure[256];  ///< the first one
};

/// Does not return, but when something fails that must not. `peer` is a socket to another such
/// process, which sends its buffers and timelines there.
[[noreturn]] void use_device(Shared& shared, unsigned seed, int peer);

}  // namespace halyard::faults
