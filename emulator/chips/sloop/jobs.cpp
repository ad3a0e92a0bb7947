// SPDX-License-Identifier: MIT
/// \file
/// A job on an engine: request and descriptor, segments, commands, response.

#include <algorithm>
#include <cstring>

#include "chips/sloop/card.hpp"
#include "chips/sloop/rules.hpp"

namespace halyard::emu::sloop {

namespace {

static_assert(sizeof(slp_request) == 32 && sizeof(slp_job) == 64 && sizeof(slp_response) == 64 &&
              sizeof(slp_queue_status) == 64 && sizeof(slp_event) == 64);

constexpr std::uint64_t kJobAlignment = 64;

constexpr std::uint64_t cycles_to_ns(std::uint64_t cycles) {
  return cycles * 1000000 / SLP_CLOCK_KHZ_VALUE;
}

std::uint32_t status_of(const Fault& fault, const SegmentSpace& space) {
  switch (fault.cause) {
    case FaultCause::kOutOfBounds:
      return SLP_STATUS_OUT_OF_BOUNDS;
    case FaultCause::kUnmapped:
    case FaultCause::kPermission:
      return space.last_status() != SLP_STATUS_OK ? space.last_status()
                                                  : std::uint32_t{SLP_STATUS_SEGMENT};
    case FaultCause::kEcc:
      return SLP_STATUS_ECC_UNCORRECTABLE;
    default:
      return SLP_STATUS_ILLEGAL_COMMAND;
  }
}

std::string check_request(const slp_request& request) {
  if (request.flags != 0) return "flags is not zero";
  if (request.reserved != 0) return "reserved is not zero";
  if (request.job % kJobAlignment != 0) return "the job's address is not a multiple of 64";
  if (request.job_size < sizeof(slp_job) || request.job_size > kMaxJobSize)
    return "job_size is " + std::to_string(request.job_size);
  return {};
}

std::string check_job(const slp_job& job, std::size_t size, std::uint32_t engine_class) {
  if (std::ranges::any_of(job.reserved, [](std::uint32_t word) { return word != 0; }))
    return "the job's reserved words are not zero";
  if (job.segment_count > DRM_HALYARD_SLOOP_MAX_SEGMENTS)
    return "the job has " + std::to_string(job.segment_count) + " segments";
  if (size != sizeof(slp_job) + job.segment_count * sizeof(slp_segment))
    return "job_size does not fit its segments";
  return check_payload(job.payload, engine_class);
}

}  // namespace

Card::Step Card::advance(const std::stop_token& stop, Engine& engine, Queue& queue,
                         std::uint32_t tail) {
  if (!queue.job_active) {
    slp_response response{};
    if (!fetch_job(engine, queue, tail, response)) {
      if (!queue.job_active) return Step::kStopped;
      return respond(stop, engine, queue, response);
    }
  }
  bool hung = false;
  const Outcome outcome = run_commands(stop, engine, queue, hung);
  if (hung) return Step::kHung;
  if (outcome == Outcome::kDone || outcome == Outcome::kFault)
    return respond(stop, engine, queue, describe(queue));
  return Step::kContinue;
}

// ---- Fetching
// ------------------------------------------------------------------------------------

/// The queue's next job. False with a response to give when it is malformed, or with no job active
/// when the queue has been stopped.
bool Card::fetch_job(Engine& engine, Queue& queue, std::uint32_t tail, slp_response& response) {
  std::string reason;
  {
    const auto pin = host_->pin_dma();
    if (!fetch_request(queue, tail)) {
      const std::scoped_lock guard(mutex_);
      if (!dropped(engine, queue)) stop_queue(queue, engine.id);
      return false;
    }
    reason = check_request(queue.request);
    if (reason.empty()) reason = fetch_descriptor(queue);
  }
  if (reason.empty()) reason = load_segments(queue);
  {
    const std::scoped_lock guard(mutex_);
    ++queue.request_head;
    queue.job_active = true;
    queue.job_busy_ns = 0;
  }
  if (reason.empty()) {
    queue.execution.start(queue.job.header().payload, queue.space, clock_);
    note(Note::kJobStart, engine.id, queue);
    write_progress(engine, queue);
    return true;
  }
  judge_.report(rules::kRequestMalformed,
                "a request of queue " + std::to_string(queue.id) + ": " + reason);
  response.status = SLP_STATUS_BAD_REQUEST;
  return false;
}

/// Entries are remembered as they were when the card came to own them.
bool Card::fetch_request(Queue& queue, std::uint32_t tail) {
  for (; queue.seen_tail != tail; ++queue.seen_tail) {
    const auto entry = reach(queue.request_address(queue.seen_tail), sizeof(slp_request),
                             Access::kRead, "a request");
    if (entry.empty()) return false;
    std::memcpy(&queue.seen.at(queue.seen_tail % queue.ring_size()), entry.data(), entry.size());
  }
  const auto entry = reach(queue.request_address(queue.request_head), sizeof(slp_request),
                           Access::kRead, "a request");
  if (entry.empty()) return false;
  std::memcpy(&queue.request, entry.data(), sizeof(queue.request));
  const slp_request& seen = queue.seen.at(queue.request_head % queue.ring_size());
  if (std::memcmp(&seen, &queue.request, sizeof(seen)) != 0)
    judge_.report(rules::kRequestChanged, "a request of queue " + std::to_string(queue.id) +
                                              " changed between its doorbell and its fetch");
  return true;
}

std::string Card::fetch_descriptor(Queue& queue) {
  const auto memory =
      reach(queue.request.job, queue.request.job_size, Access::kRead, "a job's descriptor");
  if (memory.empty()) return "the job's descriptor is not reachable";
  queue.job.size = memory.size();
  std::ranges::copy(memory, queue.job.bytes.begin());
  return check_job(queue.job.header(), queue.job.size, queue.engine_class());
}

std::string Card::load_segments(Queue& queue) {
  const auto segments = queue.job.segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (auto reason = check_segment(segments.at(i), size_.dram, kReserved); !reason.empty())
      return "segment " + std::to_string(i) + ": " + reason;
  }
  const bool dma = queue.engine_class() == DRM_HALYARD_SLOOP_ENGINE_DMA;
  queue.space.load(host_, &dram_, segments, dma,
                   [this](std::uint64_t address) { bus_errors_.report(address, "a transfer"); });
  return {};
}

