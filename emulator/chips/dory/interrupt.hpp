// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "chips/chip.hpp"

namespace halyard::emu::dory {

/// The one interrupt: level semantics over messages. Thread-safe but for attach().
class Interrupt {
 public:
  void attach(Host* host) { host_ = host; }
  /// While muted nothing is sent: the link is down.
  void mute(bool muted) { muted_.store(muted, std::memory_order_relaxed); }

  /// Sets bits of IRQ_STATUS.
  void raise(std::uint32_t bits);
  /// The same, but nothing is sent for them, now or later.
  void raise_lost(std::uint32_t bits);
  /// A message without an event.
  void send_spurious();

  void acknowledge(std::uint32_t bits);
  void set_enabled(std::uint32_t bits);
  [[nodiscard]] std::uint32_t status() const;
  [[nodiscard]] std::uint32_t enabled() const;
  [[nodiscard]] std::uint32_t sent() const { return sent_.load(std::memory_order_relaxed); }
  void reset();

 private:
  [[nodiscard]] bool pending() const { return !lost_ && (status_ & enabled_) != 0; }
  void send();

  Host* host_ = nullptr;
  std::atomic<bool> muted_{false};
  std::atomic<std::uint32_t> sent_{0};
  mutable std::mutex mutex_;  ///< protects all below
  std::uint32_t status_ = 0;
  std::uint32_t enabled_ = 0;
  bool lost_ = false;  ///< what is set in status_ goes unheard
};

}  // namespace halyard::emu::dory
