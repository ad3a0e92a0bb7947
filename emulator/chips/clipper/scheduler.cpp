// SPDX-License-Identifier: MIT
#include "chips/clipper/scheduler.hpp"

#include <algorithm>

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

void Scheduler::add(Queue& queue, bool in_front) {
  auto& list = ready_.at(queue.engine_class()).at(queue.priority());
  if (in_front) {
    list.push_front(&queue);
  } else {
    list.push_back(&queue);
  }
  counts_.at(queue.engine_class()).fetch_add(1, std::memory_order_relaxed);
}

void Scheduler::remove(Queue& queue) {
  std::erase(waiting_, &queue);
  auto& list = ready_.at(queue.engine_class()).at(queue.priority());
  const auto removed = static_cast<unsigned>(std::erase(list, &queue));
  counts_.at(queue.engine_class()).fetch_sub(removed, std::memory_order_relaxed);
}

Queue* Scheduler::take(unsigned engine_class) {
  for (auto& list : ready_.at(engine_class)) {
    if (list.empty()) continue;
    Queue* queue = list.front();
    list.pop_front();
    counts_.at(engine_class).fetch_sub(1, std::memory_order_relaxed);
    return queue;
  }
  return nullptr;
}

unsigned Scheduler::best_priority(unsigned engine_class) const {
  const auto& lists = ready_.at(engine_class);
  const auto* found = std::ranges::find_if(lists, [](const auto& list) { return !list.empty(); });
  return static_cast<unsigned>(found - lists.begin());
}

void Scheduler::clear() {
  for (auto& lists : ready_) {
    for (auto& list : lists)
      list.clear();
  }
  for (auto& count : counts_)
    count.store(0, std::memory_order_relaxed);
  waiting_.clear();
}

}  // namespace halyard::emu::clipper
