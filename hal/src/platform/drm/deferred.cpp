// SPDX-License-Identifier: MIT
#include "platform/drm/deferred.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "eventfd.hpp"
#include "platform/drm/errors.hpp"
#include "platform/drm/syncobj.hpp"
#include "small_vector.hpp"

namespace halyard::hal::drm {

namespace {

template <class T>
drm_halyard_obj_array array_of(const T* elements, std::size_t count) {
  drm_halyard_obj_array array{};
  array.stride = sizeof(T);
  array.count = static_cast<__u32>(count);
  array.array = reinterpret_cast<std::uintptr_t>(elements);
  return array;
}

using SyncOps = SmallVector<drm_halyard_sync_op, 16>;
using BufferRefs = SmallVector<drm_halyard_buffer_ref, 16>;

void add_syncs(SyncOps& syncs, std::span<const SyncPoint> points, bool signal) {
  for (const auto& point : points) {
    drm_halyard_sync_op op{};
    op.flags = DRM_HALYARD_SYNC_TIMELINE;
    if (signal) op.flags |= DRM_HALYARD_SYNC_SIGNAL;
    op.handle = point.timeline;
    op.timeline_value = point.value;
    syncs.push_back(op);
  }
}

void add_buffers(BufferRefs& refs, std::span<const BufferUse> buffers) {
  for (const auto& buffer : buffers) {
    drm_halyard_buffer_ref ref{};
    ref.handle = buffer.buffer;
    if (buffer.write) ref.flags |= DRM_HALYARD_BUFFER_WRITE;
    if (!buffer.shared) ref.flags |= DRM_HALYARD_BUFFER_NO_IMPLICIT;
    refs.push_back(ref);
  }
}

drm_halyard_job make_job(const JobRequest& request) {
  drm_halyard_job job{};
  job.queue_id = request.queue;
  job.payload_size = static_cast<__u32>(request.payload.size());
  job.payload = reinterpret_cast<std::uintptr_t>(request.payload.data());
  return job;
}

int submit_array(const Node& node, const drm_halyard_job* jobs, std::size_t count) {
  drm_halyard_submit submit{};
  submit.jobs = array_of(jobs, count);
  return node.try_call(DRM_IOCTL_HALYARD_SUBMIT, &submit);
}

int submit_one(const Node& node, const JobRequest& request) {
  SyncOps syncs;
  BufferRefs refs;
  add_syncs(syncs, request.waits, false);
  add_syncs(syncs, request.signals, true);
  add_buffers(refs, request.buffers);
  auto job = make_job(request);
  job.syncs = array_of(syncs.data(), syncs.size());
  job.buffers = array_of(refs.data(), refs.size());
  return submit_array(node, &job, 1);
}

}  // namespace

int submit_jobs(const Node& node, std::span<const JobRequest> requests) {
  if (requests.size() == 1) return submit_one(node, requests.front());
  // The arrays of all jobs first: their addresses are taken when none moves any more.
  std::vector<SyncOps> syncs(requests.size());
  std::vector<BufferRefs> refs(requests.size());
  std::vector<drm_halyard_job> jobs;
  jobs.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    add_syncs(syncs[i], requests[i].waits, false);
    add_syncs(syncs[i], requests[i].signals, true);
    add_buffers(refs[i], requests[i].buffers);
    auto& job = jobs.emplace_back(make_job(requests[i]));
    job.syncs = array_of(syncs[i].data(), syncs[i].size());
    job.buffers = array_of(refs[i].data(), refs[i].size());
  }
  return submit_array(node, jobs.data(), jobs.size());
}

