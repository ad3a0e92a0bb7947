// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The PCIe function: registers, the one job, resets.
///
/// Threads: the host's thread makes all calls of Chip. The worker executes operations. The
/// housekeeper ends resets and sends late interrupts.
///
/// Locks, outermost first: Host::pin_dma(), mutex_, the small ones inside Injector, Interrupt,
/// BusErrors and Judge. Host::pin_dma() is never asked for with mutex_ held: an unmap may wait for
/// a pin while the host's thread wants mutex_.

#include <dory/dory_regs.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "chips/common/bus_errors.hpp"
#include "chips/common/register_card.hpp"
#include "chips/dory/execution.hpp"
#include "chips/dory/injections.hpp"
#include "chips/dory/interrupt.hpp"
#include "chips/dory/region_space.hpp"
#include "chips/dory/registers.hpp"
#include "chips/dory/rules.hpp"

namespace halyard::emu::dory {

/// Numbers in TraceKind::kNote records: where = event, value = JOB.
enum class Note : std::uint8_t { kJobStart = 1, kJobEnd, kJobError, kJobDropped };

/// Times that tests shorten.
struct CardTiming {
  std::chrono::microseconds reset{100};  ///< from CTRL.RESET to its end, at least
};

class Card final : public RegisterCard<Block> {
 public:
  Card(const ChipOptions& options, Judge& judge, Trace& trace, const CardTiming& timing = {});
  ~Card() override;

  [[nodiscard]] const PciInfo& pci() const override { return pci_; }
  void attach(Host& host) override;
  void detach() override;
  void reset(ResetKind kind) override;
  void set_power(PowerState state) override;
  void set_bus_master(bool enabled) override;
  void dma_unmapped(std::uint64_t address, std::uint64_t size) override;

 private:
  /// What a driver sets up. The stream's Region is never writable.
  struct Setup {
    Region stream;
    std::uint32_t job = 0;
    std::array<Region, DORY_NUM_REGIONS> regions;
  };

  /// The registers of the newest job.
  struct Progress {
    bool done = false;
    std::uint32_t commands = 0, tag = 0;
    std::uint64_t cycles = 0;
    std::uint32_t cause = DORY_ERROR_NONE, address = 0, access = 0, offset = 0;
  };

  // card.cpp
  static const Face kFace;
  static PciInfo make_pci();
  void begin_reset(bool fails);           ///< mutex_ held
  [[nodiscard]] bool reset_can_finish();  ///< mutex_ held
  void finish_reset();                    ///< mutex_ held
  void lose_link();                       ///< mutex_ held
  void drop_job();                        ///< mutex_ held
  void housekeeper_main(const std::stop_token& stop);
  void send_late(Lock& lock);
  [[nodiscard]] Time next_deadline();

  // card_registers.cpp
  [[nodiscard]] const char* not_ready() const override;
  [[nodiscard]] std::uint32_t read_register(const RegisterRef& ref) override;
  [[nodiscard]] std::uint32_t read_global(std::uint16_t offset);
  [[nodiscard]] std::uint32_t read_progress(std::uint16_t offset);
  [[nodiscard]] std::uint32_t read_perf(unsigned counter) const;
  [[nodiscard]] std::uint32_t read_region(const Region& region, std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t status() const;
  void write_register(const RegisterRef& ref, std::uint32_t value) override;
  void write_global(const RegisterRef& ref, std::uint32_t value);
  void write_setup(const RegisterRef& ref, std::uint32_t value);
  void run();
  [[nodiscard]] std::string refuse_setup() const;
  void arm(Injection injection) override;
  void send_spurious();

  // worker.cpp
  void worker_main(const std::stop_token& stop);
  [[nodiscard]] bool may_work() const;  ///< mutex_ held
  [[nodiscard]] bool dropped() const { return !busy_ || resetting_ || link_lost_; }
  void begin_job(Lock& lock);
  void advance(Lock& lock, const std::stop_token& stop);
  Outcome spoil(const std::stop_token& stop, bool& hung, std::uint64_t& extra_cycles);
  void pause(const std::stop_token& stop, std::uint32_t us);
  void update_progress();
  void end_job(Lock& lock, const std::stop_token& stop, Outcome outcome);
  void note_error();
  void announce(std::uint32_t bits);
  [[nodiscard]] std::optional<std::uint64_t> hash_stream();
  void note(Note note);

  const PciInfo pci_ = make_pci();
  const CardTiming timing_;
  Host* host_ = nullptr;

  BusErrors bus_errors_{judge_,
                        {.unmapped = rules::kDmaUnmapped,
                         .after_unmap = rules::kDmaAfterUnmap,
                         .bus_master_off = rules::kBusMasterOff}};
  Interrupt interrupt_;

  // The worker's while working_ is set:
  RegionSpace space_{bus_errors_};
  JobExecution execution_;
  std::optional<std::uint64_t> stream_hash_;  ///< none: it was not to be read

  // mutex_ protects all below.
  Setup setup_;
  Progress progress_;
  std::uint32_t completed_ = 0;
  bool busy_ = false;
  bool begun_ = false;              ///< the worker has seen the job
  bool hung_ = false;               ///< injected
  bool working_ = false;            ///< the worker is in the midst of something
  std::uint64_t extra_cycles_ = 0;  ///< injected
  bool resetting_ = false;
  bool reset_stuck_ = false;
  Time reset_due_;
  std::uint32_t scratch_ = 0;
  std::uint32_t jobs_ = 0, commands_ = 0, errors_ = 0, ecc_corrected_ = 0;
  std::uint32_t cycles_high_ = 0;

  struct LateInterrupt {
    Time due;
    std::uint32_t bits;
  };
  std::vector<LateInterrupt> late_;
  std::condition_variable_any wake_;
  std::condition_variable_any housekeeping_;
  bool housekeeping_due_ = false;

  std::vector<std::jthread> threads_;
};

}  // namespace halyard::emu::dory
