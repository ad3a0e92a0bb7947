// SPDX-License-Identifier: MIT
/// \file
/// Register accesses of the card.

#include <algorithm>

#include "chips/dory/card.hpp"

namespace halyard::emu::dory {

namespace {

constexpr InjectField kInjectFields[] = {
    {DORY_INJECT_KIND - DORY_INJECT_KIND, &Injection::kind},
    {DORY_INJECT_SKIP - DORY_INJECT_KIND, &Injection::skip},
    {DORY_INJECT_COUNT - DORY_INJECT_KIND, &Injection::count},
    {DORY_INJECT_ARG - DORY_INJECT_KIND, &Injection::arg},
};

}  // namespace

const Card::Face Card::kFace{.bar = DORY_BAR,
                             .find = find_register,
                             .rules = {.width = rules::kAccessWidth,
                                       .undefined = rules::kUndefinedRegister,
                                       .direction = rules::kAccessDirection,
                                       .reserved = rules::kReservedBits,
                                       .not_ready = rules::kResetting,
                                       .asleep = rules::kSleepingAccess},
                             .inject = kInjectFields,
                             .inject_arm = DORY_INJECT_ARM - DORY_INJECT_KIND,
                             .inject_fired = DORY_INJECT_FIRED - DORY_INJECT_KIND};

const char* Card::not_ready() const {
  return resetting_ ? "STATUS.RESETTING is 1" : nullptr;
}

// ---- Reads -----------------------------------------------------------------------------------

std::uint32_t Card::read_register(const RegisterRef& ref) {
  switch (ref.block) {
    case Block::kGlobal:
      return read_global(ref.info->offset);
    case Block::kPerf:
      return read_perf(ref.index);
    case Block::kRegion:
      return read_region(setup_.regions.at(ref.index), ref.info->offset);
    case Block::kInject:
      return read_inject(ref.info->offset);
  }
  return 0;
}

std::uint32_t Card::status() const {
  if (resetting_) return DORY_STATUS_RESETTING;
  const bool failed = progress_.cause != DORY_ERROR_NONE;
  return (busy_ ? DORY_STATUS_BUSY : 0U) | (progress_.done ? DORY_STATUS_DONE : 0U) |
         (failed ? DORY_STATUS_ERROR : 0U);
}

std::uint32_t Card::read_global(std::uint16_t offset) {
  switch (offset) {
    case DORY_ID:
      return DORY_ID_VALUE;
    case DORY_REVISION:
      return DORY_REVISION_MAJOR << 16 | DORY_REVISION_MINOR;
    case DORY_CAPS:
      return field(DORY_CAPS_REGIONS, DORY_NUM_REGIONS) | field(DORY_CAPS_DMA_BITS, DORY_DMA_BITS) |
             field(DORY_CAPS_STREAM_ORDER_MAX, DORY_STREAM_ORDER_MAX);
    case DORY_OPCODES:
      return implemented_opcodes();
    case DORY_CLOCK_KHZ:
      return DORY_CLOCK_KHZ_VALUE;
    case DORY_STATUS:
      return status();
    case DORY_SCRATCH:
      return scratch_;
    case DORY_IRQ_STATUS:
      return interrupt_.status();
    case DORY_IRQ_ENABLE:
      return interrupt_.enabled();
    case DORY_STREAM:
      return setup_.stream.base;
    case DORY_STREAM_SIZE:
      return setup_.stream.limit;
    case DORY_JOB:
      return setup_.job;
    case DORY_TIMESTAMP_LO:
      return latch(timestamp(), timestamp_high_);
    case DORY_TIMESTAMP_HI:
      return timestamp_high_;
    default:
      return read_progress(offset);
  }
}

std::uint32_t Card::read_progress(std::uint16_t offset) {
  switch (offset) {
    case DORY_COMPLETED:
      return completed_;
    case DORY_COMMANDS:
      return progress_.commands;
    case DORY_TAG:
      return progress_.tag;
    case DORY_CYCLES_LO:
      return latch(progress_.cycles, cycles_high_);
    case DORY_CYCLES_HI:
      return cycles_high_;
    case DORY_ERROR_CAUSE:
      return progress_.cause;
    case DORY_ERROR_ADDRESS:
      return progress_.address;
    case DORY_ERROR_ACCESS:
      return progress_.access;
    case DORY_ERROR_OFFSET:
      return progress_.offset;
    default:
      return 0;
  }
}

std::uint32_t Card::read_perf(unsigned counter) const {
  switch (counter) {
    case DORY_PERF_JOBS:
      return jobs_;
    case DORY_PERF_COMMANDS:
      return commands_;
    case DORY_PERF_KIB_READ:
      return low(space_.bytes_read() >> 10);
    case DORY_PERF_KIB_WRITTEN:
      return low(space_.bytes_written() >> 10);
    case DORY_PERF_INTERRUPTS:
      return interrupt_.sent();
    case DORY_PERF_ERRORS:
      return errors_;
    case DORY_PERF_ECC_CORRECTED:
      return ecc_corrected_;
    default:
      return 0;
  }
}

std::uint32_t Card::read_region(const Region& region, std::uint16_t offset) const {
  switch (offset) {
    case DORY_REGION_BASE:
      return region.base;
    case DORY_REGION_LIMIT:
      return region.limit;
    default:
      return region.write ? DORY_REGION_FLAGS_WRITE : 0;
  }
}

// ---- Writes ----------------------------------------------------------------------------------

void Card::write_register(const RegisterRef& ref, std::uint32_t value) {
  switch (ref.block) {
    case Block::kGlobal:
      return write_global(ref, value);
    case Block::kRegion:
      return write_setup(ref, value);
    case Block::kInject:
      return write_inject(ref.info->offset, value);
    case Block::kPerf:
      return;
  }
}

void Card::write_global(const RegisterRef& ref, std::uint32_t value) {
  switch (ref.info->offset) {
    case DORY_CTRL:
      if ((value & DORY_CTRL_RESET) != 0)
        begin_reset(injector_.hit(DORY_INJECT_RESET_FAILS).has_value());
      return;
    case DORY_SCRATCH:
      scratch_ = value;
      return;
    case DORY_IRQ_ACK:
      return after_unlock([this, value] { interrupt_.acknowledge(value); });
    case DORY_IRQ_ENABLE:
      return after_unlock([this, value] { interrupt_.set_enabled(value); });
    case DORY_RUN:
      if (value != 0) run();
      return;
    default:
      return write_setup(ref, value);
  }
}

void Card::write_setup(const RegisterRef& ref, std::uint32_t value) {
  if (busy_) return judge_.report(rules::kConfiguredBusy, ref.name() + " written while a job runs");
  if (ref.block == Block::kRegion) {
    Region& region = setup_.regions.at(ref.index);
    switch (ref.info->offset) {
      case DORY_REGION_BASE:
        region.base = value;
        return;
      case DORY_REGION_LIMIT:
        region.limit = value;
        return;
      default:
        region.write = (value & DORY_REGION_FLAGS_WRITE) != 0;
        return;
    }
  }
  switch (ref.info->offset) {
    case DORY_STREAM:
      setup_.stream.base = value;
      return;
    case DORY_STREAM_SIZE:
      setup_.stream.limit = value;
      return;
    default:
      setup_.job = value;
      return;
  }
}

/// Why no job can begin with these registers, or empty.
std::string Card::refuse_setup() const {
  const auto wraps = [](const Region& region) {
    return std::uint64_t{region.base} + region.limit > std::uint64_t{1} << DORY_DMA_BITS;
  };
  const std::uint32_t size = setup_.stream.limit;
  if (size == 0 || size % sizeof(std::uint32_t) != 0 || size > 1U << DORY_STREAM_ORDER_MAX)
    return "STREAM_SIZE is " + std::to_string(size);
  if (wraps(setup_.stream)) return "the stream ends beyond 4 GiB";
  const auto found = std::ranges::find_if(setup_.regions, wraps);
  if (found != setup_.regions.end())
    return "region " + std::to_string(found - setup_.regions.begin()) + " ends beyond 4 GiB";
  return {};
}

void Card::run() {
  if (busy_) return judge_.report(rules::kRunBusy, "RUN while a job runs");
  if (const auto reason = refuse_setup(); !reason.empty())
    return judge_.report(rules::kRunInvalid, "RUN while " + reason);
  if (!host_->bus_master()) judge_.report(rules::kBusMasterOff, "RUN with bus mastering off");
  progress_ = {};
  begun_ = hung_ = false;
  extra_cycles_ = 0;
  busy_ = true;
  wake_.notify_all();
  send_spurious();  // one from the command line has no other moment
}

void Card::arm(Injection injection) {
  if (injection.kind == DORY_INJECT_NONE) return injector_.disarm_all();
  if (injection.kind >= DORY_NUM_INJECT)
    return judge_.report(rules::kReservedBits,
                         "armed an injection of kind " + std::to_string(injection.kind));
  injector_.arm(normalised(injection));
  if (injection.kind == DORY_INJECT_IRQ_SPURIOUS) send_spurious();
  if (injection.kind == DORY_INJECT_LINK_LOSS && injection.skip == 0 &&
      injector_.hit(DORY_INJECT_LINK_LOSS))
    lose_link();
}

void Card::send_spurious() {
  if (injector_.hit(DORY_INJECT_IRQ_SPURIOUS)) after_unlock([this] { interrupt_.send_spurious(); });
}

}  // namespace halyard::emu::dory
