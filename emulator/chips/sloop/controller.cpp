// SPDX-License-Identifier: MIT
/// \file
/// The controller's thread: boot ROM and firmware, and the card's own clockwork.

#include <algorithm>
#include <cstring>
#include <utility>

#include "chips/sloop/card.hpp"
#include "chips/sloop/rules.hpp"

namespace halyard::emu::sloop {

void Card::wake_controller() {
  controller_due_ = true;
  controller_.notify_all();
}

void Card::controller_main(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (!stop.stop_requested()) {
    controller_due_ = false;
    const Time now = Clock::now();
    if (boot_.state == SLP_BOOT_STATE_RESET && !reset_stuck_ && engines_idle() && now >= reset_due_)
      finish_reset();
    if (boot_.command != 0 && now >= boot_.due) run_boot_command(lock);
    if (boot_.state == SLP_BOOT_STATE_HALTING && engines_idle()) finish_halt();
    if (may_run()) serve(lock);
    send_due(lock);
    const auto due = [this] { return controller_due_; };
    const Time deadline = next_deadline();
    if (deadline == Time::max()) {
      controller_.wait(lock, stop, due);
    } else {
      controller_.wait_until(lock, stop, deadline, due);
    }
  }
}

Card::Time Card::next_deadline() const {
  Time deadline = Time::max();
  if (boot_.state == SLP_BOOT_STATE_RESET && !reset_stuck_ && engines_idle()) deadline = reset_due_;
  if (boot_.command != 0) deadline = std::min(deadline, boot_.due);
  for (const LateInterrupt& late : late_)
    deadline = std::min(deadline, late.due);
  if (!may_run()) return deadline;
  for (const Engine& engine : engines_) {
    if (engine.hung && !engine.hang_reported)
      deadline = std::min(deadline, engine.hung_since + boot_.firmware.program.watchdog);
  }
  return deadline;
}

void Card::finish_reset() {
  drop_everything();
  boot_ = {};
  boot_.state = SLP_BOOT_STATE_ROM;
  admin_requests_ = admin_responses_ = events_ = {};
  events_lost_ = 0;
  interrupts_.reset();
  log_.clear();
  late_.clear();
  vectors_due_ = 0;
  scratch_ = 0;
  injection_ = kNoInjection;
  bus_errors_.excuse(link_lost_);
}

// ---- The firmware at work
// ------------------------------------------------------------------------

bool Card::work_due() const {
  return admin_requests_.used() != 0 || !answers_.empty() || !new_events_.empty() ||
         std::ranges::any_of(queues_, &Queue::wants_status);
}

void Card::serve(Lock& lock) {
  watch_engines();
  if (!work_due()) return;
  lock.unlock();
  const auto pin = host_->pin_dma();
  lock.lock();
  if (may_run()) serve_pinned();
}

void Card::serve_pinned() {
  while (running() && serve_request()) {
  }
  for (Answer& answer : std::exchange(answers_, {})) {
    if (running()) write_answer(std::move(answer));
  }
  write_events();
  for (Queue& queue : queues_) {
    if (!running() || !queue.wants_status()) continue;
    queue.status_due = false;
    write_status(queue);
  }
}

/// An engine that hangs shows it by doing nothing.
void Card::watch_engines() {
  const Time now = Clock::now();
  for (Engine& engine : engines_) {
    if (!engine.hung || engine.hang_reported ||
        now < engine.hung_since + boot_.firmware.program.watchdog)
      continue;
    engine.hang_reported = true;
    const unsigned queue = engine.queue != nullptr ? engine.queue->id : SLP_NONE;
    log(LogLevel::kErrors, "engine " + std::to_string(engine.id) + " makes no progress");
    post_event(SLP_EVENT_ENGINE_HUNG, queue, engine.id, 0);
  }
}

// ---- Events
// --------------------------------------------------------------------------------------

void Card::post_event(std::uint32_t type, unsigned queue, unsigned engine, std::uint64_t address) {
  slp_event event{};
  event.type = type;
  event.queue = queue;
  event.engine = engine;
  event.address = address;
  event.count = 1;
  event.timestamp = timestamp();
  new_events_.push_back(event);
  wake_controller();
}

void Card::write_events() {
  for (const slp_event& event : std::exchange(new_events_, {})) {
    if (!running()) return;
    if (events_.used() < events_.size()) {
      write_event(event);
    } else {
      ++events_lost_;
      judge_.report(rules::kEventOverflow, "the event ring is full");
    }
  }
}

void Card::write_event(slp_event event) {
  const auto memory = reach(events_.address(events_.tail, sizeof(event)), sizeof(event),
                            Access::kWrite, "an event");
  if (memory.empty()) return crash(SLP_CRASH_RINGS);
  constexpr std::size_t kSequence = sizeof(event.sequence);
  std::memcpy(memory.data() + kSequence, std::as_bytes(std::span(&event, 1)).data() + kSequence,
              sizeof(event) - kSequence);
  ++events_.tail;
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory.data()))
      .store(events_.tail, std::memory_order_release);
  vectors_due_ |= 1U << SLP_VECTOR_EVENT;
}

// ---- Interrupts
// ----------------------------------------------------------------------------------

/// Those of the controller, and those that were held back.
void Card::send_due(Lock& lock) {
  const Time now = Clock::now();
  std::uint32_t late = 0;
  std::erase_if(late_, [&](const LateInterrupt& interrupt) {
    if (interrupt.due > now) return false;
    late |= 1U << interrupt.vector;
    return true;
  });
  const std::uint32_t fresh = std::exchange(vectors_due_, 0);
  if ((fresh | late) == 0) return;
  lock.unlock();
  for (unsigned vector = 0; vector < SLP_NUM_VECTORS; ++vector) {
    if ((fresh >> vector & 1U) != 0) notify(vector, SLP_NONE);
    if ((late >> vector & 1U) != 0) interrupts_.raise(vector);
  }
  lock.lock();
}

void Card::notify(unsigned vector, std::uint32_t queue) {
  if (injector_.hit(SLP_INJECT_IRQ_LOST, queue)) return interrupts_.raise_lost(vector);
  const auto us = injector_.hit(SLP_INJECT_IRQ_LATE, queue);
  if (!us) return interrupts_.raise(vector);
  const std::scoped_lock guard(mutex_);
  late_.push_back({Clock::now() + std::chrono::microseconds(*us), vector});
  wake_controller();
}

}  // namespace halyard::emu::sloop
