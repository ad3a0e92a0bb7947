// SPDX-License-Identifier: MIT
/// \file
/// An engine's thread: takes a queue, fetches its jobs, executes their commands, reports how they
/// ended.

#include <algorithm>
#include <cstring>

#include "chips/clipper/card.hpp"
#include "chips/clipper/rules.hpp"

namespace halyard::emu::clipper {

using std::chrono::microseconds;

namespace {

static_assert(sizeof(clp_job) == 64 && sizeof(clp_queue_status) == 64);

std::uint64_t hash_entry(std::span<const std::byte> entry) {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  for (std::size_t i = 0; i < sizeof(clp_job); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, entry.data() + i, sizeof(word));
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

std::uint32_t cause_of(FaultCause cause, const TranslationFault& translation) {
  switch (cause) {
    case FaultCause::kOutOfBounds:
      return CLP_FAULT_OUT_OF_BOUNDS;
    case FaultCause::kUnmapped:
      return translation.cause != 0 ? translation.cause : std::uint32_t{CLP_FAULT_UNMAPPED};
    case FaultCause::kPermission:
      return CLP_FAULT_PERMISSION;
    case FaultCause::kEcc:
      return CLP_FAULT_ECC_UNCORRECTABLE;
    default:
      return CLP_FAULT_ILLEGAL_COMMAND;
  }
}

template <typename Word>
void store(std::span<std::byte> memory, std::size_t offset, Word value,
           std::memory_order order = std::memory_order_relaxed) {
  std::atomic_ref(*reinterpret_cast<Word*>(memory.data() + offset)).store(value, order);
}

constexpr std::uint64_t cycles_to_ns(std::uint64_t cycles) {
  return cycles * 1000000 / CLP_CLOCK_KHZ_VALUE;
}

}  // namespace

// ---- Which queue ------------------------------------------------------------------------------

bool Card::has_work(const Engine& engine) const {
  return may_run() && !engine.stuck &&
         scheduler_.best_priority(engine.engine_class) < CLP_NUM_PRIORITIES;
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
    queue.state = CLP_QUEUE_STATE_RUNNING;
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
      queue.state = CLP_QUEUE_STATE_IDLE;
      return;
    }
    request_audit();
    const std::uint32_t tail = queue.tail;
    const bool bad_tail = queue.bad_tail;
    const std::uint64_t before = queue.busy_ns;
    lock.unlock();
    const Step step = advance(stop, engine, queue, tail, bad_tail);
    lock.lock();
    scheduler_.charge(queue, queue.busy_ns - before);
    if (!settle(step, lock, stop, engine, queue)) return;
  }
}

/// False when the engine is done with the queue for now.
bool Card::settle(Step step, Lock& lock, const std::stop_token& stop, Engine& engine,
                  Queue& queue) {
  if (dropped(engine, queue)) return true;  // the loop sees to it
  switch (step) {
    case Step::kWaiting:
      park(queue);
      return false;
    case Step::kHung:
      engine.hung = true;
      wait_for_rescue(lock, stop, engine, queue);
      return true;
    case Step::kFaulted:
      return false;
    case Step::kContinue:
      return true;
  }
  return true;
}

/// A reset took the queue away from the engine, or the engine away from the queue.
bool Card::dismissed(const std::stop_token& stop, Engine& engine, Queue& queue) {
  if (stop.stop_requested() || resetting_) return true;
  if (engine.reset_requested) {
    if (queue.job_active) note(Note::kDropped, engine.id, queue);
    queue.job_active = false;
    if (queue.state == CLP_QUEUE_STATE_RESETTING) {
      queue.stuck = false;
      queue.reset_requested = true;
    } else {
      queue.state = CLP_QUEUE_STATE_FAULTED;
    }
    return true;
  }
  return queue.reset_requested && !(queue.stuck && engine.hung);
}

