// SPDX-License-Identifier: MIT
/// \file
/// The firmware's answers to admin requests. Everything in here runs on the controller's thread or
/// ends what it began, with the card's mutex held; what touches the host's memory with a pin, too.

#include <algorithm>
#include <cstring>

#include "chips/sloop/card.hpp"
#include "chips/sloop/rules.hpp"

namespace halyard::emu::sloop {

namespace {

static_assert(sizeof(slp_admin_request) == 64 && sizeof(slp_admin_response) == 32);
static_assert(sizeof(slp_telemetry) == 80 + SLP_NUM_ENGINES * 24);

constexpr std::uint64_t kRingAlignment = 64;

/// Fields that the opcode does not use are zero.
bool well_formed(const slp_admin_request& request) {
  const auto zero = [](auto value) { return value == 0; };
  if (request.reserved != 0) return false;
  switch (request.op) {
    case SLP_ADMIN_QUEUE_CREATE:
      return request.queue.reserved == 0;
    case SLP_ADMIN_TELEMETRY:
    case SLP_ADMIN_LOG:
      return request.target == 0 && std::ranges::all_of(request.buffer.reserved, zero) &&
             (request.op == SLP_ADMIN_LOG || request.buffer.offset == 0) &&
             request.buffer.address % 8 == 0 && request.buffer.size != 0;
    case SLP_ADMIN_NOP:
      return request.target == 0 && std::ranges::all_of(request.none, zero);
    default:
      return std::ranges::all_of(request.none, zero);
  }
}

std::string named(const char* what, std::uint32_t number) {
  return std::string(what) + " " + std::to_string(number);
}

}  // namespace

/// False when there is none, or it was the last.
bool Card::serve_request() {
  if (admin_requests_.used() == 0) return false;
  const auto memory =
      reach(admin_requests_.address(admin_requests_.head, sizeof(slp_admin_request)),
            sizeof(slp_admin_request), Access::kRead, "an admin request");
  if (memory.empty()) {
    crash(SLP_CRASH_RINGS);
    return false;
  }
  slp_admin_request request;
  std::memcpy(&request, memory.data(), sizeof(request));
  ++admin_requests_.head;
  handle(request);
  return true;
}

void Card::handle(const slp_admin_request& request) {
  if (injector_.hit(SLP_INJECT_ADMIN_LOST, request.op)) return;
  Answer answer;
  answer.op = request.op;
  answer.response.id = request.id;
  bool later = false;
  const auto status = injector_.hit(SLP_INJECT_ADMIN_FAILS, request.op);
  if (status && *status != SLP_ADMIN_OK) {
    answer.response.status = *status;
  } else {
    answer.response.status = execute(request, answer, later);
    if (answer.response.status != SLP_ADMIN_OK)
      judge_.report(rules::kAdminRefused, "admin request " + std::to_string(request.op) + " for " +
                                              std::to_string(request.target) +
                                              " refused with status " +
                                              std::to_string(answer.response.status));
  }
  log(LogLevel::kDebug, named("admin request", request.op) + " for " +
                            std::to_string(request.target) + ": status " +
                            std::to_string(answer.response.status));
  if (!later) answers_.push_back(std::move(answer));
}

std::uint32_t Card::execute(const slp_admin_request& request, Answer& answer, bool& later) {
  if (request.op >= SLP_NUM_ADMIN_OPS) return SLP_ADMIN_BAD_OP;
  if (!well_formed(request)) return SLP_ADMIN_BAD_FIELD;
  switch (request.op) {
    case SLP_ADMIN_CONTEXT_CREATE:
      return create_context(request.target);
    case SLP_ADMIN_CONTEXT_DESTROY:
      return destroy_context(request.target);
    case SLP_ADMIN_QUEUE_CREATE:
      return create_queue(request.target, request.queue);
    case SLP_ADMIN_QUEUE_DESTROY:
      return destroy_queue(request.target, request.id, later);
    case SLP_ADMIN_ENGINE_RESET:
      return reset_engine(request.target, request.id, later);
    case SLP_ADMIN_TELEMETRY:
      return read_telemetry(request.buffer, answer);
    case SLP_ADMIN_LOG:
      return read_log(request.buffer, answer);
    default:
      return SLP_ADMIN_OK;
  }
}

// ---- Contexts and queues
// -------------------------------------------------------------------------

std::uint32_t Card::create_context(std::uint32_t context) {
  if (context >= SLP_NUM_CONTEXTS || contexts_.at(context)) return SLP_ADMIN_BAD_TARGET;
  contexts_.at(context) = true;
  log(LogLevel::kInfo, named("context", context) + " created");
  return SLP_ADMIN_OK;
}

std::uint32_t Card::destroy_context(std::uint32_t context) {
  if (context >= SLP_NUM_CONTEXTS || !contexts_.at(context)) return SLP_ADMIN_BAD_TARGET;
  const auto uses = [context](const Queue& queue) {
    return queue.exists && queue.config.context == context;
  };
  if (std::ranges::any_of(queues_, uses)) return SLP_ADMIN_IN_USE;
  contexts_.at(context) = false;
  log(LogLevel::kInfo, named("context", context) + " destroyed");
  return SLP_ADMIN_OK;
}

std::uint32_t Card::check_queue(const slp_queue_config& config) {
  if (config.ring_order < SLP_RING_ORDER_MIN || config.ring_order > SLP_RING_ORDER_MAX ||
      config.context >= SLP_NUM_CONTEXTS || !contexts_.at(config.context) ||
      config.engine_class >= kNumClasses || config.priority >= SLP_NUM_PRIORITIES ||
      config.share >= SLP_NUM_SHARES)
    return SLP_ADMIN_BAD_FIELD;
  for (const std::uint64_t address : {config.requests, config.responses, config.status}) {
    if (address == 0 || address % kRingAlignment != 0) return SLP_ADMIN_BAD_FIELD;
  }
  const std::uint64_t last = (std::uint64_t{1} << config.ring_order) - 1;
  const auto reachable = [this](std::uint64_t address, std::size_t size, Access access) {
    return !reach(address, size, access, "memory of a queue to be made").empty();
  };
  if (!reachable(config.requests, sizeof(slp_request), Access::kRead) ||
      !reachable(config.requests + last * sizeof(slp_request), sizeof(slp_request),
                 Access::kRead) ||
      !reachable(config.responses, sizeof(slp_response), Access::kWrite) ||
      !reachable(config.responses + last * sizeof(slp_response), sizeof(slp_response),
                 Access::kWrite) ||
      !reachable(config.status, sizeof(slp_queue_status), Access::kWrite))
    return SLP_ADMIN_BUS;
  return SLP_ADMIN_OK;
}

std::uint32_t Card::create_queue(std::uint32_t id, const slp_queue_config& config) {
  if (id >= SLP_NUM_QUEUES || queues_.at(id).exists) return SLP_ADMIN_BAD_TARGET;
  if (const auto status = check_queue(config); status != SLP_ADMIN_OK) return status;
  Queue& queue = queues_.at(id);
  queue.create(config);
  write_status(queue);
  log(LogLevel::kInfo,
      named("queue", id) + " created in context " + std::to_string(config.context) + ", class " +
          std::to_string(config.engine_class) + ", priority " + std::to_string(config.priority));
  return SLP_ADMIN_OK;
}

/// Whoever owns the queue lets go of it first.
std::uint32_t Card::destroy_queue(std::uint32_t id, std::uint32_t request, bool& later) {
  if (id >= SLP_NUM_QUEUES || !queues_.at(id).exists || queues_.at(id).destroying)
    return SLP_ADMIN_BAD_TARGET;
  Queue& queue = queues_.at(id);
  later = true;
  queue.destroying = true;
  queue.destroy_id = request;
  scheduler_.remove(queue);
  if (queue.owner == Queue::kNoOwner) {
    finish_destroy(queue);
  } else {
    queue.execution.cancel();
    rouse_engines();
  }
  return SLP_ADMIN_OK;
}

void Card::finish_destroy(Queue& queue) {
  if (queue.job_active) note(Note::kDropped, SLP_NUM_ENGINES, queue);
  const std::uint32_t id = queue.destroy_id;
  queue.clear();
  log(LogLevel::kInfo, named("queue", queue.id) + " destroyed");
  push_answer(SLP_ADMIN_QUEUE_DESTROY, id);
}

std::uint32_t Card::reset_engine(std::uint32_t id, std::uint32_t request, bool& later) {
  if (id >= SLP_NUM_ENGINES) return SLP_ADMIN_BAD_TARGET;
  Engine& engine = engines_.at(id);
  if (engine.resetting) return SLP_ADMIN_IN_USE;
  if (engine.stuck || injector_.hit(SLP_INJECT_ENGINE_RESET_FAILS, id)) {
    later = engine.stuck = true;
    engine.attention.store(true, std::memory_order_relaxed);
    return SLP_ADMIN_OK;
  }
  log(LogLevel::kInfo, named("engine", id) + " reset");
  if (engine.queue == nullptr) return SLP_ADMIN_OK;
  later = engine.resetting = true;
  engine.reset_id = request;
  engine.queue->execution.cancel();
  engine.attention.store(true, std::memory_order_relaxed);
  engine.wake.notify_all();
  return SLP_ADMIN_OK;
}

// ---- What the driver may read
// --------------------------------------------------------------------

std::uint32_t Card::read_telemetry(const slp_buffer& buffer, Answer& answer) {
  slp_telemetry telemetry{};
  const auto busy =
      std::ranges::count_if(engines_, [](const Engine& engine) { return engine.queue != nullptr; });
  telemetry.timestamp = timestamp();
  telemetry.uptime_ns =
      static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - boot_.started).count());
  telemetry.bytes_to_card = bytes_to_card_;
  telemetry.bytes_to_host = bytes_to_host_;
  telemetry.ecc_corrected = ecc_corrected_;
  telemetry.ecc_uncorrectable = ecc_uncorrectable_;
  telemetry.preemptions = preemptions_;
  telemetry.interrupts = interrupts_sent_;
  telemetry.temperature_mc = 38000 + 9000 * static_cast<std::uint32_t>(busy);
  telemetry.power_mw = 12000 + 15000 * static_cast<std::uint32_t>(busy);
  telemetry.contexts = static_cast<std::uint32_t>(std::ranges::count(contexts_, true));
  telemetry.queues = static_cast<std::uint32_t>(std::ranges::count(queues_, true, &Queue::exists));
  for (std::size_t i = 0; i < engines_.size(); ++i) {
    telemetry.engines[i].busy_ns = engines_.at(i).busy_ns;
    telemetry.engines[i].commands = engines_.at(i).commands;
    telemetry.engines[i].jobs = engines_.at(i).jobs;
  }
  const auto bytes = std::as_bytes(std::span(&telemetry, 1));
  const auto wanted = bytes.first(std::min<std::size_t>(bytes.size(), buffer.size));
  answer.buffer = buffer.address;
  answer.output.assign(wanted.begin(), wanted.end());
  return SLP_ADMIN_OK;
}