Deferred::~Deferred() {
  {
    const Lock lock(mutex_);
    stop_ = true;
    for (auto it = operations_.begin(); it != operations_.end();) {
      fail(lock, *it, HALYARD_CANCELLED);
      it = remove(lock, it);
    }
    if (kick_ != 0) kick(lock);
    work_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (kick_ != 0) syncobj_destroy(node_, kick_);
}

bool Deferred::must_follow(const JobRequest& job) {
  const Lock lock(mutex_);
  if (operations_.empty()) return false;
  const bool behind_queue =
      std::any_of(operations_.begin(), operations_.end(),
                  [&](const Operation& operation) { return operation.queue == job.queue; });
  return behind_queue ||
         std::any_of(job.signals.begin(), job.signals.end(),
                     [&](const SyncPoint& signal) { return signals_.contains(signal.timeline); });
}

bool Deferred::must_follow(Handle timeline) {
  const Lock lock(mutex_);
  return signals_.contains(timeline);
}

bool Deferred::must_wait(const JobRequest& job) const {
  return !job.waits.empty() && !syncobj_wait(node_, job.waits, true, Until::kAvailable, 0, nullptr);
}

void Deferred::kick(const Lock&) {
  try {
    syncobj_signal(node_, kick_, ++kicks_);
  } catch (const Error&) {
    // The device is gone, and with it every wait: the thread is awake already.
  }
}

void Deferred::push(const Lock& lock, Operation operation) {
  if (kick_ == 0) kick_ = syncobj_create(node_);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  operations_.push_back(std::move(operation));
  const auto& added = operations_.back();
  for (const auto& wait : added.waits)
    ++uses_[wait.timeline];
  for (const auto& signal : added.signals) {
    ++uses_[signal.timeline];
    ++signals_[signal.timeline];
  }
  kick(lock);
  work_.notify_all();
}

void Deferred::add(const JobRequest& job) {
  const Lock lock(mutex_);
  Operation operation;
  operation.queue = job.queue;
  operation.payload.assign(job.payload.begin(), job.payload.end());
  operation.buffers.assign(job.buffers.begin(), job.buffers.end());
  operation.waits.assign(job.waits.begin(), job.waits.end());
  operation.signals.assign(job.signals.begin(), job.signals.end());
  push(lock, std::move(operation));
}

void Deferred::add_signal(const SyncPoint& point) {
  const Lock lock(mutex_);
  Operation operation;
  operation.signals.push_back(point);
  push(lock, std::move(operation));
}

Deferred::Operations::iterator Deferred::remove(const Lock&, Operations::iterator it) {
  const auto drop = [](std::map<Handle, unsigned>& counts, Handle handle) {
    const auto found = counts.find(handle);
    if (--found->second > 0) return false;
    counts.erase(found);
    return true;
  };
  for (const auto& signal : it->signals)
    drop(signals_, signal.timeline);
  for (const auto* points : {&it->waits, &it->signals}) {
    for (const auto& point : *points) {
      if (drop(uses_, point.timeline) && kept_.erase(point.timeline) > 0) {
        syncobj_destroy(node_, point.timeline);
      }
    }
  }
  return operations_.erase(it);
}

void Deferred::fail(const Lock& lock, const Operation& operation, halyard_status status) {
  if (operation.queue != 0) ++failed_jobs_[operation.queue];
  for (const auto& signal : operation.signals) {
    // First what waiters will ask for, then what wakes them.
    failed_points_[{signal.timeline, signal.value}] = status;
    bool gone = false;
    try {
      syncobj_signal(node_, signal.timeline, signal.value);
    } catch (const Error&) {
      // The device is gone. Who waits for the point finds out by itself, but for poll loops.
      gone = true;
    }
    unlisten(lock, signal, gone);
  }
}

void Deferred::listen(const SyncPoint& point, int eventfd) {
  const Lock lock(mutex_);
  if (!signals_.contains(point.timeline)) return;
  UniqueFd copy(fcntl(eventfd, F_DUPFD_CLOEXEC, 0));
  if (copy.get() < 0) throw call_error(node_.path(), "the eventfd cannot be kept", errno);
  listeners_.emplace_back(point, std::move(copy));
}

void Deferred::unlisten(const Lock&, const SyncPoint& reached, bool ring) {
  std::erase_if(listeners_, [&](const auto& listener) {
    const auto& [point, eventfd] = listener;
    if (point.timeline != reached.timeline || point.value > reached.value) return false;
    if (ring) ring_eventfd(eventfd.get());
    return true;
  });
}

void Deferred::perform(const Lock& lock, const Operation& operation) {
  if (operation.queue == 0) {
    for (const auto& signal : operation.signals) {
      try {
        syncobj_signal(node_, signal.timeline, signal.value);
      } catch (const Error& error) {
        failed_points_[{signal.timeline, signal.value}] = error.status();
      }
    }
    return;
  }
  const JobRequest job{.queue = operation.queue,
                       .payload = operation.payload,
                       .buffers = operation.buffers,
                       .waits = operation.waits,
                       .signals = operation.signals};
  const int error = submit_one(node_, job);
  if (error == 0) {
    for (const auto& signal : operation.signals)
      unlisten(lock, signal, false);
    return;
  }
  const auto status = status_of_call(error);
  fail(lock, operation, status == HALYARD_QUEUE_BANNED ? HALYARD_CANCELLED : status);
}

std::vector<SyncPoint> Deferred::missing(std::span<const SyncPoint> waits) const {
  std::vector<SyncPoint> points;
  for (const auto& wait : waits) {
    if (!syncobj_wait(node_, {&wait, 1}, true, Until::kAvailable, 0, nullptr)) {
      points.push_back(wait);
    }
  }
  return points;
}

std::vector<SyncPoint> Deferred::pass(const Lock& lock) {
  std::vector<SyncPoint> awaited;
  std::set<Handle> queues, timelines;
  for (auto it = operations_.begin(); it != operations_.end();) {
    const bool behind =
        (it->queue != 0 && queues.contains(it->queue)) ||
        std::any_of(it->signals.begin(), it->signals.end(),
                    [&](const SyncPoint& signal) { return timelines.contains(signal.timeline); });
    const auto points = behind ? std::vector<SyncPoint>() : missing(it->waits);
    if (!behind && points.empty()) {
      perform(lock, *it);
      it = remove(lock, it);
      continue;
    }
    awaited.insert(awaited.end(), points.begin(), points.end());
    queues.insert(it->queue);
    for (const auto& signal : it->signals)
      timelines.insert(signal.timeline);
    ++it;
  }
  return awaited;
}

void Deferred::run() {
  // The application's signal handlers are not to run here.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  Lock lock(mutex_);
  while (!stop_) {
    if (operations_.empty()) {
      work_.wait(lock);
      continue;
    }
    try {
      // Before the look at the points: a kick during it is not missed.
      const SyncPoint kicked{kick_, kicks_ + 1};
      auto points = pass(lock);
      if (operations_.empty()) continue;
      points.push_back(kicked);
      lock.unlock();
      syncobj_wait(node_, points, false, Until::kAvailable, HALYARD_FOREVER, nullptr);
      lock.lock();
    } catch (const Error&) {
      // The device is gone. Nothing that is here will ever run.
      if (!lock.owns_lock()) lock.lock();
      for (auto it = operations_.begin(); it != operations_.end();) {
        fail(lock, *it, HALYARD_DEVICE_LOST);
        it = remove(lock, it);
      }
    }
  }
}

void Deferred::cancel(Handle queue) noexcept {
  const Lock lock(mutex_);
  bool any = false;
  for (auto it = operations_.begin(); it != operations_.end();) {
    if (it->queue != queue) {
      ++it;
      continue;
    }
    fail(lock, *it, HALYARD_CANCELLED);
    it = remove(lock, it);
    any = true;
  }
  failed_jobs_.erase(queue);
  // What stood behind the queue's jobs may go now.
  if (any) kick(lock);
}

bool Deferred::keep(Handle timeline) noexcept {
  const Lock lock(mutex_);
  failed_points_.erase(failed_points_.lower_bound({timeline, 0}),
                       failed_points_.upper_bound({timeline, UINT64_MAX}));
  unlisten(lock, {timeline, UINT64_MAX}, false);
  if (!uses_.contains(timeline)) return false;
  kept_.insert(timeline);
  return true;
}

Deferred::Counts Deferred::counts(Handle queue) {
  const Lock lock(mutex_);
  Counts counts;
  for (const auto& operation : operations_) {
    if (operation.queue == queue) ++counts.pending;
  }
  if (const auto it = failed_jobs_.find(queue); it != failed_jobs_.end())
    counts.failed = it->second;
  return counts;
}

halyard_status Deferred::status(const SyncPoint& point) {
  const Lock lock(mutex_);
  const auto it = failed_points_.find({point.timeline, point.value});
  return it != failed_points_.end() ? it->second : HALYARD_OK;
}

}  // namespace halyard::hal::drm
