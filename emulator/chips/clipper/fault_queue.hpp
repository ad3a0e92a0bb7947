// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The ring of fault records in guest memory.

#include <clipper/clipper_regs.h>

#include <cstdint>
#include <optional>

#include "chips/chip.hpp"

namespace halyard::emu::clipper {

/// Protected by the card's mutex.
class FaultQueue {
 public:
  enum class Pushed : std::uint8_t { kWritten, kLost, kBusError };

  void attach(Host* host) { host_ = host; }

  [[nodiscard]] std::uint64_t base() const { return base_; }
  void set_base(std::uint64_t base) { base_ = base; }
  [[nodiscard]] unsigned order() const { return order_; }
  /// Starts the ring at head = tail = 0, or switches it off.
  void set_order(unsigned order);
  [[nodiscard]] std::uint32_t head() const { return head_; }
  /// False when `head` lies outside what was written.
  bool set_head(std::uint32_t head);
  [[nodiscard]] std::uint32_t tail() const { return tail_; }
  [[nodiscard]] std::uint32_t lost() const { return lost_; }
  void reset() { *this = FaultQueue(host_); }

  /// Writes a record, its sequence number last. The caller holds Host::pin_dma().
  Pushed push(clp_fault record);
  /// Where the next record goes.
  [[nodiscard]] std::uint64_t next_address() const;

  FaultQueue() = default;

 private:
  explicit FaultQueue(Host* host) : host_(host) {}

  Host* host_ = nullptr;
  std::uint64_t base_ = 0;
  unsigned order_ = 0;
  std::uint32_t head_ = 0, tail_ = 0, lost_ = 0;
};

}  // namespace halyard::emu::clipper
