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
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "chips/chip.hpp"
#include "chips/common/bus_errors.hpp"
#include "chips/dory/execution.hpp"
#include "chips/dory/injections.hpp"
#include "chips/dory/interrupt.hpp"
#include "chips/dory/region_space.hpp"
#include "chips/dory/registers.hpp"
#include "chips/dory/rules.hpp"
#include "chips/judge.hpp"
#include "chips/trace.hpp"

namespace halyard::emu::dory {

/// Numbers in TraceKind::kNote records: where = event, value = JOB.
enum class Note : std::uint8_t { kJobStart = 1, kJobEnd, kJobError, kJobDropped };

/// Times that tests shorten.
struct CardTiming {
  std::chrono::microseconds reset{100};  ///< from CTRL.RESET to its end, at least
};

class Card final : public Chip {
 public:
  Card(const ChipOptions& options, Judge& judge, Trace& trace, const CardTiming& timing = {});
  ~Card() override;
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  [[nodiscard]] const PciInfo& pci() const override { return pci_; }
  void attach(Host& host) override;
  void detach() override;
  void bar_read(unsigned bar, std::uint64_t offset, std::span<std::byte> data) override;
  void bar_write(unsigned bar, std::uint64_t offset, std::span<const std::byte> data) override;
  void reset(ResetKind kind) override;
  void set_power(PowerState state) override;
  void set_bus_master(bool enabled) override;
  void dma_unmapped(std::uint64_t address, std::uint64_t size) override;

 private:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Lock = std::unique_lock<std::mutex>;

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
  static PciInfo make_pci();
  [[nodiscard]] std::uint64_t timestamp() const;
  void begin_reset(bool fails);           ///< mutex_ held
  [[nodiscard]] bool reset_can_finish();  ///< mutex_ held
  void finish_reset();                    ///< mutex_ held
  void lose_link();                       ///< mutex_ held
  void drop_job();                        ///< mutex_ held
  void housekeeper_main(const std::stop_token& stop);
  void send_late(Lock& lock);
  [[nodiscard]] Time next_deadline();

  // card_registers.cpp
  [[nodiscard]] RegisterAccess describe(std::uint64_t offset, std::size_t size, bool write) const;
  [[nodiscard]] std::uint32_t read_register(const RegisterRef& ref);
  [[nodiscard]] std::uint32_t read_global(std::uint16_t offset);
  [[nodiscard]] std::uint32_t read_progress(std::uint16_t offset);
  [[nodiscard]] std::uint32_t read_perf(unsigned counter) const;
  [[nodiscard]] std::uint32_t read_region(const Region& region, std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t read_inject(std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t status() const;
  void write_register(const RegisterRef& ref, std::uint32_t value);
  void write_global(const RegisterRef& ref, std::uint32_t value);
  void write_setup(const RegisterRef& ref, std::uint32_t value);
  void write_inject(std::uint16_t offset, std::uint32_t value);
  void run();
  [[nodiscard]] std::string refuse_setup() const;
  void arm(const Injection& injection);
  void send_spurious();
  void after_unlock(std::function<void()> action) { deferred_.push_back(std::move(action)); }

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
  Judge& judge_;
  Trace& trace_;
  Host* host_ = nullptr;
  std::vector<Injection> option_injections_;

  BusErrors bus_errors_{judge_,
                        {.unmapped = rules::kDmaUnmapped,
                         .after_unmap = rules::kDmaAfterUnmap,
                         .bus_master_off = rules::kBusMasterOff}};
  Interrupt interrupt_;
  Injector injector_;
  std::atomic<Clock::rep> power_on_{0};  ///< in Clock's ticks
  std::function<std::uint64_t()> clock_ = [this] { return timestamp(); };

  // The worker's while working_ is set:
  RegionSpace space_{bus_errors_};
  JobExecution execution_;
  std::optional<std::uint64_t> stream_hash_;  ///< none: it was not to be read

  mutable std::mutex mutex_;  ///< protects all below
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
  bool asleep_ = false;
  std::atomic<bool> link_lost_{false};
  std::uint32_t scratch_ = 0;
  std::uint32_t jobs_ = 0, commands_ = 0, errors_ = 0, ecc_corrected_ = 0;
  Injection injection_{.kind = DORY_INJECT_NONE, .skip = 0, .count = 0, .arg = 0};
  std::uint32_t timestamp_high_ = 0, cycles_high_ = 0;

  struct LateInterrupt {
    Time due;
    std::uint32_t bits;
  };
  std::vector<LateInterrupt> late_;
  std::vector<std::function<void()>> deferred_;  ///< what a register access does without the mutex
  std::condition_variable_any wake_;
  std::condition_variable_any housekeeping_;
  bool housekeeping_due_ = false;

  std::vector<std::jthread> threads_;
};

}  // namespace halyard::emu::dory
