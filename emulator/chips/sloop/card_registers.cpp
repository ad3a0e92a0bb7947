// SPDX-License-Identifier: MIT
/// \file
/// Register accesses of the card.

#include <algorithm>

#include "chips/sloop/card.hpp"
#include "chips/sloop/rules.hpp"

namespace halyard::emu::sloop {

namespace {

constexpr InjectField kInjectFields[] = {
    {SLP_INJECT_KIND - SLP_INJECT_KIND, &Injection::kind},
    {SLP_INJECT_TARGET - SLP_INJECT_KIND, &Injection::target},
    {SLP_INJECT_SKIP - SLP_INJECT_KIND, &Injection::skip},
    {SLP_INJECT_COUNT - SLP_INJECT_KIND, &Injection::count},
    {SLP_INJECT_ARG - SLP_INJECT_KIND, &Injection::arg},
};

constexpr std::chrono::milliseconds kHeartbeat{100};

std::string range_text(const char* name, std::uint32_t value, std::uint32_t from,
                       std::uint32_t to) {
  return std::string(name) + " set to " + std::to_string(value) + ", which is not from " +
         std::to_string(from) + " to " + std::to_string(to);
}

}  // namespace

const Card::Face Card::kFace{.bar = SLP_BAR,
                             .find = find_register,
                             .rules = {.width = rules::kAccessWidth,
                                       .undefined = rules::kUndefinedRegister,
                                       .direction = rules::kAccessDirection,
                                       .reserved = rules::kReservedBits,
                                       .not_ready = rules::kNotReady,
                                       .asleep = rules::kSleepingAccess},
                             .inject = kInjectFields,
                             .inject_arm = SLP_INJECT_ARM - SLP_INJECT_KIND,
                             .inject_fired = SLP_INJECT_FIRED - SLP_INJECT_KIND};

const char* Card::not_ready() const {
  return boot_.state != SLP_BOOT_STATE_RESET ? nullptr : "BOOT_STATE is RESET";
}

// ---- Reads -----------------------------------------------------------------------------------

std::uint32_t Card::read_register(const RegisterRef& ref) {
  switch (ref.block) {
    case Block::kGlobal:
      return read_global(ref.info->offset);
    case Block::kEngine:
      return read_engine(engines_.at(ref.index), ref.info->offset);
    case Block::kQueue:
      return read_queue(queues_.at(ref.index), ref.info->offset);
    case Block::kInject:
      return read_inject(ref.info->offset);
  }
  return 0;
}

std::uint32_t Card::read_global(std::uint16_t offset) {
  switch (offset) {
    case SLP_ID:
      return SLP_ID_VALUE;
    case SLP_REVISION:
      return SLP_REVISION_MAJOR << 16 | SLP_REVISION_MINOR;
    case SLP_CAPS0:
      return field(SLP_CAPS0_QUEUES, SLP_NUM_QUEUES) | field(SLP_CAPS0_CONTEXTS, SLP_NUM_CONTEXTS) |
             field(SLP_CAPS0_COMPUTE_ENGINES, SLP_NUM_COMPUTE_ENGINES) |
             field(SLP_CAPS0_DMA_ENGINES, SLP_NUM_DMA_ENGINES) |
             field(SLP_CAPS0_RING_ORDER_MAX, SLP_RING_ORDER_MAX);
    case SLP_CAPS1:
      return field(SLP_CAPS1_DMA_BITS, SLP_DMA_BITS) |
             field(SLP_CAPS1_SEGMENTS, DRM_HALYARD_SLOOP_MAX_SEGMENTS) |
             field(SLP_CAPS1_BINDINGS, DRM_HALYARD_SLOOP_MAX_BINDINGS);
    case SLP_OPCODES:
      return implemented_opcodes();
    case SLP_CLOCK_KHZ:
      return SLP_CLOCK_KHZ_VALUE;
    case SLP_DRAM_SIZE_LO:
      return low(size_.dram);
    case SLP_DRAM_SIZE_HI:
      return high(size_.dram);
    case SLP_DRAM_RESERVED:
      return kReserved;
    case SLP_SCRATCH:
      return scratch_;
    case SLP_TIMESTAMP_LO:
      return latch(timestamp(), timestamp_high_);
    case SLP_TIMESTAMP_HI:
      return timestamp_high_;
    case SLP_IRQ_STATUS:
      return interrupts_.status();
    case SLP_IRQ_ENABLE:
      return interrupts_.enabled();
    default:
      return offset < SLP_ADMIN_REQUESTS_LO ? read_boot(offset) : read_rings(offset);
  }
}

/// Grows while the firmware runs; stands still at a crash.
std::uint32_t Card::heartbeat() const {
  if (boot_.state != SLP_BOOT_STATE_RUNNING) return boot_.last_heartbeat;
  return static_cast<std::uint32_t>((Clock::now() - boot_.started) / kHeartbeat) + 1;
}

std::uint32_t Card::read_boot(std::uint16_t offset) const {
  switch (offset) {
    case SLP_BOOT_STATE:
      return boot_.state;
    case SLP_BOOT_STATUS:
      return boot_.status;
    case SLP_BOOT_WINDOW:
      return kBootWindow;
    case SLP_BOOT_WINDOW_SIZE:
      return kBootWindowSize;
    case SLP_BOOT_IMAGE_SIZE:
      return boot_.image_size;
    case SLP_BOOT_PROTOCOL:
      return boot_.protocol;
    case SLP_BOOT_SECURITY:
      return boot_rom().security;
    case SLP_FW_VERSION:
      return boot_.firmware.version;
    case SLP_FW_HEARTBEAT:
      return heartbeat();
    case SLP_CRASH_CODE:
      return boot_.crash_code;
    default:
      return 0;
  }
}

std::uint32_t Card::read_rings(std::uint16_t offset) const {
  switch (offset) {
    case SLP_ADMIN_REQUESTS_LO:
      return low(admin_requests_.base);
    case SLP_ADMIN_REQUESTS_HI:
      return high(admin_requests_.base);
    case SLP_ADMIN_RESPONSES_LO:
      return low(admin_responses_.base);
    case SLP_ADMIN_RESPONSES_HI:
      return high(admin_responses_.base);
    case SLP_ADMIN_ORDER:
      return admin_requests_.order;
    case SLP_EVENTS_LO:
      return low(events_.base);
    case SLP_EVENTS_HI:
      return high(events_.base);
    case SLP_EVENTS_ORDER:
      return events_.order;
    case SLP_ADMIN_REQUEST_TAIL:
      return admin_requests_.tail;
    case SLP_ADMIN_REQUEST_HEAD:
      return admin_requests_.head;
    case SLP_ADMIN_RESPONSE_TAIL:
      return admin_responses_.tail;
    case SLP_ADMIN_RESPONSE_HEAD:
      return admin_responses_.head;
    case SLP_EVENT_TAIL:
      return events_.tail;
    case SLP_EVENT_HEAD:
      return events_.head;
    case SLP_EVENT_LOST:
      return events_lost_;
    default:
      return 0;
  }
}

std::uint32_t Card::read_engine(const Engine& engine, std::uint16_t offset) const {
  if (offset == SLP_ENGINE_QUEUE) return engine.queue != nullptr ? engine.queue->id : SLP_NONE;
  return (engine.queue != nullptr ? SLP_ENGINE_STATUS_BUSY : 0U) |
         (engine.hung ? SLP_ENGINE_STATUS_HUNG : 0U) |
         (engine.resetting || engine.stuck ? SLP_ENGINE_STATUS_RESETTING : 0U);
}

std::uint32_t Card::read_queue(const Queue& queue, std::uint16_t offset) const {
  switch (offset) {
    case SLP_QUEUE_REQUEST_TAIL:
      return queue.request_tail;
    case SLP_QUEUE_REQUEST_HEAD:
      return queue.request_head;
    case SLP_QUEUE_RESPONSE_TAIL:
      return queue.response_tail;
    default:
      return queue.response_head;
  }
}

// ---- Writes ----------------------------------------------------------------------------------

void Card::write_register(const RegisterRef& ref, std::uint32_t value) {
  switch (ref.block) {
    case Block::kGlobal:
      return write_global(ref.info->offset, value);
    case Block::kQueue:
      return write_queue(queues_.at(ref.index), ref.info->offset, value);
    case Block::kInject:
      return write_inject(ref.info->offset, value);
    case Block::kEngine:
      return;
  }
}

void Card::write_global(std::uint16_t offset, std::uint32_t value) {
  switch (offset) {
    case SLP_CONTROL:
      if ((value & SLP_CONTROL_RESET) == 0) return;
      report_unannounced_reset("CONTROL.RESET");
      return begin_reset(injector_.hit(SLP_INJECT_RESET_FAILS).has_value());
    case SLP_SCRATCH:
      scratch_ = value;
      return;
    case SLP_IRQ_STATUS:
      return interrupts_.acknowledge(value);
    case SLP_IRQ_ENABLE:
      after_unlock([this, value] { interrupts_.set_enabled(value); });
      return;
    case SLP_BOOT_COMMAND:
      return write_boot_command(value);
    case SLP_BOOT_IMAGE_SIZE:
      boot_.image_size = value;
      return;
    case SLP_BOOT_PROTOCOL:
      boot_.protocol = value;
      return;
    default:
      return write_rings(offset, value);
  }
}

void Card::write_rings(std::uint16_t offset, std::uint32_t value) {
  switch (offset) {
    case SLP_ADMIN_REQUEST_TAIL:
      return ring_admin(value);
    case SLP_ADMIN_RESPONSE_HEAD:
      return consume(admin_responses_, value, rules::kAdminHead, "ADMIN_RESPONSE_HEAD");
    case SLP_EVENT_HEAD:
      return consume(events_, value, rules::kEventHead, "EVENT_HEAD");
    default:
      return write_ring_setup(offset, value);
  }
}

void Card::write_ring_setup(std::uint16_t offset, std::uint32_t value) {
  if (boot_.state == SLP_BOOT_STATE_STARTING || boot_.state == SLP_BOOT_STATE_RUNNING)
    return judge_.report(rules::kRingsConfigured,
                         find_register(offset).name() + " changed while the firmware runs");
  switch (offset) {
    case SLP_ADMIN_REQUESTS_LO:
      return set_low(admin_requests_.base, value);
    case SLP_ADMIN_REQUESTS_HI:
      return set_high(admin_requests_.base, value);
    case SLP_ADMIN_RESPONSES_LO:
      return set_low(admin_responses_.base, value);
    case SLP_ADMIN_RESPONSES_HI:
      return set_high(admin_responses_.base, value);
    case SLP_ADMIN_ORDER:
      admin_requests_.order = admin_responses_.order = value;
      return;
    case SLP_EVENTS_LO:
      return set_low(events_.base, value);
    case SLP_EVENTS_HI:
      return set_high(events_.base, value);
    case SLP_EVENTS_ORDER:
      events_.order = value;
      return;
    default:
      return;
  }
}

void Card::ring_admin(std::uint32_t tail) {
  if (boot_.state == SLP_BOOT_STATE_CRASHED) return;  // the driver need not know yet
  if (!running()) return judge_.report(rules::kNotRunning, "admin doorbell while no firmware runs");
  if (!host_->bus_master())
    judge_.report(rules::kBusMasterOff, "admin doorbell with bus mastering off");
  const std::uint32_t oldest = admin_responses_.head;
  if (tail - oldest > admin_requests_.size() || tail - oldest < admin_requests_.tail - oldest)
    return judge_.report(rules::kAdminTail,
                         range_text("ADMIN_REQUEST_TAIL", tail, admin_requests_.tail,
                                    oldest + admin_requests_.size()));
  admin_requests_.tail = tail;
  wake_controller();
}

void Card::consume(Ring& ring, std::uint32_t head, std::string_view rule, const char* name) {
  if (head - ring.head > ring.used())
    return judge_.report(rule, range_text(name, head, ring.head, ring.tail));
  ring.head = head;
}

void Card::write_queue(Queue& queue, std::uint16_t offset, std::uint32_t value) {
  if (boot_.state == SLP_BOOT_STATE_CRASHED) return;
  if (!queue.exists || queue.destroying)
    return judge_.report(rules::kNoQueue,
                         "access to queue " + std::to_string(queue.id) + ", which does not exist");
  if (offset == SLP_QUEUE_REQUEST_TAIL) return ring_queue(queue, value);
  if (value - queue.response_head > queue.response_tail - queue.response_head)
    return judge_.report(
        rules::kResponseHead,
        range_text("RESPONSE_HEAD", value, queue.response_head, queue.response_tail));
  queue.response_head = value;
}

void Card::ring_queue(Queue& queue, std::uint32_t tail) {
  if (!host_->bus_master())
    judge_.report(rules::kBusMasterOff,
                  "doorbell of queue " + std::to_string(queue.id) + " with bus mastering off");
  if (queue.state == SLP_QUEUE_STATE_STOPPED) return;  // the driver need not know yet
  const std::uint32_t oldest = queue.response_head;
  if (tail - oldest > queue.ring_size() || tail - oldest < queue.request_tail - oldest) {
    judge_.report(rules::kRequestTail,
                  range_text("REQUEST_TAIL", tail, queue.request_tail, oldest + queue.ring_size()));
    scheduler_.remove(queue);
    queue.execution.cancel();
    return stop_queue(queue, SLP_NONE);
  }
  queue.request_tail = tail;
  if (queue.state != SLP_QUEUE_STATE_IDLE || queue.owner != Queue::kNoOwner || !queue.has_jobs())
    return;
  queue.state = SLP_QUEUE_STATE_PENDING;
  queue.status_due = true;
  scheduler_.add(queue, false);
  kick(queue);
  wake_controller();
}

// ---- Error injection -------------------------------------------------------------------------

void Card::arm(Injection injection) {
  if (injection.kind == SLP_INJECT_NONE) return injector_.disarm_all();
  if (injection.kind >= SLP_NUM_INJECT)
    return judge_.report(rules::kReservedBits,
                         "armed an injection of kind " + std::to_string(injection.kind));
  injection = normalised(injection);
  injector_.arm(injection);
  if (injection.kind == SLP_INJECT_IRQ_SPURIOUS) return send_spurious();
  if (injection.skip != 0) return;
  if (injection.kind == SLP_INJECT_LINK_LOSS &&
      injector_.hit(SLP_INJECT_LINK_LOSS, injection.target))
    lose_link();
  if (injection.kind == SLP_INJECT_FIRMWARE_CRASH && running() &&
      injector_.hit(SLP_INJECT_FIRMWARE_CRASH, injection.target))
    crash(SLP_CRASH_ASSERTION);
}

void Card::send_spurious() {
  if (const auto vector = injector_.hit(SLP_INJECT_IRQ_SPURIOUS))
    after_unlock([this, vector] { interrupts_.send_spurious(*vector); });
}

}  // namespace halyard::emu::sloop