bool Card::yields(Engine& engine, Queue& queue, bool fresh) {
  const unsigned best = scheduler_.best_priority(engine.engine_class);
  const bool urgent = best < queue.priority();
  const bool turn = best == queue.priority() && !fresh &&
                    (!queue.job_active || Clock::now() - engine.slice_start > timing_.quantum);
  const bool stop_here = !may_run() && !link_lost_ && !engine.stuck;
  if (!urgent && !turn && !stop_here) return false;
  if (!queue.has_jobs()) {
    queue.state = CLP_QUEUE_STATE_IDLE;
    return true;
  }
  if (queue.job_active) {
    counters_.add(CLP_PERF_PREEMPTIONS);
    note(Note::kPreempted, engine.id, queue);
  }
  queue.state = CLP_QUEUE_STATE_PENDING;
  scheduler_.add(queue, !turn);
  return true;
}

/// The engine hangs, or the card is cut off, until somebody resets what is needed.
void Card::wait_for_rescue(Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue) {
  engine.wake.wait(lock, stop, [&] {
    if (resetting_) return true;
    if (link_lost_ || engine.stuck) return false;
    return engine.reset_requested || (queue.reset_requested && !queue.stuck) || !engine.hung;
  });
}

void Card::release(Engine& engine, Queue& queue) {
  scheduler_.release(queue);
  queue.owner = Queue::kNoOwner;
  engine.queue = nullptr;
  engine.hung = false;
  engine.reset_requested = false;
  if (resetting_) return wake_housekeeper();
  if (queue.reset_requested) finish_queue_reset(queue);
}

void Card::park(Queue& queue) {
  queue.state = CLP_QUEUE_STATE_WAITING;
  queue.backoff = timing_.poll_first;
  queue.poll_at = Clock::now() + queue.backoff;
  scheduler_.park(queue);
  note(Note::kWaiting, CLP_NUM_ENGINES, queue);
  wake_housekeeper();
}

bool Card::dropped(const Engine& engine, const Queue& queue) const {
  return resetting_ || link_lost_ || engine.reset_requested || engine.stuck ||
         queue.reset_requested;
}

/// Takes time in the course of a job, unless the job is dropped meanwhile.
void Card::pause(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t us) {
  Lock lock(mutex_);
  engine.wake.wait_for(lock, stop, microseconds(us), [&] { return dropped(engine, queue); });
}

void Card::note(Note note, unsigned engine, const Queue& queue) {
  trace_.record(
      TraceKind::kNote,
      static_cast<std::uint64_t>(note) | std::uint64_t{queue.id} << 8 | std::uint64_t{engine} << 16,
      queue.job.fence);
}

// ---- Jobs --------------------------------------------------------------------------------------

Card::Step Card::advance(const std::stop_token& stop, Engine& engine, Queue& queue,
                         std::uint32_t tail, bool bad_tail) {
  if (!queue.job_active) {
    clp_fault fault{};
    fault.cause = CLP_FAULT_RING;
    if (bad_tail || !fetch_job(engine, queue, tail, fault))
      return report_fault(engine, queue, fault);
  }
  bool hung = false;
  const Outcome outcome = run_commands(stop, engine, queue, hung);
  if (hung) return Step::kHung;
  switch (outcome) {
    case Outcome::kDone:
      return complete(stop, engine, queue);
    case Outcome::kFault:
      return report_fault(engine, queue, describe(queue));
    case Outcome::kWaiting:
      return Step::kWaiting;
    case Outcome::kRunning:
      break;
  }
  return Step::kContinue;
}

/// Remembers what entries looked like when the card came to own them.
void Card::hash_entries(Queue& queue, std::uint32_t tail) {
  if (queue.hashed - queue.head > tail - queue.head) queue.hashed = queue.head;
  for (; queue.hashed != tail; ++queue.hashed) {
    TranslationFault fault;
    const auto entry = mmu_.translate(queue.ctx(), queue.entry_address(queue.hashed),
                                      sizeof(clp_job), Access::kRead, true, fault);
    if (entry.size() < sizeof(clp_job)) return;
    queue.entry_hashes.at(queue.hashed & ((1U << queue.ring_order) - 1)) = hash_entry(entry);
  }
}

