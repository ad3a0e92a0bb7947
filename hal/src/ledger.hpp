// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A queue's account of its jobs: what each holds, which are done, and why the first one failed.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "memory.hpp"
#include "platform/platform.hpp"
#include "plugin.hpp"
#include "program.hpp"
#include "ref.hpp"
#include "ring.hpp"

namespace halyard::hal {

/// A failure that many may have to be told of.
using FailureRef = std::shared_ptr<const Error>;

/// Something that jobs wait for: a timeline. The ledger need not know more of it.
class Awaited : public Object {
 public:
  /// Throws the failure of a point that has ended, one way or the other. Called without locks.
  virtual void confirm(std::uint64_t value) = 0;
};

struct AwaitedPoint {
  Ref<Awaited> timeline;
  std::uint64_t value = 0;
};

/// What a job keeps alive until it is done.
struct JobRecord {
  Arena arena;
  Ref<Code> code;                   ///< null but for programs
  std::vector<Ref<Memory>> memory;  ///< everything that the device may access
  std::vector<AwaitedPoint> waits;  ///< not known to be reached when it was submitted
};

/// Jobs that ended.
struct JobCounts {
  std::uint64_t completed = 0, failed = 0;
};

/// Outlives its queue, because points on the queue's timeline do. Jobs are numbered from 1 in the
/// order of submission, and number n is point n of the queue's timeline. Functions that take a Lock
/// are called with the lock of lock() held.
class Ledger final : public Object {
 public:
  using Lock = std::unique_lock<std::mutex>;

  /// `queue` and `timeline` are the platform's. `os` and `plugin` outlive the ledger.
  Ledger(PlatformDevice& os, ChipPlugin& plugin, Handle queue, Handle timeline);

  enum class State : std::uint8_t {
    kPending,
    kUnconfirmed,  ///< the device is done; whether what the job waited for failed, confirm() finds
                   ///< out
    kDone,
    kFailed,
  };

  [[nodiscard]] Lock lock() { return Lock(mutex_); }
  [[nodiscard]] Handle queue() const { return queue_; }
  [[nodiscard]] SyncPoint point(std::uint64_t job) const { return {timeline_, job}; }

  /// Begins the next job: an empty record, and its number. abandon() or commit() ends it.
  JobRecord& begin(const Lock&);
  void abandon(const Lock&) noexcept;
  void commit(const Lock&) noexcept { ++submitted_; }

  [[nodiscard]] std::uint64_t submitted(const Lock&) const { return submitted_; }
  /// All jobs up to this one are done by the device and their records given back.
  [[nodiscard]] std::uint64_t done(const Lock&) const { return done_; }
  /// Why jobs from failed_from() on fail; null when none did.
  [[nodiscard]] const FailureRef& failure(const Lock&) const { return failure_; }
  [[nodiscard]] std::uint64_t failed_from(const Lock&) const { return failed_from_; }

  /// Notices the jobs that say in their arena that they are done. No system call.
  void reap(const Lock&);
  /// How `job` is doing. `reached`: the platform says that it has ended, one way or the other; then
  /// the result is not kPending.
  State settle(const Lock&, std::uint64_t job, bool reached);
  /// A failure reaches the jobs that wait for it, although the device runs them. Looks at what the
  /// first unconfirmed job waited for. Called without locks: it takes those of the timelines that
  /// were waited for.
  void confirm();
  /// Until nothing that the device is done with is unconfirmed. Called without locks.
  void confirm_all();
  /// All jobs up to this one are done and confirmed.
  [[nodiscard]] std::uint64_t confirmed(const Lock&) {
    return unconfirmed_.empty() ? done_ : unconfirmed_.front().job - 1;
  }
  /// Asks the platform for the queue's state: after it refused a job. Afterwards failure() is set.
  void learn_failure(const Lock&);

  /// Destroys the platform's queue and cancels what is not done. Afterwards nothing is pending.
  JobCounts close(const Lock&) noexcept;

 private:
  [[nodiscard]] State state(const Lock&, std::uint64_t job);
  void retire_through(const Lock&, std::uint64_t job);
  /// Takes over what the platform knows.
  void update(const Lock&, const QueueStatus& status);
  void fail(const Lock&, std::uint64_t job, Error error);
  /// "job 3 of queue 1 failed: ..."
  [[nodiscard]] Error describe(std::uint64_t job, halyard_status status) const;
  [[nodiscard]] Error describe_fault(const QueueStatus& status);
  [[nodiscard]] JobRecord& record(std::uint64_t job) { return jobs_[job - done_ - 1]; }
  static void clear(JobRecord& record) noexcept;
  void drop_records() noexcept;

  /// Done by the device.
  struct Unconfirmed {
    std::uint64_t job = 0;
    std::vector<AwaitedPoint> waits;
  };

  PlatformDevice& os_;
  ChipPlugin& plugin_;
  const Handle queue_, timeline_;
  std::mutex mutex_;  ///< protects what follows
  Ring<JobRecord>
      jobs_;  ///< of jobs done_ + 1 to submitted_, and one more between begin() and commit()
  Ring<Unconfirmed> unconfirmed_;
  std::uint64_t submitted_ = 0, done_ = 0, failed_from_ = 0;
  FailureRef failure_;
};

}  // namespace halyard::hal
