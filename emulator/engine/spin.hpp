// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Waiting without sleeping, for what comes sooner than a thread is woken.

#include <atomic>
#include <chrono>
#include <thread>

namespace halyard::engine {

/// Looks at `condition` again and again, for as long as `limit`. True when it came true.
template <typename Condition>
bool spin_until(std::chrono::nanoseconds limit, const Condition& condition) {
  // With one processor whoever is waited for runs only when we do not.
  static const bool kUseful = std::thread::hardware_concurrency() > 1;
  if (!kUseful) return condition();
  const auto end = std::chrono::steady_clock::now() + limit;
  do {
    for (int i = 0; i < 32; ++i) {
      if (condition()) return true;
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#else
      std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

/// Spins only while what is waited for comes soon: else whoever is to bring it may be in need of
/// the processor. For any number of threads.
class Spinner {
 public:
  explicit Spinner(std::chrono::nanoseconds limit) : limit_(limit) {}

  /// As spin_until(), if the last wait was short.
  template <typename Condition>
  bool spin(const Condition& condition) const {
    return pays_.load(std::memory_order_relaxed) && spin_until(limit_, condition);
  }

  /// How long it was until the condition came true, asleep or not.
  void learn(std::chrono::nanoseconds waited) {
    pays_.store(waited < limit_ + kWaking, std::memory_order_relaxed);
  }

 private:
  /// What a wait takes longer for having slept, at most.
  static constexpr std::chrono::microseconds kWaking{30};

  const std::chrono::nanoseconds limit_;
  std::atomic<bool> pays_ = true;
};

}  // namespace halyard::engine
