// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the checker says of accesses to bus addresses where there is no memory for the card.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "chips/chip.hpp"
#include "chips/judge.hpp"

namespace halyard::emu {

/// The numbers of a chip's rules about DMA.
struct DmaRules {
  std::string_view unmapped, after_unmap, bus_master_off;
};

/// Thread-safe but for attach().
class BusErrors {
 public:
  BusErrors(Judge& judge, const DmaRules& rules) : judge_(judge), rules_(rules) {}

  void attach(const Host* host) { host_ = host; }

  /// While excused nothing is held against the driver: the card is being reset, or its link is
  /// down.
  void excuse(bool excused) { excused_.store(excused, std::memory_order_relaxed); }

  /// The host took this memory away.
  void note_unmapped(std::uint64_t address, std::uint64_t size);

  /// Host::dma() had nothing for `bus`; `what` begins the sentence.
  void report(std::uint64_t bus, const char* what);

 private:
  struct Range {
    std::uint64_t address, size;
  };
  /// Ranges remembered: the newest.
  static constexpr std::size_t kMaxUnmapped = 256;

  [[nodiscard]] bool was_unmapped(std::uint64_t bus);

  Judge& judge_;
  const DmaRules rules_;
  const Host* host_ = nullptr;
  std::atomic<bool> excused_{false};
  std::mutex mutex_;  ///< protects unmapped_
  std::vector<Range> unmapped_;
};

}  // namespace halyard::emu
