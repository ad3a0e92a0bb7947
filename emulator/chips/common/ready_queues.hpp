// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Queues that wait for an engine, and whose turn it is.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <utility>

namespace halyard::emu {

/// Engine time of those who are to have the same of it. Who has nothing to do saves nothing up: he
/// begins again where the others are.
class FairShares {
 public:
  void begin(unsigned who) { spent_[who] = std::max(spent_[who], least_); }
  void charge(unsigned who, std::uint64_t ns) { spent_[who] += ns; }
  /// It is his turn.
  void serve(unsigned who) { least_ = std::max(least_, spent_[who]); }
  [[nodiscard]] std::uint64_t spent(unsigned who) const {
    const auto found = spent_.find(who);
    return found == spent_.end() ? 0 : found->second;
  }

 private:
  std::map<unsigned, std::uint64_t> spent_;
  std::uint64_t least_ = 0;
};

/// Lists by engine class and priority, 0 first. Of one priority the share's turn is next that has
/// the fewest engines, of those with as few the one that had the least time of them; of one share
/// the context's, likewise; of one context the queue's that waits longest. `Queue` has
/// engine_class(), priority(), share() and context(). The caller's lock protects it but for
/// anybody_ready().
template <typename Queue, unsigned kClasses, unsigned kPriorities>
class ReadyQueues {
 public:
  void add(Queue& queue, bool in_front) {
    Class& engines = classes_.at(queue.engine_class());
    auto& list = engines.ready.at(queue.priority());
    if (in_front) {
      list.push_front(&queue);
    } else {
      list.push_back(&queue);
    }
    engines.shares.begin(queue.share());
    engines.contexts[queue.share()].begin(queue.context());
    engines.count.fetch_add(1, std::memory_order_relaxed);
  }

  void remove(Queue& queue) {
    Class& engines = classes_.at(queue.engine_class());
    const auto removed =
        static_cast<unsigned>(std::erase(engines.ready.at(queue.priority()), &queue));
    engines.count.fetch_sub(removed, std::memory_order_relaxed);
  }

  /// The queue to run next, taken out of its list, until release(); null when there is none.
  Queue* take(unsigned engine_class) {
    Class& engines = classes_.at(engine_class);
    for (auto& list : engines.ready) {
      if (list.empty()) continue;
      Queue* queue = next(engines, list);
      list.erase(std::ranges::find(list, queue));
      engines.shares.serve(queue->share());
      engines.contexts[queue->share()].serve(queue->context());
      serving_[queue] = {engine_class, queue->share(), queue->context()};
      engines.count.fetch_sub(1, std::memory_order_relaxed);
      return queue;
    }
    return nullptr;
  }

  /// An engine has worked for the queue, which it took.
  void charge(const Queue& queue, std::uint64_t ns) {
    const Turn& turn = serving_.at(&queue);
    Class& engines = classes_.at(turn.engine_class);
    engines.shares.charge(turn.share, ns);
    engines.contexts[turn.share].charge(turn.context, ns);
  }

  /// The engine lets go of the queue.
  void release(const Queue& queue) { serving_.erase(&queue); }

  /// kPriorities when no queue is ready.
  [[nodiscard]] unsigned best_priority(unsigned engine_class) const {
    const auto& lists = classes_.at(engine_class).ready;
    const auto found = std::ranges::find_if(lists, [](const auto& list) { return !list.empty(); });
    return static_cast<unsigned>(found - lists.begin());
  }

  void clear() {
    for (Class& engines : classes_) {
      for (auto& list : engines.ready)
        list.clear();
      engines.shares = {};
      engines.contexts.clear();
      engines.count.store(0, std::memory_order_relaxed);
    }
  }

  /// A hint, without the lock.
  [[nodiscard]] bool anybody_ready(unsigned engine_class) const {
    return classes_.at(engine_class).count.load(std::memory_order_relaxed) != 0;
  }

 private:
  using List = std::deque<Queue*>;
  struct Class {
    std::array<List, kPriorities> ready;
    FairShares shares;
    std::map<unsigned, FairShares> contexts;  ///< by share
    std::atomic<unsigned> count{};
  };

  /// What an engine took, by what the queue was then.
  struct Turn {
    unsigned engine_class = 0, share = 0, context = 0;
  };
  /// Engines in use, and time of them.
  using Had = std::pair<std::ptrdiff_t, std::uint64_t>;

  template <typename Pick>
  [[nodiscard]] std::ptrdiff_t serving(Pick pick) const {
    return std::ranges::count_if(serving_, [&](const auto& entry) { return pick(entry.second); });
  }

  Queue* next(Class& engines, const List& list) const {
    const auto share_had = [&](const Queue* queue) {
      const auto his = [queue](const Turn& turn) {
        return turn.engine_class == queue->engine_class() && turn.share == queue->share();
      };
      return Had(serving(his), engines.shares.spent(queue->share()));
    };
    const unsigned share = (*std::ranges::min_element(list, {}, share_had))->share();
    List of_share;
    std::ranges::copy_if(list, std::back_inserter(of_share),
                         [share](const Queue* queue) { return queue->share() == share; });
    const auto context_had = [&](const Queue* queue) {
      const auto its = [queue](const Turn& turn) {
        return turn.engine_class == queue->engine_class() && turn.share == queue->share() &&
               turn.context == queue->context();
      };
      return Had(serving(its), engines.contexts[share].spent(queue->context()));
    };
    return *std::ranges::min_element(of_share, {}, context_had);
  }

  std::array<Class, kClasses> classes_;
  std::map<const Queue*, Turn> serving_;
};

}  // namespace halyard::emu