std::uint32_t Card::read_log(const slp_buffer& buffer, Answer& answer) {
  const FirmwareLog::Slice slice = log_.read(buffer.offset, buffer.size);
  const auto bytes = std::as_bytes(std::span(slice.text));
  answer.buffer = buffer.address;
  answer.response.offset = slice.offset;
  answer.output.assign(bytes.begin(), bytes.end());
  return SLP_ADMIN_OK;
}

// ---- Answers
// -------------------------------------------------------------------------------------

void Card::push_answer(std::uint32_t op, std::uint32_t id) {
  Answer answer;
  answer.op = op;
  answer.response.id = id;
  answers_.push_back(std::move(answer));
  wake_controller();
}

void Card::write_answer(Answer answer) {
  slp_admin_response& response = answer.response;
  if (!answer.output.empty()) {
    const auto buffer =
        reach(answer.buffer, answer.output.size(), Access::kWrite, "the buffer of an answer");
    if (buffer.empty()) {
      response.status = SLP_ADMIN_BUS;
    } else {
      std::ranges::copy(answer.output, buffer.begin());
      response.size = static_cast<std::uint32_t>(answer.output.size());
    }
  }
  if (const auto id = injector_.hit(SLP_INJECT_ADMIN_BAD_ID, answer.op)) response.id = *id;
  if (const auto size = injector_.hit(SLP_INJECT_ADMIN_BAD_SIZE, answer.op)) response.size = *size;
  const auto memory = reach(admin_responses_.address(admin_responses_.tail, sizeof(response)),
                            sizeof(response), Access::kWrite, "an admin response");
  if (memory.empty()) return crash(SLP_CRASH_RINGS);
  constexpr std::size_t kSequence = sizeof(response.sequence);
  std::memcpy(memory.data() + kSequence, std::as_bytes(std::span(&response, 1)).data() + kSequence,
              sizeof(response) - kSequence);
  ++admin_responses_.tail;
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory.data()))
      .store(admin_responses_.tail, std::memory_order_release);
  vectors_due_ |= 1U << SLP_VECTOR_ADMIN;
}

}  // namespace halyard::emu::sloop
