// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Jobs that wait for a point that nobody has promised yet.
///
/// The kernel takes a job only when every point that it waits for has a fence: it must know that
/// the wait will end. Here a job may wait for a point that the host, or a job submitted later, will
/// reach. Such a job stays in this process until the points have their fences, and with it
/// everything that must not overtake it.

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "platform/drm/node.hpp"
#include "platform/platform.hpp"

namespace halyard::hal::drm {

/// One SUBMIT; an errno, or 0.
int submit_jobs(const Node& node, std::span<const JobRequest> jobs);

/// Thread-safe. Jobs of one queue, and signals of one timeline, are given to it and to the kernel
/// in one order by the caller.
class Deferred {
 public:
  explicit Deferred(const Node& node) : node_(node) {}
  ~Deferred();
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  /// Whether a job must wait behind others that are here.
  [[nodiscard]] bool must_follow(const JobRequest& job);
  /// Whether a host's signal must.
  [[nodiscard]] bool must_follow(Handle timeline);
  /// Whether a job waits for a point without fence.
  [[nodiscard]] bool must_wait(const JobRequest& job) const;

  void add(const JobRequest& job);
  void add_signal(const SyncPoint& point);

  /// Adds 1 to `eventfd` when the device goes before the point's job got to the kernel, which rings
  /// it in all other cases.
  void listen(const SyncPoint& point, int eventfd);

  /// Cancels a queue's jobs, before the queue is destroyed.
  void cancel(Handle queue) noexcept;
  /// A timeline's handle is given up: true when it is still needed here, and destroyed later.
  bool keep(Handle timeline) noexcept;

  struct Counts {
    std::uint64_t pending = 0, failed = 0;
  };
  /// A queue's jobs that the kernel does not know of.
  [[nodiscard]] Counts counts(Handle queue);
  /// How a point ended that was to be signalled by a job that never got to the kernel; HALYARD_OK
  /// when there is no such.
  [[nodiscard]] halyard_status status(const SyncPoint& point);

 private:
  using Lock = std::unique_lock<std::mutex>;

  struct Operation {
    Handle queue = 0;  ///< 0: only signals
    std::vector<std::byte> payload;
    std::vector<BufferUse> buffers;
    std::vector<SyncPoint> waits, signals;
  };
  using Operations = std::list<Operation>;

  void push(const Lock&, Operation operation);
  void run();
  /// Gives to the kernel what can go; returns points without fence that the rest waits for.
  std::vector<SyncPoint> pass(const Lock& lock);
  [[nodiscard]] std::vector<SyncPoint> missing(std::span<const SyncPoint> waits) const;
  void perform(const Lock& lock, const Operation& operation);
  void fail(const Lock& lock, const Operation& operation, halyard_status status);
  /// Nobody listens any more to what the kernel knows of now, or what `ring` tells of.
  void unlisten(const Lock& lock, const SyncPoint& reached, bool ring);
  Operations::iterator remove(const Lock& lock, Operations::iterator it);
  void kick(const Lock& lock);

  const Node& node_;
  std::mutex mutex_;  ///< protects what follows
  Operations operations_;
  std::map<Handle, unsigned> uses_;     ///< of timelines by operations
  std::map<Handle, unsigned> signals_;  ///< of timelines by operations that will signal them
  std::set<Handle> kept_;               ///< to be destroyed after their last use
  std::map<Handle, std::uint64_t> failed_jobs_;  ///< by queue
  std::map<std::pair<Handle, std::uint64_t>, halyard_status> failed_points_;
  std::vector<std::pair<SyncPoint, UniqueFd>> listeners_;
  Handle kick_ = 0;  ///< a timeline that the thread listens to
  std::uint64_t kicks_ = 0;
  bool stop_ = false;
  std::condition_variable work_;
  std::thread thread_;
};

}  // namespace halyard::hal::drm
