// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The PCIe function: registers, queues, engines, resets.
///
/// Threads: the host's thread makes all calls of Chip. One thread per engine executes commands. The
/// housekeeper does what takes time but no engine: ends resets, looks after waiting queues, sends
/// late interrupts, audits TLBs.
///
/// Locks, outermost first: Host::pin_dma(), mutex_, a context's in Mmu, the small ones inside
/// Injector, Interrupts and Judge. Host::pin_dma() is never asked for with mutex_ held: an unmap
/// may wait for a pin while the host's thread wants mutex_.

#include <clipper/clipper_regs.h>

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

#include "chips/clipper/counters.hpp"
#include "chips/clipper/fault_queue.hpp"
#include "chips/clipper/injections.hpp"
#include "chips/clipper/mmu.hpp"
#include "chips/clipper/registers.hpp"
#include "chips/clipper/scheduler.hpp"
#include "chips/common/interrupts.hpp"
#include "chips/common/register_card.hpp"

namespace halyard::emu::clipper {

/// Numbers in TraceKind::kNote records: where = event | queue << 8 | engine << 16, value = the
/// job's fence value.
enum class Note : std::uint8_t {
  kJobStart = 1,
  kJobEnd,
  kJobFault,
  kPreempted,
  kWaiting,
  kDropped
};

/// Times that tests shorten.
struct CardTiming {
  std::chrono::microseconds reset{1000};        ///< from reset to READY, at least
  std::chrono::milliseconds flush_grace{1000};  ///< CLP-M1
  std::chrono::milliseconds audit{250};
  std::chrono::microseconds quantum{2000};   ///< of queues of one priority
  std::chrono::microseconds poll_first{20};  ///< of a fence that a queue waits for
  std::chrono::microseconds poll_last{2000};
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
  static constexpr unsigned kHousekeeper = CLP_NUM_ENGINES;

  struct Engine {
    unsigned id = 0;
    unsigned engine_class = 0;
    std::condition_variable_any wake;
    std::atomic<bool> attention{false};  ///< look at the card's state before the next command
    std::atomic<std::uint64_t> busy_ns{0}, commands{0}, jobs{0};
    Time slice_start;  ///< its thread only
    // Under the card's mutex:
    Queue* queue = nullptr;
    bool idle = false;
    bool hung = false;
    bool reset_requested = false;
    bool stuck = false;  ///< its reset failed
  };

  /// Accesses to guest memory by one thread: `count` is odd while there are any.
  struct Accesses {
    std::atomic<unsigned> ctx{0};
    std::atomic<std::uint64_t> count{0};
  };
  class AccessSection;

  enum class Step : std::uint8_t { kContinue, kWaiting, kFaulted, kHung };

  // card.cpp
  static const Face kFace;
  static PciInfo make_pci();
  [[nodiscard]] bool may_run() const;  ///< mutex_ held
  void begin_reset(bool fails);        ///< mutex_ held
  void report_unannounced_reset(const char* what);
  void lose_link();               ///< mutex_ held
  void rouse_engines();           ///< mutex_ held
  void kick(const Queue& queue);  ///< mutex_ held
  void kick_all();                ///< mutex_ held
  void begin_flush(std::uint32_t value);
  [[nodiscard]] bool flush_busy();
  [[nodiscard]] bool jobs_in_flight() const;

