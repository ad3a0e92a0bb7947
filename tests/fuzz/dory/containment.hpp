// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Whether a command stream, however malformed, stays within a job's regions: by the card alone,
/// and by the kernel's check before it.

#include <dory/dory_regs.h>
#include <dory/dory_validate.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chips/common/bus_errors.hpp"
#include "chips/dory/card.hpp"
#include "chips/dory/execution.hpp"
#include "chips/dory/region_space.hpp"
#include "regions.hpp"
#include "watching_host.hpp"

namespace dory_test {

struct Verdict {
  bool accepted = false;  ///< by the kernel's check
  bool done = false;      ///< the card got to the end
  bool too_long = false;  ///< an operation would have taken too long and was not executed
  std::uint32_t error = DORY_ERROR_NONE;
  std::uint32_t operations = 0;  ///< executed
  std::string wrong;             ///< what must not be, or empty
};

/// A job's regions, and around them nothing that may be touched.
class Containment {
 public:
  /// `slack`: bytes behind each region whose reading goes unnoticed.
  explicit Containment(Regions regions = odd_regions(), std::size_t slack = 0);
  ~Containment();

  /// Checks the stream and executes it, accepted or not. Nothing is left behind for the next.
  Verdict run(std::span<const std::uint32_t> words);
  /// The same by a whole card. For streams that run() found short enough.
  Verdict run_on_card(std::span<const std::uint32_t> words);

 private:
  struct Memory {
    Memory(std::size_t size, std::size_t slack) : memory(size, slack), pristine(size) {}
    GuardedMemory memory;
    std::vector<std::byte> pristine;
  };

  void place_stream(std::span<const std::uint32_t> words);
  [[nodiscard]] bool validate(std::span<const std::uint32_t> words) const;
  void execute(Verdict& verdict);
  void judge(Verdict& verdict);
  void write_register(std::uint64_t offset, std::uint32_t value);
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);

  const Regions regions_;
  WatchingHost host_;
  halyard::emu::Judge judge_;
  halyard::emu::Trace trace_;
  halyard::emu::BusErrors bus_errors_{judge_,
                                      {.unmapped = "", .after_unmap = "", .bus_master_off = ""}};
  halyard::emu::dory::RegionSpace space_{bus_errors_};
  halyard::emu::dory::JobExecution execution_;
  std::unique_ptr<halyard::emu::dory::Card> card_;
  std::vector<std::unique_ptr<Memory>> memories_;
  std::unique_ptr<GuardedMemory> stream_;
};

}  // namespace dory_test
