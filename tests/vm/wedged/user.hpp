// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Somebody who has jobs under way when the device gets into trouble, on whatever chip.

#include <cstdint>
#include <memory>
#include <vector>

#include "client.hpp"
#include "worker.hpp"

namespace halyard::test {

/// What the jobs write.
inline constexpr std::uint32_t kPattern = 0x5a5a5a5a;

/// A client with jobs in flight, and memory that its process has mapped.
struct User {
  static constexpr int kJobs = 4;

  User();

  /// kJobs jobs, each of which waits for the one before; the first for `before`, if it is one.
  void submit(const File& before);

  std::unique_ptr<Worker> worker;
  Target target;
  Mapping memory;  ///< jobs write its first page; the second is touched by nobody else
  AnyJob job;
  /// Sync files, because syncobjs are out of reach once the device is gone.
  std::vector<File> fences;
};

}  // namespace halyard::test
