// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What a job can reach: regions, and its stream.

#include <dory/dory_regs.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "chips/chip.hpp"
#include "chips/common/bus_errors.hpp"

namespace halyard::emu::dory {

/// A range of bus addresses. It ends within 4 GiB.
struct Region {
  std::uint32_t base = 0;
  std::uint32_t limit = 0;
  bool write = false;
};

/// The regions as they are at RUN. Addresses are region << kSlotShift | offset; kStream stands for
/// the command stream. Used by one thread; the counters by any.
class RegionSpace final : public AddressSpace {
 public:
  static constexpr std::uint32_t kStream = DORY_NO_REGION;

  explicit RegionSpace(BusErrors& bus_errors) : bus_errors_(bus_errors) {}

  void attach(Host* host) { host_ = host; }
  void load(const std::array<Region, DORY_NUM_REGIONS>& regions, const Region& stream);

  [[nodiscard]] const Region& stream() const { return stream_; }

  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                 Fault& fault) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override { return host_->pin_dma(); }

  /// Bus address behind one of this address space.
  [[nodiscard]] std::uint32_t bus_address(std::uint64_t address) const;

  [[nodiscard]] std::uint64_t bytes_read() const { return read_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t bytes_written() const {
    return written_.load(std::memory_order_relaxed);
  }
  void reset_counters() { read_ = written_ = 0; }

 private:
  [[nodiscard]] const Region& region_of(std::uint64_t address) const;

  BusErrors& bus_errors_;
  Host* host_ = nullptr;
  std::array<Region, DORY_NUM_REGIONS> regions_{};
  Region stream_;
  std::atomic<std::uint64_t> read_{0}, written_{0};
};

}  // namespace halyard::emu::dory
