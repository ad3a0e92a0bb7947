// SPDX-License-Identifier: MIT
/// \file
/// The housekeeper's thread: what takes time but no engine.

#include <algorithm>
#include <utility>

#include "chips/clipper/card.hpp"

namespace halyard::emu::clipper {

void Card::wake_housekeeper() {
  housekeeping_due_ = true;
  housekeeping_.notify_all();
}

void Card::wake_waiters() {
  if (scheduler_.waiting().empty()) return;
  const Time now = Clock::now();
  for (Queue* queue : scheduler_.waiting()) {
    queue->poll_at = now;
    queue->backoff = timing_.poll_first;
  }
  wake_housekeeper();
}

void Card::housekeeper_main(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (!stop.stop_requested()) {
    housekeeping_due_ = false;
    if (reset_can_finish() && Clock::now() >= reset_due_) finish_reset();
    send_late(lock);
    if (may_run()) poll_waiters(lock);
    if (Clock::now() >= next_audit_) audit(lock);
    const auto due = [this] { return housekeeping_due_; };
    const Time deadline = next_deadline();
    if (deadline == Time::max()) {
      housekeeping_.wait(lock, stop, due);
    } else {
      housekeeping_.wait_until(lock, stop, deadline, due);
    }
  }
}

Card::Time Card::next_deadline() const {
  Time deadline = Time::max();
  if (reset_can_finish()) deadline = reset_due_;
  for (const LateInterrupt& late : late_)
    deadline = std::min(deadline, late.due);
  if (may_run()) {
    for (const Queue* queue : scheduler_.waiting())
      deadline = std::min(deadline, queue->poll_at);
    if (audit_due_) deadline = std::min(deadline, next_audit_);
  }
  return deadline;
}

// ---- Function reset ----------------------------------------------------------------------------

bool Card::reset_can_finish() const {
  return resetting_ && !reset_stuck_ && std::ranges::all_of(engines_, [](const Engine& engine) {
           return engine.queue == nullptr;
         });
}

void Card::finish_reset() {
  for (Queue& queue : queues_)
    queue.clear();
  for (Engine& engine : engines_) {
    engine.hung = engine.reset_requested = engine.stuck = false;
    engine.busy_ns = engine.commands = engine.jobs = 0;
  }
  scheduler_.clear();
  mmu_.reset();
  mmu_.excuse_bus_errors(link_lost_);
  fault_queue_.reset();
  interrupts_.reset();
  counters_.reset();
  flush_waits_ = {};
  late_.clear();
  fatal_ = false;
  scratch_ = 0;
  injection_ = kNoInjection;
  resetting_ = false;
  ready_ = true;
}

// ---- Interrupts that were held back ------------------------------------------------------------

void Card::send_late(Lock& lock) {
  const Time now = Clock::now();
  std::uint32_t vectors = 0;
  std::erase_if(late_, [&](const LateInterrupt& late) {
    if (late.due > now) return false;
    vectors |= 1U << late.vector;
    return true;
  });
  if (vectors == 0) return;
  lock.unlock();
  for (unsigned vector = 0; vector < CLP_NUM_VECTORS; ++vector) {
    if ((vectors >> vector & 1U) != 0) interrupts_.raise(vector);
  }
  lock.lock();
}

// ---- Queues that wait for a fence --------------------------------------------------------------

void Card::poll_waiters(Lock& lock) {
  const Time now = Clock::now();
  std::vector<Queue*> due;
  for (Queue* queue : scheduler_.waiting()) {
    if (queue->poll_at <= now) due.push_back(queue);
  }
  for (Queue* queue : due) {
    // The list was made before the mutex was let go of.
    if (queue->state != CLP_QUEUE_STATE_WAITING || queue->owner != Queue::kNoOwner || resetting_)
      continue;
    queue->owner = kHousekeeper;
    lock.unlock();
    bool go_on = false;
    {
      const AccessSection section(*this, kHousekeeper, queue->ctx());
      go_on = queue->execution.would_go_on();
    }
    lock.lock();
    queue->owner = Queue::kNoOwner;
    if (resetting_) return;
    if (queue->reset_requested) {
      finish_queue_reset(*queue);
    } else if (go_on) {
      scheduler_.remove(*queue);
      queue->state = CLP_QUEUE_STATE_PENDING;
      scheduler_.add(*queue, false);
      kick(*queue);
    } else if (queue->poll_at <= now) {
      queue->backoff = std::min<std::chrono::nanoseconds>(queue->backoff * 2, timing_.poll_last);
      queue->poll_at = Clock::now() + queue->backoff;
    }
  }
}

// ---- The checker's look at translations --------------------------------------------------------

void Card::request_audit() {
  if (audit_due_) return;
  audit_due_ = true;
  next_audit_ = Clock::now() + timing_.audit;
  wake_housekeeper();
}

void Card::audit(Lock& lock) {
  if (!audit_due_ || !may_run() || !host_->bus_master()) return;
  next_audit_ = Clock::now() + timing_.audit;
  audit_due_ = false;
  lock.unlock();
  bool suspects = false;
  {
    const auto pin = host_->pin_dma();
    suspects = mmu_.audit(Clock::now());
  }
  lock.lock();
  audit_due_ |= suspects;
}

}  // namespace halyard::emu::clipper
