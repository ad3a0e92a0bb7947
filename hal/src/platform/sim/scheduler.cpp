// SPDX-License-Identifier: MIT
#include "platform/sim/scheduler.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "clock.hpp"

namespace halyard::hal::sim {

namespace {

/// How often a job that waits for memory is tried when its engine has nothing else to do.
constexpr std::int64_t kParkedPollNs = 100'000;
/// How often when it has.
constexpr std::int64_t kParkedBusyNs = 1'000'000;

unsigned rank_of(halyard_priority priority) {
  switch (priority) {
    case HALYARD_PRIORITY_REALTIME:
      return 0;
    case HALYARD_PRIORITY_HIGH:
      return 1;
    case HALYARD_PRIORITY_LOW:
      return 3;
    case HALYARD_PRIORITY_NORMAL:
      break;
  }
  return 2;
}

halyard_status status_of(emu::FaultCause cause) {
  switch (cause) {
    case emu::FaultCause::kNone:
      return HALYARD_OK;
    case emu::FaultCause::kIllegalCommand:
      return HALYARD_ILLEGAL_COMMAND;
    case emu::FaultCause::kOutOfBounds:
    case emu::FaultCause::kUnmapped:
    case emu::FaultCause::kPermission:
      return HALYARD_FAULT;
    case emu::FaultCause::kEngineHang:
      return HALYARD_HANG;
    case emu::FaultCause::kEcc:
      return HALYARD_MEMORY_ERROR;
  }
  return HALYARD_DEVICE_ERROR;
}

/// The application's signal handlers are not to run on an engine.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Scheduler::Scheduler(emu::CommandProcessor& processor, SpaceOf space_of,
                     std::function<std::uint64_t()> clock, Injector injector,
                     std::int64_t timeout_ns)
    : processor_(processor),
      space_of_(std::move(space_of)),
      clock_(std::move(clock)),
      injector_(std::move(injector)),
      timeout_ns_(timeout_ns) {
  for (const auto& info : processor.engines()) {
    auto& engines = *classes_.emplace_back(std::make_unique<EngineClass>());
    engines.number = info.klass;
    engines.count = info.count;
    for (std::uint32_t i = 0; i < info.count; ++i) {
      engines_.emplace_back([this, &engines, name = info.name + "-" + std::to_string(i)] {
        run_engine(engines, name);
      });
    }
  }
}

Scheduler::~Scheduler() {
  {
    const Lock lock(*this);
    stop_ = true;
    queues_.for_each([](const Ref<JobQueue>& queue) { queue->leave = true; });
    for (auto& engines : classes_)
      engines->work.notify_all();
  }
  for (auto& engine : engines_)
    engine.join();
  // A blocked queue and its timeline refer to one another.
  queues_.for_each([this](const Ref<JobQueue>& queue) { cancel_all(queue, HALYARD_CANCELLED); });
}

void Scheduler::Lock::unlock() {
  const bool wake = std::exchange(scheduler_.wake_waiters_, false);
  lock_.unlock();
  if (wake) scheduler_.ended_.notify_all();
}

// ---- queues --------------------------------------------------------------------------------

Scheduler::EngineClass& Scheduler::engine_class(std::uint32_t number) {
  for (auto& engines : classes_) {
    if (engines->number == number) return *engines;
  }
  throw Error(HALYARD_INVALID_ARGUMENT, "there are no engines of class " + std::to_string(number));
}

Handle Scheduler::queue_create(std::uint32_t number, halyard_priority priority) {
  auto queue = make_ref<JobQueue>();
  const Lock lock(*this);
  if (lost_) throw Error(HALYARD_DEVICE_LOST, "the device is lost");
  static_cast<void>(engine_class(number));
  queue->engine_class = number;
  queue->rank = rank_of(priority);
  const auto handle = queues_.add(queue);
  queue->handle = handle;
  return handle;
}

void Scheduler::queue_destroy(Handle handle) noexcept {
  const Lock lock(*this);
  const auto queue = queues_.remove(handle);
  if (!queue) return;
  queue->destroyed = true;
  queue->leave = true;
  // A job that an engine has ends there, at its next command.
  if (queue->place != Place::kRunning) cancel_all(queue, HALYARD_CANCELLED);
}

QueueStatus Scheduler::queue_status(Handle handle) {
  const Lock lock(*this);
  return queues_.at(handle)->status;
}

// ---- submit --------------------------------------------------------------------------------

void Scheduler::check_request(const JobRequest& request, std::size_t signals) {
  auto& queue = *queues_.at(request.queue);
  if (queue.status.state == QueueStatus::State::kBanned) {
    throw Error(HALYARD_QUEUE_BANNED, "a job of the queue failed");
  }
  for (const auto& wait : request.waits)
    static_cast<void>(timelines_.at(wait.timeline));
  for (const auto& signal : request.signals) {
    auto& timeline = *timelines_.at(signal.timeline);
    if (signal.value <= timeline.added()) {
      throw Error(HALYARD_INVALID_ARGUMENT, "the point was added to the timeline before");
    }
    timeline.reserve(signals);
  }
  std::string error;
  auto space = space_of_(request.buffers);
  auto execution = processor_.start(request.payload, queue.engine_class, *space, clock_, error);
  if (!execution) throw Error(HALYARD_INVALID_ARGUMENT, "the job is malformed: " + error);
  accepted_.push_back({std::move(space), std::move(execution)});
}

void Scheduler::accept(const JobRequest& request, Accepted& accepted) {
  const auto& queue = queues_.at(request.queue);
  auto& job = queue->jobs.push();
  job.waits.clear();
  job.signals.clear();
  try {
    job.payload.assign(request.payload.begin(), request.payload.end());
    for (const auto& wait : request.waits) {
      const auto& timeline = timelines_.at(wait.timeline);
      if (wait.value > timeline->reached()) job.waits.push_back({timeline, wait.value});
    }
    for (const auto& signal : request.signals) {
      job.signals.push_back({timelines_.at(signal.timeline), signal.value});
    }
  } catch (...) {
    queue->jobs.pop_back();
    throw;
  }
  for (const auto& signal : job.signals)
    signal.timeline->add(signal.value);
  job.space = std::move(accepted.space);
  job.execution = std::move(accepted.execution);
  job.number = ++queue->status.submitted;
  job.started = 0;
  if (queue->place == Place::kIdle) schedule(queue);
}

void Scheduler::submit(std::span<const JobRequest> requests) {
  const Lock lock(*this);
  if (lost_) throw Error(HALYARD_DEVICE_LOST, "the device is lost");
  accepted_.clear();
  std::size_t signals = 0;
  for (const auto& request : requests)
    signals += request.signals.size();
  for (const auto& request : requests)
    check_request(request, signals);
  for (std::size_t i = 0; i < requests.size(); ++i)
    accept(requests[i], accepted_[i]);
}

/// Finds out where a queue that is in no list belongs.
void Scheduler::schedule(const Ref<JobQueue>& queue) {
  queue->place = Place::kIdle;
  if (queue->jobs.empty()) return;
  auto& waits = queue->jobs.front().waits;
  while (!waits.empty() && waits.back().value <= waits.back().timeline->reached()) {
    waits.pop_back();
  }
  if (!waits.empty()) {
    queue->place = Place::kBlocked;
    waits.back().timeline->block(queue, waits.back().value);
    return;
  }
  make_ready(engine_class(queue->engine_class), queue, false);
}

void Scheduler::make_ready(EngineClass& engines, const Ref<JobQueue>& queue, bool front) {
  auto& list = engines.ready[queue->rank];
  (front ? list.push_front() : list.push()) = queue;
  queue->place = Place::kReady;
  engines.ready_mask.fetch_or(1U << queue->rank, std::memory_order_release);
  // Engines that are awake look once more before they sleep.
  std::size_t ready = 0;
  for (const auto& ring : engines.ready)
    ready += ring.size();
  const unsigned awake = engines.count - engines.running - engines.sleeping;
  if (engines.sleeping > 0 && ready > awake) engines.work.notify_one();
}

// ---- how jobs end --------------------------------------------------------------------------

void Scheduler::end_point(SimTimeline& timeline, std::uint64_t value, halyard_status status) {
  if (!timeline.end(value, status)) return;
  timeline.send_notifications();
  epoch_.fetch_add(1, std::memory_order_release);
  if (waiters_ > 0) wake_waiters_ = true;
  while (const auto queue = timeline.unblock()) {
    if (queue->place == Place::kBlocked) schedule(queue);
  }
}

/// Takes the first job off its queue.
void Scheduler::end_job(const Ref<JobQueue>& queue, halyard_status status) {
  auto& job = queue->jobs.front();
  if (status == HALYARD_OK) {
    ++queue->status.completed;
  } else {
    ++queue->status.failed;
  }
  job.execution.reset();
  job.space.reset();
  job.waits.clear();
  // Ending a point may schedule other queues, but never touches this one's jobs.
  for (const auto& signal : job.signals)
    end_point(*signal.timeline, signal.value, status);
  job.signals.clear();
  queue->jobs.pop_front();
}

void Scheduler::cancel_all(const Ref<JobQueue>& queue, halyard_status status) {
  // One that is blocked is in no list; one that is in a list is found to be empty there.
  if (queue->place == Place::kBlocked) queue->place = Place::kIdle;
  while (!queue->jobs.empty())
    end_job(queue, status);
}

/// The first job of a queue that is in no list failed.
void Scheduler::fail_queue(const Ref<JobQueue>& queue, const QueueStatus& fault) {
  auto& status = queue->status;
  status.state = QueueStatus::State::kBanned;
  status.fault = fault.fault;
  status.fault_job = queue->jobs.front().number;
  status.fault_address = fault.fault_address;
  status.fault_write = fault.fault_write;
  status.fault_command = fault.fault_command;
  status.fault_tag = fault.fault_tag;
  end_job(queue, fault.fault);
  cancel_all(queue, HALYARD_CANCELLED);
}

void Scheduler::lose_device() {
  lost_ = true;
  queues_.for_each([this](const Ref<JobQueue>& queue) {
    queue->status.state = QueueStatus::State::kLost;
    queue->leave = true;
    if (queue->place != Place::kRunning) cancel_all(queue, HALYARD_DEVICE_LOST);
  });
}

// ---- engines -------------------------------------------------------------------------------

Ref<JobQueue> Scheduler::take_ready(EngineClass& engines) {
  for (unsigned rank = 0; rank < kRanks; ++rank) {
    auto& list = engines.ready[rank];
    while (!list.empty()) {
      auto queue = std::move(list.front());
      list.pop_front();
      if (list.empty()) engines.ready_mask.fetch_and(~(1U << rank), std::memory_order_relaxed);
      // One that was destroyed or lost in the meantime has no jobs.
      if (!queue->jobs.empty()) return queue;
      queue->place = Place::kIdle;
    }
  }
  return {};
}

Ref<JobQueue> Scheduler::take_parked(EngineClass& engines) {
  while (!engines.parked.empty()) {
    auto queue = std::move(engines.parked.front());
    engines.parked.pop_front();
    if (!queue->jobs.empty()) return queue;
    queue->place = Place::kIdle;
  }
  return {};
}

bool Scheduler::spin(const EngineClass& engines, Lock& lock) {
  lock.unlock();
  const bool work = engines.spinner.spin([&] {
    return engines.ready_mask.load(std::memory_order_acquire) != 0 ||
           stop_.load(std::memory_order_relaxed);
  });
  lock.lock();
  return work;
}

void Scheduler::idle(EngineClass& engines, Lock& lock) {
  const std::int64_t begin = monotonic_ns();
  const auto learn = [&] {
    engines.spinner.learn(std::chrono::nanoseconds(monotonic_ns() - begin));
  };
  if (spin(engines, lock) || engines.ready_mask.load(std::memory_order_relaxed) != 0 || stop_) {
    learn();
    return;
  }
  ++engines.sleeping;
  if (engines.parked.empty()) {
    engines.work.wait(lock.native());
  } else {
    engines.work.wait_for(lock.native(), std::chrono::nanoseconds(kParkedPollNs));
  }
  --engines.sleeping;
  learn();
}

Ref<JobQueue> Scheduler::next_queue(EngineClass& engines, Lock& lock) {
  bool rested = false;
  while (!stop_) {
    if (!engines.parked.empty() && monotonic_ns() >= engines.parked_look_ns) {
      if (auto queue = take_parked(engines)) return queue;
    }
    if (auto queue = take_ready(engines)) return queue;
    if (rested) {
      if (auto queue = take_parked(engines)) return queue;
    }
    idle(engines, lock);
    rested = true;
  }
  return {};
}

void Scheduler::run_engine(EngineClass& engines, const std::string& name) {
  block_signals();
  pthread_setname_np(pthread_self(), ("sim-" + name).substr(0, 15).c_str());
  Lock lock(*this);
  while (const auto queue = next_queue(engines, lock))
    run_queue(engines, queue, lock);
}

/// Without the lock: steps until the job ends, waits, or somebody more important comes. On a fault,
/// `fault` says what.
emu::Outcome Scheduler::execute(const EngineClass& engines, JobQueue& queue,
                                emu::Execution& execution,
                                const std::optional<Injection>& injection, QueueStatus& fault) {
  const unsigned more_important = (1U << queue.rank) - 1;
  for (;;) {
    if (injection && execution.completed() >= injection->command) {
      fault.fault = injection->status;
      fault.fault_command = execution.completed();
      return emu::Outcome::kFault;
    }
    const auto outcome = execution.step();
    if (outcome == emu::Outcome::kFault) {
      const auto& found = execution.fault();
      fault.fault = status_of(found.cause);
      fault.fault_address = found.address;
      fault.fault_write = found.access == emu::Access::kWrite;
      fault.fault_command = found.command;
      fault.fault_tag = found.tag;
      return outcome;
    }
    if (outcome != emu::Outcome::kRunning) return outcome;
    if (queue.leave.load(std::memory_order_relaxed) ||
        (engines.ready_mask.load(std::memory_order_relaxed) & more_important) != 0) {
      return outcome;
    }
  }
}

void Scheduler::park(EngineClass& engines, const Ref<JobQueue>& queue) {
  auto& job = queue->jobs.front();
  const auto now = monotonic_ns();
  const auto completed = job.execution->completed();
  if (job.progress_ns == 0 || job.completed != completed) {
    job.progress_ns = now;
    job.completed = completed;
  } else if (now - job.progress_ns > timeout_ns_) {
    QueueStatus fault;
    fault.fault = HALYARD_HANG;
    fault.fault_command = completed;
    fail_queue(queue, fault);
    schedule(queue);
    return;
  }
  queue->place = Place::kParked;
  engines.parked.push() = queue;
  engines.parked_look_ns = now + kParkedBusyNs;
}

void Scheduler::run_queue(EngineClass& engines, const Ref<JobQueue>& queue, Lock& lock) {
  queue->place = Place::kRunning;
  auto& job = queue->jobs.front();
  if (job.started == 0) {
    job.started = ++started_;
    job.progress_ns = 0;
  }
  const auto injection = injector_.empty() ? std::nullopt : injector_.find(job.started);
  auto* const execution = job.execution.get();
  QueueStatus fault;
  ++engines.running;
  lock.unlock();
  const auto begin = monotonic_ns();
  const auto outcome = execute(engines, *queue, *execution, injection, fault);
  const auto end = monotonic_ns();
  lock.lock();
  --engines.running;
  // The ring may have grown: `job` is not to be used any more.
  queue->status.busy_ns += static_cast<std::uint64_t>(end - begin);
  if (lost_) {
    cancel_all(queue, HALYARD_DEVICE_LOST);
  } else if (queue->destroyed) {
    cancel_all(queue, HALYARD_CANCELLED);
  } else if (outcome == emu::Outcome::kFault && fault.fault == HALYARD_DEVICE_LOST) {
    queue->place = Place::kIdle;
    lose_device();
  } else if (outcome == emu::Outcome::kFault) {
    fail_queue(queue, fault);
  } else if (outcome == emu::Outcome::kDone) {
    end_job(queue, HALYARD_OK);
  } else if (outcome == emu::Outcome::kWaiting) {
    park(engines, queue);
    return;
  } else {
    make_ready(engines, queue, true);
    return;
  }
  schedule(queue);
}

// ---- timelines -----------------------------------------------------------------------------

Handle Scheduler::timeline_create() {
  auto timeline = make_ref<SimTimeline>();
  const Lock lock(*this);
  return timelines_.add(std::move(timeline));
}

void Scheduler::timeline_destroy(Handle handle) noexcept {
  const Lock lock(*this);
  static_cast<void>(timelines_.remove(handle));
}

void Scheduler::timeline_signal(Handle handle, std::uint64_t value) {
  const Lock lock(*this);
  const auto timeline = timelines_.at(handle);
  if (value <= timeline->added()) {
    throw Error(HALYARD_INVALID_ARGUMENT, "the point was added to the timeline before");
  }
  timeline->add(value);
  end_point(*timeline, value, HALYARD_OK);
}

std::uint64_t Scheduler::timeline_query(Handle handle) {
  const Lock lock(*this);
  return timelines_.at(handle)->reached();
}

halyard_status Scheduler::point_status(const SyncPoint& point) {
  const Lock lock(*this);
  return timelines_.at(point.timeline)->status(point.value);
}

void Scheduler::timeline_notify(Handle handle, std::uint64_t value, int eventfd) {
  const Lock lock(*this);
  timelines_.at(handle)->notify(value, eventfd);
}

bool Scheduler::look(std::span<const SyncPoint> points, bool all, std::size_t* index) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool reached = timelines_.at(points[i].timeline)->reached() >= points[i].value;
    if (reached == all) continue;
    if (!all && index != nullptr) *index = i;
    return !all;
  }
  return all;
}

bool Scheduler::wait(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
                     std::size_t* index) {
  Lock lock(*this);
  if (look(points, all, index)) return true;
  const std::int64_t begin = monotonic_ns();
  const bool reached = wait_for_look(points, all, deadline_ns, index, lock);
  spinner_.learn(std::chrono::nanoseconds(monotonic_ns() - begin));
  return reached;
}

bool Scheduler::wait_for_look(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
                              std::size_t* index, Lock& lock) {
  while (deadline_ns > monotonic_ns()) {
    const auto epoch = epoch_.load(std::memory_order_relaxed);
    lock.unlock();
    const bool changed =
        spinner_.spin([&] { return epoch_.load(std::memory_order_acquire) != epoch; });
    lock.lock();
    if (look(points, all, index)) return true;
    if (changed) continue;
    ++waiters_;
    if (deadline_ns == HALYARD_FOREVER) {
      ended_.wait(lock.native());
    } else {
      const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
      ended_.wait_until(lock.native(), deadline);
    }
    --waiters_;
    if (look(points, all, index)) return true;
  }
  return false;
}

}  // namespace halyard::hal::sim
