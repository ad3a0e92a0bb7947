// SPDX-License-Identifier: MIT
/// \file
/// An engine's thread: which queue it serves, and when it lets go of it.

#include <utility>

#include "chips/sloop/card.hpp"

namespace halyard::emu::sloop {

bool Card::has_work(const Engine& engine) const {
  return may_run() && !engine.stuck &&
         scheduler_.best_priority(engine.engine_class) < SLP_NUM_PRIORITIES;
}

void Card::engine_main(const std::stop_token& stop, Engine& engine) {
  Lock lock(mutex_);
  while (!stop.stop_requested()) {
    engine.wake.wait(lock, stop, [&] {
      const bool work = has_work(engine);
      engine.idle = !work;
      return work;
    });
    engine.idle = false;
    if (stop.stop_requested()) return;
    Queue& queue = *scheduler_.take(engine.engine_class);
    queue.owner = engine.id;
    queue.state = SLP_QUEUE_STATE_RUNNING;
    engine.queue = &queue;
    run_queue(lock, stop, engine, queue);
    release(engine, queue);
  }
}

void Card::run_queue(Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue) {
  engine.slice_start = Clock::now();
  for (bool fresh = true;; fresh = false) {
    engine.attention.store(false, std::memory_order_relaxed);
    if (dismissed(stop, engine, queue) || yields(engine, queue, fresh)) return;
    if (link_lost_ || engine.stuck) {
      wait_for_rescue(lock, stop, engine, queue);
      continue;
    }
    if (!queue.has_jobs()) {
      queue.state = SLP_QUEUE_STATE_IDLE;
      queue.status_due = true;
      return wake_controller();
    }
    const std::uint32_t tail = queue.request_tail;
    const std::uint64_t before = queue.busy_ns;
    lock.unlock();
    const Step step = advance(stop, engine, queue, tail);
    lock.lock();
    scheduler_.charge(queue, queue.busy_ns - before);
    if (dropped(engine, queue)) continue;  // the loop sees to it
    if (step == Step::kStopped) return;
    if (step == Step::kHung) {
      engine.hung = true;
      engine.hang_reported = false;
      engine.hung_since = Clock::now();
      wake_controller();
      wait_for_rescue(lock, stop, engine, queue);
    }
  }
}

/// Something took the queue away from the engine, or the engine away from the queue.
bool Card::dismissed(const std::stop_token& stop, Engine& engine, Queue& queue) {
  if (stop.stop_requested()) return true;
  if (boot_.state != SLP_BOOT_STATE_RUNNING) return true;
  if (engine.resetting) {
    if (queue.job_active) note(Note::kDropped, engine.id, queue);
    queue.job_active = false;
    queue.state = SLP_QUEUE_STATE_STOPPED;
    queue.status_due = true;
    return true;
  }
  return (queue.destroying && !engine.stuck) || queue.state == SLP_QUEUE_STATE_STOPPED;
}

std::chrono::microseconds Card::slice_of(const Queue& queue) const {
  return boot_.firmware.program.slice.at(queue.priority());
}

bool Card::yields(Engine& engine, Queue& queue, bool fresh) {
  const unsigned best = scheduler_.best_priority(engine.engine_class);
  const bool urgent = best < queue.priority();
  const bool turn = best == queue.priority() && !fresh &&
                    (!queue.job_active || Clock::now() - engine.slice_start > slice_of(queue));
  const bool stop_here = !may_run() && !link_lost_ && !engine.stuck;
  if (!urgent && !turn && !stop_here) return false;
  queue.status_due = true;
  wake_controller();
  if (!queue.has_jobs()) {
    queue.state = SLP_QUEUE_STATE_IDLE;
    return true;
  }
  if (queue.job_active) {
    preemptions_.fetch_add(1, std::memory_order_relaxed);
    note(Note::kPreempted, engine.id, queue);
  }
  queue.state = SLP_QUEUE_STATE_PENDING;
  scheduler_.add(queue, !turn);
  return true;
}

/// The engine hangs, or the card is cut off, until somebody resets what is needed.
void Card::wait_for_rescue(Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue) {
  engine.wake.wait(lock, stop, [&] {
    if (boot_.state != SLP_BOOT_STATE_RUNNING) return true;
    if (link_lost_ || engine.stuck) return false;
    return engine.resetting || queue.destroying || !engine.hung;
  });
}

void Card::release(Engine& engine, Queue& queue) {
  scheduler_.release(queue);
  queue.owner = Queue::kNoOwner;
  engine.queue = nullptr;
  engine.hung = engine.hang_reported = false;
  const bool was_resetting = std::exchange(engine.resetting, false);
  wake_controller();
  if (boot_.state != SLP_BOOT_STATE_RUNNING) return;
  if (was_resetting) push_answer(SLP_ADMIN_ENGINE_RESET, engine.reset_id);
  if (queue.destroying) return finish_destroy(queue);
  // A doorbell that rang while the engine was letting go.
  if (queue.state == SLP_QUEUE_STATE_IDLE && queue.has_jobs()) {
    queue.state = SLP_QUEUE_STATE_PENDING;
    scheduler_.add(queue, false);
    kick(queue);
  }
}

bool Card::dropped(const Engine& engine, const Queue& queue) const {
  return boot_.state != SLP_BOOT_STATE_RUNNING || link_lost_ || engine.resetting || engine.stuck ||
         queue.destroying || queue.state == SLP_QUEUE_STATE_STOPPED;
}

/// Takes time in the course of a job, unless the job is dropped meanwhile.
void Card::pause(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t us) {
  Lock lock(mutex_);
  engine.wake.wait_for(lock, stop, std::chrono::microseconds(us),
                       [&] { return dropped(engine, queue); });
}

void Card::note(Note note, unsigned engine, const Queue& queue) {
  trace_.record(
      TraceKind::kNote,
      static_cast<std::uint64_t>(note) | std::uint64_t{queue.id} << 8 | std::uint64_t{engine} << 16,
      queue.request.id);
}

}  // namespace halyard::emu::sloop