/// What the bus refuses has rules of its own: it is nobody's fault when the link is lost.
void Card::report_queue_memory(const Queue& queue, const char* what, const char* how,
                               std::uint64_t address, const TranslationFault& fault) {
  if (fault.cause == CLP_FAULT_BUS) return;
  judge_.report(rules::kQueueMemory, std::string("the ") + what + " of queue " +
                                         std::to_string(queue.id) + " is not " + how + " at " +
                                         hex(address));
}

bool Card::fetch_job(Engine& engine, Queue& queue, std::uint32_t tail, clp_fault& fault) {
  mmu_.begin_epoch();
  const AccessSection section(*this, engine.id, queue.ctx());
  {
    const auto pin = host_->pin_dma();
    hash_entries(queue, tail);
    TranslationFault translation;
    const std::uint64_t address = queue.entry_address(queue.head);
    const auto entry =
        mmu_.translate(queue.ctx(), address, sizeof(clp_job), Access::kRead, true, translation);
    if (entry.size() < sizeof(clp_job)) {
      report_queue_memory(queue, "ring", "readable", address, translation);
      fault.cause = translation.cause;
      fault.address = address;
      return false;
    }
    std::memcpy(&queue.job, entry.data(), sizeof(queue.job));
    const auto slot = queue.head & ((1U << queue.ring_order) - 1);
    if (queue.entry_hashes.at(slot) != hash_entry(std::as_bytes(std::span(&queue.job, 1))))
      judge_.report(rules::kRingEntryChanged, "an entry of queue " + std::to_string(queue.id) +
                                                  " changed between its doorbell and its fetch");
  }
  if (const auto reason = refuse_entry(queue); !reason.empty()) {
    judge_.report(rules::kRingEntryMalformed,
                  "an entry of queue " + std::to_string(queue.id) + ": " + reason);
    fault.fence = queue.job.fence;
    return false;
  }
  const JobDescriptor job{.stream = queue.job.stream,
                          .bindings = queue.job.bindings,
                          .stream_size = queue.job.stream_size,
                          .binding_count = queue.job.binding_count};
  queue.execution.start(job, queue.engine_class(), queue.space, clock_);
  note(Note::kJobStart, engine.id, queue);
  const std::scoped_lock guard(mutex_);
  queue.job_active = true;
  return true;
}

std::string Card::refuse_entry(const Queue& queue) const {
  const clp_job& job = queue.job;
  if ((job.flags & ~std::uint32_t{CLP_JOB_IRQ}) != 0) return "unknown flags " + hex(job.flags);
  if (std::ranges::any_of(job.reserved, [](std::uint32_t word) { return word != 0; }))
    return "reserved words are not zero";
  if (queue.any_fence && job.fence <= queue.last_fence)
    return "its fence value " + std::to_string(job.fence) + " does not grow";
  return check_job({.stream = job.stream,
                    .bindings = job.bindings,
                    .stream_size = job.stream_size,
                    .binding_count = job.binding_count});
}

// ---- Commands ----------------------------------------------------------------------------------

Outcome Card::run_commands(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung) {
  JobExecution& execution = queue.execution;
  for (;;) {
    Outcome outcome = Outcome::kRunning;
    if (!execution.fetched()) {
      {
        const AccessSection section(*this, engine.id, queue.ctx());
        outcome = execution.fetch();
      }
      if (outcome == Outcome::kRunning && injector_.any())
        outcome = spoil(stop, engine, queue, hung);
      if (hung || outcome != Outcome::kRunning) return outcome;
    }
    outcome = execute(engine, queue);
    if (outcome != Outcome::kRunning) return outcome;
    if (engine.attention.load(std::memory_order_relaxed)) return outcome;
    if (scheduler_.anybody_ready(engine.engine_class) &&
        Clock::now() - engine.slice_start > timing_.quantum)
      return outcome;
  }
}

