// SPDX-License-Identifier: MIT
/// \file
/// Register accesses of the card.

#include <drm/halyard_clipper.h>

#include <algorithm>
#include <utility>

#include "chips/clipper/card.hpp"
#include "chips/clipper/rules.hpp"

namespace halyard::emu::clipper {

namespace {

constexpr InjectField kInjectFields[] = {
    {CLP_INJECT_KIND - CLP_INJECT_KIND, &Injection::kind},
    {CLP_INJECT_TARGET - CLP_INJECT_KIND, &Injection::target},
    {CLP_INJECT_SKIP - CLP_INJECT_KIND, &Injection::skip},
    {CLP_INJECT_COUNT - CLP_INJECT_KIND, &Injection::count},
    {CLP_INJECT_ARG - CLP_INJECT_KIND, &Injection::arg},
};

}  // namespace

const Card::Face Card::kFace{.bar = CLP_BAR,
                             .find = find_register,
                             .rules = {.width = rules::kAccessWidth,
                                       .undefined = rules::kUndefinedRegister,
                                       .direction = rules::kAccessDirection,
                                       .reserved = rules::kReservedBits,
                                       .not_ready = rules::kNotReady,
                                       .asleep = rules::kSleepingAccess},
                             .inject = kInjectFields,
                             .inject_arm = CLP_INJECT_ARM - CLP_INJECT_KIND,
                             .inject_fired = CLP_INJECT_FIRED - CLP_INJECT_KIND};

const char* Card::not_ready() const {
  return ready_ ? nullptr : "STATUS.READY is 0";
}

// ---- Reads -----------------------------------------------------------------------------------

std::uint32_t Card::read_register(const RegisterRef& ref) {
  switch (ref.block) {
    case Block::kGlobal:
      return read_global(ref.info->offset);
    case Block::kContext:
      return read_context(ref.index, ref.info->offset);
    case Block::kEngine:
      return read_engine(ref.index, ref.info->offset);
    case Block::kPerf:
      return ref.info->offset == 0 ? latch(counters_.get(ref.index), perf_high_.at(ref.index))
                                   : perf_high_.at(ref.index);
    case Block::kQueue:
      return read_queue(queues_.at(ref.index), ref.info->offset);
    case Block::kInject:
      return read_inject(ref.info->offset);
    case Block::kDoorbell:
      break;
  }
  return 0;
}

std::uint32_t Card::read_global(std::uint16_t offset) {
  switch (offset) {
    case CLP_ID:
      return CLP_ID_VALUE;
    case CLP_REVISION:
      return CLP_REVISION_MAJOR << 16 | CLP_REVISION_MINOR;
    case CLP_CAPS0:
      return field(CLP_CAPS0_QUEUES, CLP_NUM_QUEUES) | field(CLP_CAPS0_CONTEXTS, CLP_NUM_CONTEXTS) |
             field(CLP_CAPS0_TENSOR_ENGINES, CLP_NUM_TENSOR_ENGINES) |
             field(CLP_CAPS0_COPY_ENGINES, CLP_NUM_COPY_ENGINES) |
             field(CLP_CAPS0_RING_ORDER_MAX, CLP_RING_ORDER_MAX);
    case CLP_CAPS1:
      return field(CLP_CAPS1_DMA_BITS, CLP_DMA_BITS) | field(CLP_CAPS1_VA_BITS, CLP_VA_BITS) |
             field(CLP_CAPS1_BINDINGS_MAX, CLP_BINDINGS_MAX);
    case CLP_OPCODES_LO:
      return low(implemented_opcodes());
    case CLP_OPCODES_HI:
      return high(implemented_opcodes());
    case CLP_STATUS:
      return (ready_ ? CLP_STATUS_READY : 0U) | (resetting_ ? CLP_STATUS_RESETTING : 0U) |
             (fatal_ ? CLP_STATUS_FATAL : 0U);
    case CLP_CONTROL:
      return enabled_ ? CLP_CONTROL_ENABLE : 0;
    case CLP_SCRATCH:
      return scratch_;
    case CLP_TIMESTAMP_LO:
      return latch(timestamp(), timestamp_high_);
    case CLP_TIMESTAMP_HI:
      return timestamp_high_;
    case CLP_CLOCK_KHZ:
      return CLP_CLOCK_KHZ_VALUE;
    case CLP_IRQ_STATUS:
      return interrupts_.status();
    case CLP_IRQ_ENABLE:
      return interrupts_.enabled();
    case CLP_FAULTQ_BASE_LO:
      return low(fault_queue_.base());
    case CLP_FAULTQ_BASE_HI:
      return high(fault_queue_.base());
    case CLP_FAULTQ_ORDER:
      return fault_queue_.order();
    case CLP_FAULTQ_HEAD:
      return fault_queue_.head();
    case CLP_FAULTQ_TAIL:
      return fault_queue_.tail();
    case CLP_FAULTQ_LOST:
      return fault_queue_.lost();
    case CLP_TLB_STATUS:
      return flush_busy() ? CLP_TLB_STATUS_BUSY : 0;
    default:
      return 0;
  }
}

std::uint32_t Card::read_context(unsigned ctx, std::uint16_t offset) const {
  switch (offset) {
    case CLP_CTX_PGD_LO:
      return low(mmu_.root(ctx));
    case CLP_CTX_PGD_HI:
      return high(mmu_.root(ctx));
    default:
      return mmu_.enabled(ctx) ? CLP_CTX_CONTROL_ENABLE : 0;
  }
}

std::uint32_t Card::read_engine(unsigned index, std::uint16_t offset) {
  const Engine& engine = engines_.at(index);
  auto& latches = engine_high_.at(index);
  switch (offset) {
    case CLP_ENGINE_INFO:
      return field(CLP_ENGINE_INFO_CLASS, engine.engine_class);
    case CLP_ENGINE_STATUS:
      return (engine.queue != nullptr ? CLP_ENGINE_STATUS_BUSY : 0U) |
             (engine.hung ? CLP_ENGINE_STATUS_HUNG : 0U) |
             (engine.reset_requested || engine.stuck ? CLP_ENGINE_STATUS_RESETTING : 0U);
    case CLP_ENGINE_QUEUE:
      return engine.queue != nullptr ? engine.queue->id : CLP_NO_QUEUE;
    case CLP_ENGINE_BUSY_NS_LO:
      return latch(engine.busy_ns, latches[0]);
    case CLP_ENGINE_BUSY_NS_HI:
      return latches[0];
    case CLP_ENGINE_COMMANDS_LO:
      return latch(engine.commands, latches[1]);
    case CLP_ENGINE_COMMANDS_HI:
      return latches[1];
    case CLP_ENGINE_JOBS_LO:
      return latch(engine.jobs, latches[2]);
    case CLP_ENGINE_JOBS_HI:
      return latches[2];
    default:
      return 0;
  }
}

std::uint32_t Card::read_queue(const Queue& queue, std::uint16_t offset) const {
  switch (offset) {
    case CLP_QUEUE_RING_LO:
      return low(queue.ring);
    case CLP_QUEUE_RING_HI:
      return high(queue.ring);
    case CLP_QUEUE_RING_ORDER:
      return queue.ring_order;
    case CLP_QUEUE_CONFIG:
      return queue.config;
    case CLP_QUEUE_STATUS_BLOCK_LO:
      return low(queue.status_block);
    case CLP_QUEUE_STATUS_BLOCK_HI:
      return high(queue.status_block);
    case CLP_QUEUE_CONTROL:
      return queue.state == CLP_QUEUE_STATE_DISABLED || queue.state == CLP_QUEUE_STATE_RESETTING
                 ? 0
                 : CLP_QUEUE_CONTROL_ENABLE;
    case CLP_QUEUE_HEAD:
      return queue.head;
    case CLP_QUEUE_TAIL:
      return queue.tail;
    case CLP_QUEUE_STATE:
      return queue.state;
    default:
      return 0;
  }
}

// ---- Writes ----------------------------------------------------------------------------------

void Card::write_register(const RegisterRef& ref, std::uint32_t value) {
  switch (ref.block) {
    case Block::kGlobal:
      return write_global(ref.info->offset, value);
    case Block::kContext:
      return write_context(ref.index, ref.info->offset, value);
    case Block::kEngine:
      if ((value & CLP_ENGINE_CONTROL_RESET) != 0) reset_engine(engines_.at(ref.index));
      return;
    case Block::kQueue:
      return write_queue(queues_.at(ref.index), ref.info->offset, value);
    case Block::kDoorbell:
      return ring_doorbell(queues_.at(ref.index), value);
    case Block::kInject:
      return write_inject(ref.info->offset, value);
    case Block::kPerf:
      return;
  }
}

void Card::write_global(std::uint16_t offset, std::uint32_t value) {
  switch (offset) {
    case CLP_CONTROL:
      return write_control(value);
    case CLP_SCRATCH:
      scratch_ = value;
      return;
    case CLP_IRQ_STATUS:
      return interrupts_.acknowledge(value);
    case CLP_IRQ_ENABLE:
      return after_unlock([this, value] { interrupts_.set_enabled(value); });
    case CLP_TLB_FLUSH:
      return begin_flush(value);
    default:
      return write_fault_queue(offset, value);
  }
}

void Card::write_control(std::uint32_t value) {
  if ((value & CLP_CONTROL_RESET) != 0) {
    report_unannounced_reset("CONTROL.RESET");
    return begin_reset(injector_.hit(CLP_INJECT_FUNCTION_RESET_FAILS, CLP_INJECT_ANY).has_value());
  }
  const bool enable = (value & CLP_CONTROL_ENABLE) != 0;
  const bool changed = std::exchange(enabled_, enable) != enable;
  if (!changed) return;
  if (!enable) return rouse_engines();
  send_spurious();  // one from the command line has no other moment
  kick_all();
}

void Card::write_fault_queue(std::uint16_t offset, std::uint32_t value) {
  std::uint64_t base = fault_queue_.base();
  const bool is_base = offset == CLP_FAULTQ_BASE_LO || offset == CLP_FAULTQ_BASE_HI;
  if (is_base && fault_queue_.order() != 0)
    return judge_.report(rules::kFaultQueueConfig,
                         "FAULTQ_BASE written while FAULTQ_ORDER is not 0");
  switch (offset) {
    case CLP_FAULTQ_BASE_LO:
      set_low(base, value);
      return fault_queue_.set_base(base);
    case CLP_FAULTQ_BASE_HI:
      set_high(base, value);
      return fault_queue_.set_base(base);
    case CLP_FAULTQ_ORDER:
      if (value <= CLP_FAULTQ_ORDER_MAX) return fault_queue_.set_order(value);
      return judge_.report(rules::kFaultQueueConfig, "FAULTQ_ORDER is " + std::to_string(value));
    case CLP_FAULTQ_HEAD:
      if (!fault_queue_.set_head(value))
        judge_.report(rules::kFaultQueueConfig, "FAULTQ_HEAD set to " + std::to_string(value) +
                                                    ", outside the records from " +
                                                    std::to_string(fault_queue_.head()) + " to " +
                                                    std::to_string(fault_queue_.tail()));
      return;
    default:
      return;
  }
}

void Card::write_context(unsigned ctx, std::uint16_t offset, std::uint32_t value) {
  if (offset == CLP_CTX_CONTROL) {
    const bool enable = (value & CLP_CTX_CONTROL_ENABLE) != 0;
    if (enable == mmu_.enabled(ctx)) return;
    const auto uses = [ctx](const Queue& queue) {
      return queue.state != CLP_QUEUE_STATE_DISABLED && queue.ctx() == ctx;
    };
    if (const auto* user = std::ranges::find_if(queues_, uses); !enable && user != queues_.end())
      judge_.report(rules::kContextInUse, "context " + std::to_string(ctx) +
                                              " disabled while queue " + std::to_string(user->id) +
                                              " uses it");
    return mmu_.set_enabled(ctx, enable);
  }
  if (mmu_.enabled(ctx))
    return judge_.report(rules::kContextConfigured, "root table of context " + std::to_string(ctx) +
                                                        " changed while it is enabled");
  std::uint64_t root = mmu_.root(ctx);
  if (offset == CLP_CTX_PGD_LO) {
    set_low(root, value);
  } else {
    set_high(root, value);
  }
  mmu_.set_root(ctx, root);
}

void Card::arm(Injection injection) {
  if (injection.kind == CLP_INJECT_NONE) return injector_.disarm_all();
  if (injection.kind >= CLP_NUM_INJECT)
    return judge_.report(rules::kReservedBits,
                         "armed an injection of kind " + std::to_string(injection.kind));
  injector_.arm(normalised(injection));
  if (injection.kind == CLP_INJECT_IRQ_SPURIOUS) send_spurious();
  if (injection.kind == CLP_INJECT_LINK_LOSS && injection.skip == 0 &&
      injector_.hit(CLP_INJECT_LINK_LOSS, injection.target))
    lose_link();
}

void Card::send_spurious() {
  if (const auto vector = injector_.hit(CLP_INJECT_IRQ_SPURIOUS, CLP_INJECT_ANY))
    after_unlock([this, vector] { interrupts_.send_spurious(*vector); });
}

}  // namespace halyard::emu::clipper
