// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Eventfds of points that nobody has promised yet, and that a failure may reach before anybody
/// does.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace halyard::hal {

class Timeline;

/// The platform rings an eventfd when its point ends, but a point that will never be promised, for
/// its queue is banned, never ends. A thread looks after such points until they are promised.
/// Thread-safe.
class FailureWatch {
 public:
  FailureWatch() : state_(std::make_shared<State>()) {}
  ~FailureWatch();
  FailureWatch(const FailureWatch&) = delete;
  FailureWatch& operator=(const FailureWatch&) = delete;

  /// Adds 1 to `eventfd`, of which it keeps a copy, should the point fail. Throws Error.
  void add(Timeline& timeline, std::uint64_t value, int eventfd);
  /// For a timeline that is being destroyed.
  void remove(const Timeline& timeline) noexcept;

 private:
  struct Entry {
    Timeline* timeline = nullptr;
    std::uint64_t value = 0;
    int eventfd = -1;
  };
  /// The thread's own share of it: the last reference to a timeline may be the thread's, and with
  /// it the one to the device that has this watch.
  struct State {
    std::mutex mutex;  ///< protects what follows; no other lock is taken with it held
    std::condition_variable work;
    std::vector<Entry> entries;
    bool stop = false;
  };

  static void run(const std::shared_ptr<State>& state);
  static void look(State& state, const Entry& entry, std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<State> state_;
  std::thread thread_;  ///< started when first needed; protected by the state's mutex
};

}  // namespace halyard::hal
