// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Jobs of the compute engines, as these tests need them.

#include <cstdint>
#include <span>
#include <vector>

#include "jobs.hpp"
#include "stream.hpp"

namespace halyard::test {

using emu::test::Task;

/// A client with a queue of compute jobs, and an object that their binding 0 is.
class Computer {
 public:
  static constexpr std::uint64_t kBytes = kMiB;

  explicit Computer(std::uint32_t priority = DRM_HALYARD_PRIORITY_NORMAL);

  /// A job on the object. Its stream has an object of its own, which is the job's buffer 0.
  [[nodiscard]] Job job(const std::vector<Task>& tasks);
  [[nodiscard]] Job job_on(std::uint32_t handle, std::uint64_t size,
                           const std::vector<Task>& tasks);
  /// 1, or the negative errno of the job's fence. A refusal throws.
  [[nodiscard]] int run(const std::vector<Task>& tasks) { return client.run(job(tasks)); }
  [[nodiscard]] int run_on(std::uint32_t handle, std::uint64_t size,
                           const std::vector<Task>& tasks) {
    return client.run(job_on(handle, size, tasks));
  }
  /// Replaces the binding of the newest job.
  void set_binding(const drm_halyard_sloop_binding& binding);

  [[nodiscard]] std::uint32_t memory() const { return memory_.handle; }
  [[nodiscard]] std::span<std::uint32_t> data() const { return memory_.as(); }

  Client client;
  std::uint32_t queue;

 private:
  Buffer memory_;
  std::vector<Buffer> streams_;
  std::size_t bindings_ = 0;  ///< offset in the newest stream's object
};

}  // namespace halyard::test
