// SPDX-License-Identifier: MIT
/// \file
/// Queue registers, doorbells, resets of queues and engines. Everything in here runs with the
/// card's mutex held.

#include <drm/halyard_clipper.h>

#include "chips/clipper/card.hpp"
#include "chips/clipper/rules.hpp"

namespace halyard::emu::clipper {

namespace {

std::string named(const Queue& queue) {
  return "queue " + std::to_string(queue.id);
}

void set_half(std::uint64_t& whole, bool high, std::uint32_t value) {
  const unsigned shift = high ? 32 : 0;
  whole = (whole & ~(std::uint64_t{0xffffffff} << shift)) | std::uint64_t{value} << shift;
}

}  // namespace

void Card::write_queue(Queue& queue, std::uint16_t offset, std::uint32_t value) {
  if (offset == CLP_QUEUE_CONTROL) return write_queue_control(queue, value);
  if (queue.state != CLP_QUEUE_STATE_DISABLED)
    return judge_.report(rules::kQueueConfigured, named(queue) + " configured while it is enabled");
  switch (offset) {
    case CLP_QUEUE_RING_LO:
    case CLP_QUEUE_RING_HI:
      return set_half(queue.ring, offset == CLP_QUEUE_RING_HI, value);
    case CLP_QUEUE_STATUS_BLOCK_LO:
    case CLP_QUEUE_STATUS_BLOCK_HI:
      return set_half(queue.status_block, offset == CLP_QUEUE_STATUS_BLOCK_HI, value);
    case CLP_QUEUE_RING_ORDER:
      queue.ring_order = value;
      return;
    case CLP_QUEUE_CONFIG:
      queue.config = value;
      return;
    default:
      return;
  }
}

void Card::write_queue_control(Queue& queue, std::uint32_t value) {
  const bool enable = (value & CLP_QUEUE_CONTROL_ENABLE) != 0;
  if ((value & CLP_QUEUE_CONTROL_RESET) != 0) {
    if (enable)
      judge_.report(rules::kReservedBits, "ENABLE and RESET of " + named(queue) + " at once");
    return reset_queue(queue);
  }
  if (queue.state == CLP_QUEUE_STATE_RESETTING)
    return judge_.report(rules::kQueueResetting,
                         "CONTROL of " + named(queue) + " written in its reset");
  const bool enabled = queue.state != CLP_QUEUE_STATE_DISABLED;
  if (enable == enabled) return;
  if (enable) return enable_queue(queue);
  if (queue.has_jobs() && queue.state != CLP_QUEUE_STATE_FAULTED)
    judge_.report(rules::kQueueDisabledBusy, named(queue) + " disabled with jobs in its ring");
  reset_queue(queue);
}

std::string Card::refuse_queue(const Queue& queue) const {
  if (queue.ring_order < CLP_RING_ORDER_MIN || queue.ring_order > CLP_RING_ORDER_MAX)
    return "RING_ORDER is " + std::to_string(queue.ring_order);
  if (queue.ctx() >= CLP_NUM_CONTEXTS) return "there is no context " + std::to_string(queue.ctx());
  if (queue.engine_class() >= kNumClasses)
    return "there is no engine class " + std::to_string(queue.engine_class());
  if (queue.priority() >= CLP_NUM_PRIORITIES)
    return "there is no priority " + std::to_string(queue.priority());
  if (!mmu_.enabled(queue.ctx())) return "context " + std::to_string(queue.ctx()) + " is disabled";
  return {};
}

void Card::enable_queue(Queue& queue) {
  if (const auto reason = refuse_queue(queue); !reason.empty())
    return judge_.report(rules::kQueueInvalid, named(queue) + " enabled, but " + reason);
  queue.drop_jobs();
  queue.space.bind(host_, &mmu_, queue.ctx());
  queue.entry_hashes.assign(std::size_t{1} << queue.ring_order, 0);
  queue.state = CLP_QUEUE_STATE_IDLE;
}

/// Whoever owns the queue lets go of it first.
void Card::reset_queue(Queue& queue) {
  if (queue.state == CLP_QUEUE_STATE_DISABLED || queue.state == CLP_QUEUE_STATE_RESETTING) return;
  scheduler_.remove(queue);
  queue.state = CLP_QUEUE_STATE_RESETTING;
  queue.stuck = injector_.hit(CLP_INJECT_QUEUE_RESET_FAILS, queue.id).has_value();
  queue.reset_requested = true;
  if (queue.owner == Queue::kNoOwner) return finish_queue_reset(queue);
  queue.execution.cancel();
  rouse_engines();
}

void Card::finish_queue_reset(Queue& queue) {
  queue.reset_requested = false;
  if (queue.stuck) return;
  if (queue.job_active) note(Note::kDropped, CLP_NUM_ENGINES, queue);
  queue.drop_jobs();
}

void Card::ring_doorbell(Queue& queue, std::uint32_t tail) {
  counters_.add(CLP_PERF_DOORBELLS);
  if (queue.state == CLP_QUEUE_STATE_DISABLED || queue.state == CLP_QUEUE_STATE_RESETTING)
    return judge_.report(rules::kDoorbellDisabled,
                         "doorbell of " + named(queue) + ", which is disabled");
  if (!host_->bus_master())
    judge_.report(rules::kBusMasterOff, "doorbell of " + named(queue) + " with bus mastering off");
  if (queue.state == CLP_QUEUE_STATE_FAULTED) return;  // the driver need not know yet
  const std::uint32_t size = 1U << queue.ring_order;
  if (tail - queue.head > size) {
    judge_.report(rules::kDoorbellRange,
                  "doorbell of " + named(queue) + ": tail " + std::to_string(tail) + " with head " +
                      std::to_string(queue.head) + " in a ring of " + std::to_string(size));
    queue.bad_tail = true;
  } else if (tail - queue.head < queue.tail - queue.head) {
    return judge_.report(rules::kDoorbellRange, "doorbell of " + named(queue) + " went back from " +
                                                    std::to_string(queue.tail) + " to " +
                                                    std::to_string(tail));
  } else {
    queue.tail = tail;
  }
  if (queue.state == CLP_QUEUE_STATE_IDLE && queue.has_jobs()) {
    queue.state = CLP_QUEUE_STATE_PENDING;
    scheduler_.add(queue, false);
    kick(queue);
  }
  wake_waiters();
}

void Card::reset_engine(Engine& engine) {
  if (injector_.hit(CLP_INJECT_ENGINE_RESET_FAILS, engine.id)) {
    engine.stuck = true;
    engine.attention.store(true, std::memory_order_relaxed);
    return;
  }
  if (engine.queue == nullptr || engine.stuck) return;
  engine.reset_requested = true;
  engine.queue->execution.cancel();
  engine.attention.store(true, std::memory_order_relaxed);
  engine.wake.notify_all();
}

}  // namespace halyard::emu::clipper
