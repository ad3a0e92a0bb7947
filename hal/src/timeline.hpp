// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Timelines, and waiting for points on them.

#include <cstdint>
#include <mutex>
#include <span>

#include "device.hpp"
#include "ledger.hpp"
#include "platform/platform.hpp"
#include "ref.hpp"
#include "ring.hpp"

namespace halyard::hal {

/// A platform's timeline and what this process knows of its points. A failure reaches every point
/// from the failed one on. Thread-safe.
///
/// Lock order: the locks of timelines, by address; then that of a ledger.
class Timeline final : public Awaited {
 public:
  using Lock = std::unique_lock<std::mutex>;

  static Ref<Timeline> create(Ref<Device> device);
  static Ref<Timeline> import(Ref<Device> device, int fd);
  /// Of a queue; takes the handle over.
  Timeline(Ref<Device> device, Handle handle, Ref<Ledger> ledger);
  ~Timeline() override;

  [[nodiscard]] Device& device() const { return *device_; }
  [[nodiscard]] SyncPoint point(std::uint64_t value) const { return {handle_, value}; }
  /// Only its queue advances it.
  [[nodiscard]] bool of_queue() const { return static_cast<bool>(ledger_); }

  /// Reaches `value` from the host.
  void signal(std::uint64_t value);
  /// The highest point reached. Throws the failure when there was one.
  std::uint64_t query();
  void notify(std::uint64_t value, int eventfd);
  int export_fd();

  enum class State : std::uint8_t {
    kAwaited,     ///< somebody promised the point, or may do so unseen
    kUnpromised,  ///< nobody in this process did
    kReached,
  };
  /// How a point is doing; throws the failure that reached it. `reached`: the platform says that it
  /// has ended, one way or the other; then the result is kReached. No system call unless `reached`
  /// leaves something to ask.
  State settle(std::uint64_t value, bool reached);

  /// Somebody in this process said that the point will be reached.
  [[nodiscard]] bool promised(std::uint64_t value);
  /// Asks the platform where a look at what is known does not tell. Throws the failure, too.
  State poll(std::uint64_t value);

  /// The highest point that a job of this process will reach; 0 when none is to come. What ends a
  /// wait for a later point early, should the job fail.
  [[nodiscard]] std::uint64_t last_promise();

  void confirm(std::uint64_t value) override { static_cast<void>(settle(value, true)); }

  // For a submit that signals points here: lock(), check_promise(), submit, promise(), all under
  // the lock.
  [[nodiscard]] Lock lock() { return Lock(mutex_); }
  /// Throws Error(HALYARD_INVALID_ARGUMENT) unless `value` is greater than all before.
  void check_promise(const Lock&, std::uint64_t value) const;
  /// Makes sure that promise() does not allocate.
  void reserve(const Lock&, std::size_t count) { promises_.reserve(count); }
  void promise(const Lock&, std::uint64_t value, const Ref<Ledger>& ledger,
               std::uint64_t job) noexcept;

 private:
  struct Promise {
    std::uint64_t from = 0, value = 0;  ///< points that the job's end decides
    Ref<Ledger> ledger;
    std::uint64_t job = 0;
  };

  Timeline(Ref<Device> device, Handle handle, bool foreign);
  // These three stop at a job that is to be confirmed, which needs that no lock is held: its ledger
  // is in `unconfirmed` then.
  State settle_some(std::uint64_t value, bool reached, Ref<Ledger>& unconfirmed);
  State settle_queue(std::uint64_t value, bool reached, Ref<Ledger>& unconfirmed);
  void settle_promises(const Lock&, std::uint64_t value, bool reached, Ref<Ledger>& unconfirmed);
  std::uint64_t query_queue();
  void fail(const Lock&, std::uint64_t from, FailureRef failure);

  const Ref<Device> device_;
  const Handle handle_;
  const Ref<Ledger> ledger_;  ///< of the queue that it belongs to, or null
  std::mutex mutex_;          ///< protects what follows; not used when ledger_ is set
  bool foreign_ = false;      ///< other processes may promise points
  std::uint64_t promised_ = 0, reached_ = 0;
  Ring<Promise> promises_;  ///< by jobs, not settled yet
  std::uint64_t failed_from_ = 0;
  FailureRef failure_;
};

/// A point as the C interface has it.
struct Point {
  Timeline* timeline = nullptr;
  std::uint64_t value = 0;
};

/// Waits for all points, or for any; returns the index of the one that was reached (with `all`: 0).
/// Throws a point's failure, or Error(HALYARD_TIMEOUT).
std::size_t wait(std::span<const Point> points, bool all, std::int64_t deadline_ns);

}  // namespace halyard::hal