// ---- Commands
// ------------------------------------------------------------------------------------

Outcome Card::run_commands(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung) {
  JobExecution& execution = queue.execution;
  for (;;) {
    Outcome outcome = Outcome::kRunning;
    if (!execution.fetched()) {
      outcome = execution.fetch();
      if (outcome == Outcome::kRunning && injector_.any())
        outcome = spoil(stop, engine, queue, hung);
      if (hung || outcome != Outcome::kRunning) return outcome;
    }
    outcome = execute_command(engine, queue);
    if (outcome != Outcome::kRunning) return outcome;
    if (engine.attention.load(std::memory_order_relaxed)) return outcome;
    if (scheduler_.anybody_ready(engine.engine_class) &&
        Clock::now() - engine.slice_start > slice_of(queue))
      return outcome;
  }
}

/// Injections that happen to a command.
Outcome Card::spoil(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung) {
  JobExecution& execution = queue.execution;
  if (injector_.hit(SLP_INJECT_LINK_LOSS, queue.id)) {
    const std::scoped_lock guard(mutex_);
    lose_link();
    hung = true;
    return Outcome::kRunning;
  }
  if (injector_.hit(SLP_INJECT_FIRMWARE_CRASH, queue.id)) {
    const std::scoped_lock guard(mutex_);
    crash(SLP_CRASH_ASSERTION);
    hung = true;
    return Outcome::kRunning;
  }
  if (const auto us = injector_.hit(SLP_INJECT_SLOW, queue.id)) {
    pause(stop, engine, queue, *us);
    account(engine, queue, std::uint64_t{*us} * 1000, 0);
  }
  if (injector_.hit(SLP_INJECT_SEGMENT, queue.id))
    return execution.fail(FaultCause::kUnmapped, execution.command_address(),
                          "injected segment fault");
  if (injector_.hit(SLP_INJECT_ILLEGAL, queue.id))
    return execution.fail(FaultCause::kIllegalCommand, 0, "injected illegal command");
  if (const auto kind = injector_.hit(SLP_INJECT_ECC, queue.id)) {
    const bool fatal = *kind != 0;
    (fatal ? ecc_uncorrectable_ : ecc_corrected_).fetch_add(1, std::memory_order_relaxed);
    {
      const std::scoped_lock guard(mutex_);
      post_event(fatal ? SLP_EVENT_ECC_UNCORRECTABLE : SLP_EVENT_ECC_CORRECTED, queue.id, engine.id,
                 execution.command_address());
    }
    if (fatal)
      return execution.fail(FaultCause::kEcc, execution.command_address(), "injected memory error");
  }
  hung = injector_.hit(SLP_INJECT_HANG, queue.id).has_value();
  return Outcome::kRunning;
}

Outcome Card::execute_command(Engine& engine, Queue& queue) {
  JobExecution& execution = queue.execution;
  const std::uint64_t cycles = execution.cycles();
  const std::uint64_t moved = execution.moved();
  const std::uint32_t completed = execution.completed();
  const Outcome outcome = execution.execute();
  account(engine, queue, cycles_to_ns(execution.cycles() - cycles),
          execution.completed() - completed);
  count_bytes(queue, execution.moved() - moved);
  if (outcome == Outcome::kRunning) write_progress(engine, queue);
  return outcome;
}

/// What passed the bus.
void Card::count_bytes(const Queue& queue, std::uint64_t bytes) {
  const auto payload = queue.job.header().payload;
  if (payload.job == DRM_HALYARD_SLOOP_JOB_COPY && queue.space.is_host(payload.source))
    bytes_to_card_.fetch_add(bytes, std::memory_order_relaxed);
  if (queue.space.is_host(payload.target))
    bytes_to_host_.fetch_add(bytes, std::memory_order_relaxed);
}

