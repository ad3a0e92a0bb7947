// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Timelines in process: what a DRM timeline syncobj is to the kernel.

#include <cstdint>
#include <utility>
#include <vector>

#include "platform/platform.hpp"
#include "ref.hpp"
#include "ring.hpp"

namespace halyard::hal::sim {

struct JobQueue;

/// Points are added in order, end in any order, and are reached in order. A point that failed
/// counts as reached, and its status is kept. Protected by the scheduler's lock.
class SimTimeline final : public Object {
 public:
  ~SimTimeline() override;

  [[nodiscard]] std::uint64_t reached() const { return reached_; }
  /// The highest point added.
  [[nodiscard]] std::uint64_t added() const { return added_; }
  /// How point `value`, which is reached, ended.
  [[nodiscard]] halyard_status status(std::uint64_t value) const;

  void reserve(std::size_t points) { points_.reserve(points); }
  /// `value` is greater than added(). Does not allocate after reserve().
  void add(std::uint64_t value);
  /// A point that was added ends. True when further points are reached now.
  bool end(std::uint64_t value, halyard_status status);

  /// `queue` is to be looked at again when `value` is reached.
  void block(Ref<JobQueue> queue, std::uint64_t value);
  /// Takes out one queue that may go on; null when there is none.
  Ref<JobQueue> unblock();

  /// Writes to a copy of `eventfd` once the point is reached. Throws Error.
  void notify(std::uint64_t value, int eventfd);
  void send_notifications();

 private:
  struct Entry {
    std::uint64_t value = 0;
    bool ended = false;
  };
  struct Failure {
    std::uint64_t from = 0, value = 0;
    halyard_status status = HALYARD_OK;
  };
  struct Blocked {
    Ref<JobQueue> queue;
    std::uint64_t value = 0;
  };
  struct Notification {
    std::uint64_t value = 0;
    int eventfd = -1;
  };

  std::uint64_t reached_ = 0, added_ = 0;
  Ring<Entry> points_;  ///< added, not reached
  std::vector<Failure> failures_;
  std::vector<Blocked> blocked_;
  std::vector<Notification> notifications_;
};

}  // namespace halyard::hal::sim