/// Injections that happen to a command.
Outcome Card::spoil(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung) {
  JobExecution& execution = queue.execution;
  if (injector_.hit(CLP_INJECT_LINK_LOSS, queue.id)) {
    const std::scoped_lock guard(mutex_);
    lose_link();
    hung = true;
    return Outcome::kRunning;
  }
  if (const auto us = injector_.hit(CLP_INJECT_SLOW, queue.id)) {
    pause(stop, engine, queue, *us);
    account(engine, queue, std::uint64_t{*us} * 1000, 0);
  }
  if (injector_.hit(CLP_INJECT_PAGE_FAULT, queue.id))
    return execution.fail(FaultCause::kUnmapped, execution.command_address(),
                          "injected page fault");
  if (injector_.hit(CLP_INJECT_ILLEGAL, queue.id))
    return execution.fail(FaultCause::kIllegalCommand, 0, "injected illegal command");
  if (const auto kind = injector_.hit(CLP_INJECT_ECC, queue.id)) {
    if (*kind != 0)
      return execution.fail(FaultCause::kEcc, execution.command_address(), "injected memory error");
    counters_.add(CLP_PERF_ECC_CORRECTED);
  }
  hung = injector_.hit(CLP_INJECT_HANG, queue.id).has_value();
  return Outcome::kRunning;
}

Outcome Card::execute(Engine& engine, Queue& queue) {
  JobExecution& execution = queue.execution;
  const std::uint64_t cycles = execution.cycles();
  const std::uint32_t completed = execution.completed();
  const AccessSection section(*this, engine.id, queue.ctx());
  const Outcome outcome = execution.execute();
  account(engine, queue, cycles_to_ns(execution.cycles() - cycles),
          execution.completed() - completed);
  if (outcome == Outcome::kRunning) write_progress(queue);
  if (execution.signalled()) {
    const std::scoped_lock guard(mutex_);
    wake_waiters();
  }
  return outcome;
}

void Card::account(Engine& engine, Queue& queue, std::uint64_t ns, std::uint32_t commands) {
  queue.busy_ns += ns;
  queue.commands += commands;
  engine.busy_ns.fetch_add(ns, std::memory_order_relaxed);
  engine.commands.fetch_add(commands, std::memory_order_relaxed);
}

// ---- Results -----------------------------------------------------------------------------------

std::span<std::byte> Card::status_block(const Queue& queue, TranslationFault& fault) {
  const auto memory = mmu_.translate(queue.ctx(), queue.status_block, sizeof(clp_queue_status),
                                     Access::kWrite, true, fault);
  return memory.size() < sizeof(clp_queue_status) ? std::span<std::byte>{} : memory;
}

/// So that the driver sees a long job move. A status block that is not there is reported when the
/// job ends.
void Card::write_progress(const Queue& queue) {
  const auto pin = host_->pin_dma();
  TranslationFault fault;
  const auto memory = status_block(queue, fault);
  if (memory.empty() || link_lost_) return;
  store(memory, offsetof(clp_queue_status, busy_ns), queue.busy_ns);
  store(memory, offsetof(clp_queue_status, commands), queue.commands);
}

/// Injected: the upper half of the fence value comes before the lower one.
void Card::tear(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t us) {
  {
    const AccessSection section(*this, engine.id, queue.ctx());
    const auto pin = host_->pin_dma();
    TranslationFault fault;
    const auto memory = status_block(queue, fault);
    const std::scoped_lock guard(mutex_);
    if (!memory.empty() && !dropped(engine, queue))
      store(memory, offsetof(clp_queue_status, fence) + sizeof(std::uint32_t),
            static_cast<std::uint32_t>(queue.job.fence >> 32));
  }
  pause(stop, engine, queue, us);
}

Card::Step Card::complete(const std::stop_token& stop, Engine& engine, Queue& queue) {
  const bool interrupt = (queue.job.flags & CLP_JOB_IRQ) != 0;
  const auto early = injector_.hit(CLP_INJECT_COMPLETION_EARLY, queue.id);
  if (early) {
    if (interrupt) notify(CLP_VECTOR_ENGINE(engine.id), queue);
    pause(stop, engine, queue, *early);
  }
  if (const auto us = injector_.hit(CLP_INJECT_COMPLETION_TORN, queue.id))
    tear(stop, engine, queue, *us);
  const Step step = publish(engine, queue);
  if (step == Step::kContinue && !queue.job_active && interrupt && !early)
    notify(CLP_VECTOR_ENGINE(engine.id), queue);
  return step;
}