void Card::account(Engine& engine, Queue& queue, std::uint64_t ns, std::uint32_t commands) {
  queue.job_busy_ns += ns;
  queue.busy_ns += ns;
  queue.commands += commands;
  engine.busy_ns.fetch_add(ns, std::memory_order_relaxed);
  engine.commands.fetch_add(commands, std::memory_order_relaxed);
}

// ---- Results
// -------------------------------------------------------------------------------------

bool Card::write_status(const Queue& queue) {
  const auto memory =
      reach(queue.config.status, sizeof(slp_queue_status), Access::kWrite, "a status block");
  if (memory.empty()) return false;
  auto& status = *reinterpret_cast<slp_queue_status*>(memory.data());
  std::atomic_ref(status.state).store(queue.state, std::memory_order_relaxed);
  std::atomic_ref(status.engine).store(queue.owner, std::memory_order_relaxed);
  std::atomic_ref(status.busy_ns).store(queue.busy_ns, std::memory_order_relaxed);
  std::atomic_ref(status.commands).store(queue.commands, std::memory_order_release);
  return true;
}

/// So that the driver sees a long job move.
void Card::write_progress(Engine& engine, Queue& queue) {
  const auto pin = host_->pin_dma();
  const std::scoped_lock guard(mutex_);
  if (!dropped(engine, queue)) write_status(queue);
}

slp_response Card::describe(const Queue& queue) const {
  slp_response response{};
  const Fault& fault = queue.execution.fault();
  if (fault.cause == FaultCause::kNone) return response;
  response.status = status_of(fault, queue.space);
  response.address = fault.address;
  response.write = fault.access == Access::kWrite ? 1 : 0;
  response.command = fault.command;
  response.tag = fault.tag;
  return response;
}

Card::Step Card::respond(const std::stop_token& stop, Engine& engine, Queue& queue,
                         slp_response response) {
  response.id = queue.request.id;
  response.busy_ns = queue.job_busy_ns;
  response.engine = engine.id;
  if (const auto id = injector_.hit(SLP_INJECT_RESPONSE_BAD_ID, queue.id)) response.id = *id;
  if (const auto us = injector_.hit(SLP_INJECT_RESPONSE_LATE, queue.id))
    pause(stop, engine, queue, *us);
  const bool failed = response.status != SLP_STATUS_OK;
  if (publish(engine, queue, response)) notify(SLP_VECTOR_CLASS(queue.engine_class()), queue.id);
  return failed ? Step::kStopped : Step::kContinue;
}

/// The response's slot is free: there are never more requests than responses that the driver has
/// room for.
bool Card::publish(Engine& engine, Queue& queue, slp_response& response) {
  const auto pin = host_->pin_dma();
  const std::scoped_lock guard(mutex_);
  if (dropped(engine, queue)) return false;
  check_job_unchanged(queue);
  const bool failed = response.status != SLP_STATUS_OK;
  queue.job_active = false;
  if (failed) {
    queue.state = SLP_QUEUE_STATE_STOPPED;
  } else if (!queue.has_jobs()) {
    queue.state = SLP_QUEUE_STATE_IDLE;
  }
  engine.jobs.fetch_add(1, std::memory_order_relaxed);
  note(failed ? Note::kJobFault : Note::kJobEnd, engine.id, queue);
  if (failed)
    log(LogLevel::kErrors, "queue " + std::to_string(queue.id) + ": a job failed with status " +
                               std::to_string(response.status) + ": " +
                               queue.execution.fault().text);
  const auto memory = reach(queue.response_address(queue.response_tail), sizeof(response),
                            Access::kWrite, "a response");
  if (memory.empty() || !write_status(queue)) {
    stop_queue(queue, engine.id);
    return false;
  }
  response.timestamp = timestamp();
  constexpr std::size_t kSequence = sizeof(response.sequence);
  std::memcpy(memory.data() + kSequence, std::as_bytes(std::span(&response, 1)).data() + kSequence,
              sizeof(response) - kSequence);
  ++queue.response_tail;
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory.data()))
      .store(queue.response_tail, std::memory_order_release);
  return true;
}

void Card::check_job_unchanged(const Queue& queue) {
  const auto memory = host_->dma(queue.request.job, queue.job.size, Access::kRead);
  if (memory.size() != queue.job.size ||
      !std::ranges::equal(memory, std::span(queue.job.bytes).first(queue.job.size)))
    judge_.report(rules::kJobChanged, "a job's descriptor of queue " + std::to_string(queue.id) +
                                          " changed before its response");
}

/// The queue itself is broken, not a job of it.
void Card::stop_queue(Queue& queue, unsigned engine) {
  queue.state = SLP_QUEUE_STATE_STOPPED;
  queue.status_due = true;
  queue.job_active = false;
  log(LogLevel::kErrors, "queue " + std::to_string(queue.id) + " stopped");
  post_event(SLP_EVENT_QUEUE_ERROR, queue.id, engine, 0);
}

}  // namespace halyard::emu::sloop
