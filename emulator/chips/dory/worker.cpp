// SPDX-License-Identifier: MIT
/// \file
/// The worker's thread: executes the job's operations, reports how it ended.

#include <functional>
#include <string_view>

#include "chips/dory/card.hpp"

namespace halyard::emu::dory {

namespace {

constexpr std::uint32_t kCyclesPerMicrosecond = DORY_CLOCK_KHZ_VALUE / 1000;

}  // namespace

void Card::note(Note note) {
  trace_.record(TraceKind::kNote, static_cast<std::uint64_t>(note), setup_.job);
}

bool Card::may_work() const {
  return busy_ && !resetting_ && !hung_ && !asleep_ && !link_lost_;
}

void Card::worker_main(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return may_work(); })) {
    if (stop.stop_requested()) return;
    working_ = true;
    if (!begun_) begin_job(lock);
    if (!dropped()) advance(lock, stop);
    working_ = false;
    if (resetting_) {
      housekeeping_due_ = true;
      housekeeping_.notify_all();
    }
  }
}

/// The stream as it is now, so that a change under way is found out.
std::optional<std::uint64_t> Card::hash_stream() {
  const auto pin = host_->pin_dma();
  const Region& stream = space_.stream();
  const auto memory = host_->dma(stream.base, stream.limit, Access::kRead);
  if (memory.size() < stream.limit) return std::nullopt;
  return std::hash<std::string_view>{}(
      {reinterpret_cast<const char*>(memory.data()), memory.size()});
}

void Card::begin_job(Lock& lock) {
  begun_ = true;
  space_.load(setup_.regions, setup_.stream);
  execution_.start(region_address(RegionSpace::kStream, 0), setup_.stream.limit, space_, clock_);
  note(Note::kJobStart);
  lock.unlock();
  const auto hash = hash_stream();
  lock.lock();
  stream_hash_ = hash;
}

/// One operation.
void Card::advance(Lock& lock, const std::stop_token& stop) {
  lock.unlock();
  bool hung = false;
  std::uint64_t extra_cycles = 0;
  Outcome outcome = execution_.fetch();
  if (outcome == Outcome::kRunning && injector_.any()) outcome = spoil(stop, hung, extra_cycles);
  if (outcome == Outcome::kRunning && !hung) outcome = execution_.execute();
  lock.lock();
  if (dropped()) return;
  hung_ = hung;
  extra_cycles_ += extra_cycles;
  update_progress();
  if (outcome != Outcome::kRunning) end_job(lock, stop, outcome);
}

/// Injections that happen to an operation.
Outcome Card::spoil(const std::stop_token& stop, bool& hung, std::uint64_t& extra_cycles) {
  const std::uint64_t command = region_address(RegionSpace::kStream, execution_.offset());
  if (injector_.hit(DORY_INJECT_LINK_LOSS)) {
    const std::scoped_lock guard(mutex_);
    lose_link();
    hung = true;
    return Outcome::kRunning;
  }
  if (const auto us = injector_.hit(DORY_INJECT_SLOW)) {
    pause(stop, *us);
    extra_cycles = std::uint64_t{*us} * kCyclesPerMicrosecond;
  }
  if (injector_.hit(DORY_INJECT_OPERANDS))
    return execution_.fail(FaultCause::kIllegalCommand, DORY_ERROR_OPERANDS, 0,
                           "injected operands that do not fit together");
  if (injector_.hit(DORY_INJECT_BUS))
    return execution_.fail(FaultCause::kUnmapped, DORY_ERROR_BUS, command, "injected bus error");
  if (const auto kind = injector_.hit(DORY_INJECT_ECC)) {
    if (*kind != 0)
      return execution_.fail(FaultCause::kEcc, DORY_ERROR_ECC, command, "injected memory error");
    const std::scoped_lock guard(mutex_);
    ++ecc_corrected_;
  }
  hung = injector_.hit(DORY_INJECT_HANG).has_value();
  return Outcome::kRunning;
}

/// Waits that long, or until the job is dropped.
void Card::pause(const std::stop_token& stop, std::uint32_t us) {
  Lock lock(mutex_);
  wake_.wait_for(lock, stop, std::chrono::microseconds(us), [this] { return dropped(); });
}

void Card::update_progress() {
  commands_ += execution_.completed() - progress_.commands;
  progress_.commands = execution_.completed();
  progress_.tag = execution_.tag();
  progress_.cycles = execution_.cycles() + extra_cycles_;
}

void Card::note_error() {
  const Fault& fault = execution_.fault();
  progress_.cause = execution_.error();
  progress_.offset = execution_.offset();
  progress_.access = DORY_NO_REGION;
  if (progress_.cause != DORY_ERROR_STREAM && progress_.cause != DORY_ERROR_OPERANDS) {
    progress_.address = space_.bus_address(fault.address);
    progress_.access = low(fault.address >> kSlotShift) |
                       (fault.access == Access::kWrite ? DORY_ERROR_ACCESS_WRITE : 0U);
  }
  ++errors_;
  switch (progress_.cause) {
    case DORY_ERROR_STREAM:
      return judge_.report(rules::kStreamMalformed, fault.text);
    case DORY_ERROR_BOUNDS:
    case DORY_ERROR_PERMISSION:
      return judge_.report(rules::kRegionLeft, fault.text);
    default:
      return;
  }
}

void Card::end_job(Lock& lock, const std::stop_token& stop, Outcome outcome) {
  const std::uint32_t bits = outcome == Outcome::kDone ? DORY_IRQ_DONE : DORY_IRQ_ERROR;
  const auto early = injector_.hit(DORY_INJECT_IRQ_EARLY);
  lock.unlock();
  const auto hash = hash_stream();
  if (early) {
    interrupt_.raise(bits);
    pause(stop, *early);
  }
  lock.lock();
  if (dropped()) return;
  if (hash != stream_hash_)
    judge_.report(rules::kStreamChanged,
                  "the stream of job " + std::to_string(setup_.job) + " changed while it ran");
  if (outcome == Outcome::kDone) {
    completed_ = setup_.job;
    progress_.done = true;
    ++jobs_;
  } else {
    note_error();
  }
  note(outcome == Outcome::kDone ? Note::kJobEnd : Note::kJobError);
  busy_ = false;
  if (early) return;
  lock.unlock();
  announce(bits);
  lock.lock();
}

void Card::announce(std::uint32_t bits) {
  if (injector_.hit(DORY_INJECT_IRQ_LOST)) return interrupt_.raise_lost(bits);
  const auto us = injector_.hit(DORY_INJECT_IRQ_LATE);
  if (!us) return interrupt_.raise(bits);
  const std::scoped_lock guard(mutex_);
  late_.push_back({Clock::now() + std::chrono::microseconds(*us), bits});
  housekeeping_due_ = true;
  housekeeping_.notify_all();
}

}  // namespace halyard::emu::dory
