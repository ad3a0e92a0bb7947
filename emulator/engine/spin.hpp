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

}  // namespace halyard::engine
