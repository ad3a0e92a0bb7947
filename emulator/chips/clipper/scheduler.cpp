// SPDX-License-Identifier: MIT
#include "chips/clipper/scheduler.hpp"

namespace halyard::emu::clipper {

std::span<std::byte> QueueSpace::translate(std::uint64_t address, std::size_t size, Access access,
                                           Fault& fault) {
  last_fault_ = {};
  const auto memory = mmu_->translate(ctx_, address, size, access, false, last_fault_);
  if (!memory.empty()) return memory;
  fault.cause =
      last_fault_.cause == CLP_FAULT_PERMISSION ? FaultCause::kPermission : FaultCause::kUnmapped;
  fault.address = last_fault_.address;
  fault.access = access;
  return {};
}

void Queue::drop_jobs() {
  head = tail = hashed = 0;
  bad_tail = reset_requested = stuck = false;
  job_active = false;
  any_fence = false;
  busy_ns = commands = jobs = 0;
  state = CLP_QUEUE_STATE_DISABLED;
}

void Queue::clear() {
  drop_jobs();
  ring = status_block = 0;
  ring_order = config = 0;
  owner = kNoOwner;
}

}  // namespace halyard::emu::clipper