  // card_registers.cpp
  [[nodiscard]] const char* not_ready() const override;
  [[nodiscard]] std::uint32_t read_register(const RegisterRef& ref) override;
  [[nodiscard]] std::uint32_t read_global(std::uint16_t offset);
  [[nodiscard]] std::uint32_t read_context(unsigned ctx, std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t read_engine(unsigned index, std::uint16_t offset);
  [[nodiscard]] std::uint32_t read_queue(const Queue& queue, std::uint16_t offset) const;
  void write_register(const RegisterRef& ref, std::uint32_t value) override;
  void write_global(std::uint16_t offset, std::uint32_t value);
  void write_control(std::uint32_t value);
  void write_fault_queue(std::uint16_t offset, std::uint32_t value);
  void write_context(unsigned ctx, std::uint16_t offset, std::uint32_t value);
  void arm(Injection injection) override;
  void send_spurious();

  // queue_control.cpp
  void write_queue(Queue& queue, std::uint16_t offset, std::uint32_t value);
  void write_queue_control(Queue& queue, std::uint32_t value);
  [[nodiscard]] std::string refuse_queue(const Queue& queue) const;
  void enable_queue(Queue& queue);
  void reset_queue(Queue& queue);
  void finish_queue_reset(Queue& queue);
  void ring_doorbell(Queue& queue, std::uint32_t tail);
  void reset_engine(Engine& engine);

  // worker.cpp
  void engine_main(const std::stop_token& stop, Engine& engine);
  [[nodiscard]] bool has_work(const Engine& engine) const;
  void run_queue(Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue);
  bool dismissed(const std::stop_token& stop, Engine& engine, Queue& queue);
  bool yields(Engine& engine, Queue& queue, bool fresh);
  bool settle(Step step, Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue);
  void wait_for_rescue(Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue);
  void release(Engine& engine, Queue& queue);
  void park(Queue& queue);
  Step advance(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t tail,
               bool bad_tail);
  void report_queue_memory(const Queue& queue, const char* what, const char* how,
                           std::uint64_t address, const TranslationFault& fault);
  bool fetch_job(Engine& engine, Queue& queue, std::uint32_t tail, clp_fault& fault);
  void hash_entries(Queue& queue, std::uint32_t tail);
  [[nodiscard]] std::string refuse_entry(const Queue& queue) const;
  Outcome run_commands(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung);
  Outcome spoil(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung);
  Outcome execute(Engine& engine, Queue& queue);
  void account(Engine& engine, Queue& queue, std::uint64_t ns, std::uint32_t commands);
  Step complete(const std::stop_token& stop, Engine& engine, Queue& queue);
  Step publish(Engine& engine, Queue& queue);
  void tear(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t us);
  void write_progress(const Queue& queue);
  Step report_fault(Engine& engine, Queue& queue, clp_fault fault);
  [[nodiscard]] clp_fault describe(const Queue& queue) const;
  std::span<std::byte> status_block(const Queue& queue, TranslationFault& fault);
  [[nodiscard]] bool dropped(const Engine& engine, const Queue& queue) const;
  void pause(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t us);
  void notify(unsigned vector, const Queue& queue);
  void note(Note note, unsigned engine, const Queue& queue);

  // housekeeper.cpp
  void housekeeper_main(const std::stop_token& stop);
  void wake_housekeeper();
  void wake_waiters();  ///< mutex_ held: fences may have changed
  void finish_reset();
  [[nodiscard]] bool reset_can_finish() const;
  void send_late(Lock& lock);
  void poll_waiters(Lock& lock);
  void request_audit();  ///< mutex_ held: translations are about to be made
  void audit(Lock& lock);
  [[nodiscard]] Time next_deadline() const;

  const PciInfo pci_ = make_pci();
  const CardTiming timing_;
  Host* host_ = nullptr;

  Counters counters_;
  Mmu mmu_;
  Interrupts interrupts_;
  std::array<Accesses, CLP_NUM_ENGINES + 1> accesses_;

  // mutex_ protects all below.
  std::array<Queue, CLP_NUM_QUEUES> queues_;
  std::array<Engine, CLP_NUM_ENGINES> engines_;
  Scheduler scheduler_;
  FaultQueue fault_queue_;
  std::array<std::uint64_t, CLP_NUM_ENGINES + 1>
      flush_waits_{};  ///< counts that a flush waits for, or 0

  bool ready_ = false;
  bool resetting_ = false;
  bool reset_stuck_ = false;
  Time reset_due_;
  bool fatal_ = false;
  bool enabled_ = false;  ///< CONTROL.ENABLE
  std::uint32_t scratch_ = 0;

  std::array<std::array<std::uint32_t, 3>, CLP_NUM_ENGINES> engine_high_{};
  std::array<std::uint32_t, CLP_NUM_PERF> perf_high_{};

  struct LateInterrupt {
    Time due;
    unsigned vector;
  };
  std::vector<LateInterrupt> late_;
  std::condition_variable_any housekeeping_;
  bool housekeeping_due_ = false;
  bool audit_due_ = false;  ///< translations were made since the last audit
  Time next_audit_;

  std::vector<std::jthread> threads_;
};

/// Brackets accesses to guest memory, so that a TLB flush can wait for them.
class Card::AccessSection {
 public:
  AccessSection(Card& card, unsigned thread, unsigned ctx) : accesses_(card.accesses_.at(thread)) {
    accesses_.ctx.store(ctx);
    accesses_.count.fetch_add(1);
  }
  ~AccessSection() { accesses_.count.fetch_add(1); }
  AccessSection(const AccessSection&) = delete;
  AccessSection& operator=(const AccessSection&) = delete;

 private:
  Accesses& accesses_;
};

}  // namespace halyard::emu::clipper
