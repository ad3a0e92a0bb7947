// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// IRQ_STATUS, IRQ_ENABLE and the messages that they send.

#include <atomic>
#include <cstdint>
#include <mutex>

#include "chips/chip.hpp"

namespace halyard::emu {

/// Thread-safe. Sends messages without holding a lock of its own.
class Interrupts {
 public:
  /// `sent` counts messages and outlives this.
  Interrupts(unsigned vectors, std::atomic<std::uint64_t>& sent) : vectors_(vectors), sent_(sent) {}

  void attach(Host* host) { host_ = host; }
  /// While muted nothing is sent: the link is down.
  void mute(bool muted) { muted_.store(muted, std::memory_order_relaxed); }

  /// An event on `vector`: its bit in IRQ_STATUS, and a message when it is enabled.
  void raise(unsigned vector);
  /// An event whose message gets lost on the way: the bit is set.
  void raise_lost(unsigned vector);
  /// A message without an event.
  void send_spurious(unsigned vector);

  [[nodiscard]] std::uint32_t status() const;
  void acknowledge(std::uint32_t bits);
  [[nodiscard]] std::uint32_t enabled() const;
  /// Vectors that become enabled with their status bit set send a message.
  void set_enabled(std::uint32_t bits);
  void reset();

 private:
  void send(std::uint32_t vectors);

  const unsigned vectors_;
  std::atomic<std::uint64_t>& sent_;
  Host* host_ = nullptr;
  std::atomic<bool> muted_{false};
  mutable std::mutex mutex_;  ///< protects status_ and enabled_
  std::uint32_t status_ = 0;
  std::uint32_t enabled_ = 0;
};

}  // namespace halyard::emu
