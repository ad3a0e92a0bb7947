// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// An engine's segment registers: the address space of the job that it runs.

#include <sloop/sloop_regs.h>

#include <array>
#include <cstdint>
#include <functional>
#include <shared_mutex>
#include <span>
#include <string>

#include "chips/chip.hpp"
#include "chips/sloop/dram.hpp"

namespace halyard::emu::sloop {

static_assert(sizeof(slp_segment) == 24 && sizeof(slp_scatter) == 16);

/// Empty, or why the card does not load such a segment.
std::string check_segment(const slp_segment& segment, std::uint64_t dram_size,
                          std::uint32_t reserved);

/// One thread at a time.
class SegmentSpace final : public AddressSpace {
 public:
  /// `segments` have passed check_segment(). `unreachable` hears of bus addresses that are not
  /// to be had.
  void load(Host* host, Dram* dram, std::span<const slp_segment> segments, bool allow_host,
            std::function<void(std::uint64_t)> unreachable);

  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                 Fault& fault) override;
  /// Card memory stays where it is: only a job with host segments holds up the host.
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override;

  /// Why the last translation failed: SLP_STATUS_*.
  [[nodiscard]] std::uint32_t last_status() const { return last_status_; }
  /// Whether the address is in a host segment.
  [[nodiscard]] bool is_host(std::uint64_t address) const;

 private:
  /// A piece of a scatter list, and where in the segment it begins.
  struct Piece {
    std::uint64_t list = 0;  ///< 0: none
    std::uint32_t index = 0;
    std::uint64_t start = 0;
    slp_scatter entry{};
  };

  std::span<std::byte> host_memory(unsigned slot, std::uint64_t offset, std::size_t size,
                                   Access access);
  bool find_piece(const slp_segment& segment, std::uint64_t offset, Piece& piece);
  bool read_piece(const slp_segment& segment, Piece& piece);

  Host* host_ = nullptr;
  Dram* dram_ = nullptr;
  bool allow_host_ = false;
  bool any_host_ = false;
  unsigned count_ = 0;
  std::array<slp_segment, DRM_HALYARD_SLOOP_MAX_SEGMENTS> segments_{};
  std::array<Piece, DRM_HALYARD_SLOOP_MAX_SEGMENTS> pieces_{};  ///< last used, by segment
  std::function<void(std::uint64_t)> unreachable_;
  std::shared_mutex unpinned_;
  std::uint32_t last_status_ = 0;
};

}  // namespace halyard::emu::sloop
