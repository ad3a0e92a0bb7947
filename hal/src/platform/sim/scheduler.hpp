// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Engines, queues and timelines in process: the part of the kernel and of the hardware that runs
/// jobs.

#include <array>
#include <atomic>
#include <chips/chip.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <engine/spin.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "platform/platform.hpp"
#include "platform/sim/handle_table.hpp"
#include "platform/sim/injector.hpp"
#include "platform/sim/queue.hpp"
#include "platform/sim/timeline.hpp"

namespace halyard::hal::sim {

/// Runs jobs on one thread per engine. A queue's jobs run in order, one at a time; among queues the
/// higher priority goes first and takes over between two commands, equal ones take turns job by
/// job. A job whose command waits for memory is put aside and tried again. Thread-safe.
class Scheduler {
 public:
  /// Gives the address space in which a job with these buffers works. Called with a lock held:
  /// calls nothing of the scheduler. Throws Error.
  using SpaceOf = std::function<std::shared_ptr<emu::AddressSpace>(std::span<const BufferUse>)>;

  /// The processor and what the functions use outlive the scheduler. `timeout_ns`: a job that waits
  /// for memory so long is a hang.
  Scheduler(emu::CommandProcessor& processor, SpaceOf space_of,
            std::function<std::uint64_t()> clock, Injector injector, std::int64_t timeout_ns);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Handle queue_create(std::uint32_t engine_class, halyard_priority priority);
  void queue_destroy(Handle handle) noexcept;
  QueueStatus queue_status(Handle handle);
  void submit(std::span<const JobRequest> requests);

  Handle timeline_create();
  void timeline_destroy(Handle handle) noexcept;
  void timeline_signal(Handle handle, std::uint64_t value);
  std::uint64_t timeline_query(Handle handle);
  bool wait(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
            std::size_t* index);
  halyard_status point_status(const SyncPoint& point);
  void timeline_notify(Handle handle, std::uint64_t value, int eventfd);

 private:
  /// Of the mutex. Waiters are told of what happened after it has been let go: they would wake only
  /// to wait for it.
  class Lock {
   public:
    explicit Lock(Scheduler& scheduler) : scheduler_(scheduler), lock_(scheduler.mutex_) {}
    ~Lock() {
      if (lock_.owns_lock()) unlock();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    void lock() { lock_.lock(); }
    void unlock();
    /// For a condition. There must be nobody to be told.
    std::unique_lock<std::mutex>& native() { return lock_; }

   private:
    Scheduler& scheduler_;
    std::unique_lock<std::mutex> lock_;
  };

  static constexpr unsigned kRanks = 4;
  /// How long an engine or a waiter looks again and again before it sleeps. Waking a thread costs
  /// about as much.
  static constexpr std::chrono::microseconds kSpin{20};

  /// Engines of one class and the queues that they serve.
  struct EngineClass {
    std::uint32_t number = 0;
    unsigned count = 0;  ///< engines
    std::array<Ring<Ref<JobQueue>>, kRanks> ready;
    Ring<Ref<JobQueue>> parked;           ///< the one that was put aside longest ago first
    std::int64_t parked_look_ns = 0;      ///< when the first of them is to be tried in any case
    std::atomic<unsigned> ready_mask{0};  ///< bit r: ready[r] is not empty; written under the lock
    unsigned running = 0;                 ///< engines that run a job
    unsigned sleeping = 0;                ///< engines in `work`
    engine::Spinner spinner{kSpin};
    std::condition_variable work;
  };

  EngineClass& engine_class(std::uint32_t number);
  void run_engine(EngineClass& engines, const std::string& name);
  Ref<JobQueue> next_queue(EngineClass& engines, Lock& lock);
  static Ref<JobQueue> take_ready(EngineClass& engines);
  static Ref<JobQueue> take_parked(EngineClass& engines);
  void idle(EngineClass& engines, Lock& lock);
  bool spin(const EngineClass& engines, Lock& lock);
  void run_queue(EngineClass& engines, const Ref<JobQueue>& queue, Lock& lock);
  emu::Outcome execute(const EngineClass& engines, JobQueue& queue, emu::Execution& execution,
                       const std::optional<Injection>& injection, QueueStatus& fault);
  void park(EngineClass& engines, const Ref<JobQueue>& queue);

  // Under the lock.
  void schedule(const Ref<JobQueue>& queue);
  void make_ready(EngineClass& engines, const Ref<JobQueue>& queue, bool front);
  void end_job(const Ref<JobQueue>& queue, halyard_status status);
  void end_point(SimTimeline& timeline, std::uint64_t value, halyard_status status);
  void fail_queue(const Ref<JobQueue>& queue, const QueueStatus& fault);
  void cancel_all(const Ref<JobQueue>& queue, halyard_status status);
  void lose_device();
  void check_request(const JobRequest& request, std::size_t signals);
  /// A job of the submit under way, before it is in its queue.
  struct Accepted {
    std::shared_ptr<emu::AddressSpace> space;
    std::unique_ptr<emu::Execution> execution;
  };
  void accept(const JobRequest& request, Accepted& accepted);
  bool look(std::span<const SyncPoint> points, bool all, std::size_t* index);
  bool wait_for_look(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
                     std::size_t* index, Lock& lock);

  emu::CommandProcessor& processor_;
  const SpaceOf space_of_;
  const std::function<std::uint64_t()> clock_;
  const Injector injector_;
  const std::int64_t timeout_ns_;

  std::mutex mutex_;  ///< protects everything below that is not atomic, and queues and timelines
  HandleTable<Ref<JobQueue>> queues_{"queue"};
  HandleTable<Ref<SimTimeline>> timelines_{"timeline"};
  std::vector<std::unique_ptr<EngineClass>> classes_;
  std::vector<Accepted> accepted_;  ///< of the submit under way
  std::uint64_t started_ = 0;
  bool lost_ = false;
  unsigned waiters_ = 0;                 ///< threads in `ended_`
  bool wake_waiters_ = false;            ///< when the lock is let go
  std::condition_variable ended_;        ///< a point was reached
  std::atomic<std::uint64_t> epoch_{0};  ///< counts reached points, for waiters that spin
  engine::Spinner spinner_{kSpin};       ///< of waiters
  std::atomic<bool> stop_{false};
  std::vector<std::thread> engines_;
};

}  // namespace halyard::hal::sim
