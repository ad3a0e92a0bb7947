// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Queues that wait for an engine.

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>

namespace halyard::emu {

/// Lists by engine class and priority, 0 first. `Queue` has engine_class() and priority(). The
/// caller's lock protects it but for anybody_ready().
template <typename Queue, unsigned kClasses, unsigned kPriorities>
class ReadyQueues {
 public:
  void add(Queue& queue, bool in_front) {
    auto& list = ready_.at(queue.engine_class()).at(queue.priority());
    if (in_front) {
      list.push_front(&queue);
    } else {
      list.push_back(&queue);
    }
    counts_.at(queue.engine_class()).fetch_add(1, std::memory_order_relaxed);
  }

  void remove(Queue& queue) {
    auto& list = ready_.at(queue.engine_class()).at(queue.priority());
    const auto removed = static_cast<unsigned>(std::erase(list, &queue));
    counts_.at(queue.engine_class()).fetch_sub(removed, std::memory_order_relaxed);
  }

  /// The queue to run next, taken out of its list; null when there is none.
  Queue* take(unsigned engine_class) {
    for (auto& list : ready_.at(engine_class)) {
      if (list.empty()) continue;
      Queue* queue = list.front();
      list.pop_front();
      counts_.at(engine_class).fetch_sub(1, std::memory_order_relaxed);
      return queue;
    }
    return nullptr;
  }

  /// kPriorities when no queue is ready.
  [[nodiscard]] unsigned best_priority(unsigned engine_class) const {
    const auto& lists = ready_.at(engine_class);
    const auto found = std::ranges::find_if(lists, [](const auto& list) { return !list.empty(); });
    return static_cast<unsigned>(found - lists.begin());
  }

  void clear() {
    for (auto& lists : ready_) {
      for (auto& list : lists)
        list.clear();
    }
    for (auto& count : counts_)
      count.store(0, std::memory_order_relaxed);
  }

  /// A hint, without the lock.
  [[nodiscard]] bool anybody_ready(unsigned engine_class) const {
    return counts_.at(engine_class).load(std::memory_order_relaxed) != 0;
  }

 private:
  std::array<std::array<std::deque<Queue*>, kPriorities>, kClasses> ready_;
  std::array<std::atomic<unsigned>, kClasses> counts_{};
};

}  // namespace halyard::emu