/// HEAD moves before the fence value is seen: whoever sees it may use the entry again.
Card::Step Card::publish(Engine& engine, Queue& queue) {
  const AccessSection section(*this, engine.id, queue.ctx());
  TranslationFault fault;
  {
    const auto pin = host_->pin_dma();
    const auto memory = status_block(queue, fault);
    TranslationFault ignored;
    const auto entry = mmu_.translate(queue.ctx(), queue.entry_address(queue.head), sizeof(clp_job),
                                      Access::kRead, true, ignored);
    if (!memory.empty()) {
      const std::scoped_lock guard(mutex_);
      if (dropped(engine, queue)) return Step::kContinue;
      if (entry.size() >= sizeof(clp_job) &&
          hash_entry(entry) != hash_entry(std::as_bytes(std::span(&queue.job, 1))))
        judge_.report(rules::kRingEntryChanged, "an entry of queue " + std::to_string(queue.id) +
                                                    " changed before its job was done");
      ++queue.head;
      ++queue.jobs;
      queue.job_active = false;
      queue.last_fence = queue.job.fence;
      queue.any_fence = true;
      engine.jobs.fetch_add(1, std::memory_order_relaxed);
      note(Note::kJobEnd, engine.id, queue);
      store(memory, offsetof(clp_queue_status, busy_ns), queue.busy_ns);
      store(memory, offsetof(clp_queue_status, commands), queue.commands);
      store(memory, offsetof(clp_queue_status, jobs), queue.jobs);
      store(memory, offsetof(clp_queue_status, fence), queue.job.fence, std::memory_order_release);
      return Step::kContinue;
    }
  }
  report_queue_memory(queue, "status block", "writable", queue.status_block, fault);
  clp_fault record{};
  record.cause = fault.cause;
  record.address = queue.status_block;
  record.access = 1;
  record.fence = queue.job.fence;
  return report_fault(engine, queue, record);
}

clp_fault Card::describe(const Queue& queue) const {
  const Fault& fault = queue.execution.fault();
  clp_fault record{};
  record.cause = cause_of(fault.cause, queue.space.last_fault());
  record.address = fault.address;
  record.access = fault.access == Access::kWrite ? 1 : 0;
  record.fence = queue.job.fence;
  record.command = fault.command;
  record.tag = fault.tag;
  return record;
}

Card::Step Card::report_fault(Engine& engine, Queue& queue, clp_fault record) {
  record.ctx = queue.ctx();
  record.queue = queue.id;
  record.engine = engine.id;
  record.timestamp = timestamp();
  {
    const auto pin = host_->pin_dma();
    const std::scoped_lock guard(mutex_);
    if (dropped(engine, queue)) return Step::kContinue;
    queue.state = CLP_QUEUE_STATE_FAULTED;
    queue.job_active = false;
    counters_.add(CLP_PERF_FAULTS);
    note(Note::kJobFault, engine.id, queue);
    const std::uint64_t address = fault_queue_.next_address();
    switch (fault_queue_.push(record)) {
      case FaultQueue::Pushed::kWritten:
        break;
      case FaultQueue::Pushed::kLost:
        if (fault_queue_.order() != 0)
          judge_.report(rules::kFaultQueueOverflow, "the fault queue is full");
        break;
      case FaultQueue::Pushed::kBusError:
        mmu_.report_bus_error(address, "fault record");
        fatal_ = true;
        rouse_engines();
        break;
    }
  }
  notify(CLP_VECTOR_EVENT, queue);
  return Step::kFaulted;
}

void Card::notify(unsigned vector, const Queue& queue) {
  if (injector_.hit(CLP_INJECT_IRQ_LOST, queue.id)) return interrupts_.raise_lost(vector);
  const auto us = injector_.hit(CLP_INJECT_IRQ_LATE, queue.id);
  if (!us) return interrupts_.raise(vector);
  const std::scoped_lock guard(mutex_);
  late_.push_back({Clock::now() + microseconds(*us), vector});
  wake_housekeeper();
}

}  // namespace halyard::emu::clipper
