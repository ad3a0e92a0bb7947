// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The PCIe function: registers, the controller with its firmware, engines, resets.
///
/// Threads: the host's thread makes all calls of Chip. One thread per engine executes jobs. The
/// controller's thread is the boot ROM and the firmware: it verifies images, answers admin
/// requests, writes events and status blocks, ends resets, sends late interrupts.
///
/// Locks, outermost first: Host::pin_dma(), mutex_, the small ones inside Injector, Interrupts and
/// Judge. Host::pin_dma() is never asked for with mutex_ held: an unmap may wait for a pin while
/// the host's thread wants mutex_.

#include <sloop/sloop_regs.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "chips/common/bus_errors.hpp"
#include "chips/common/interrupts.hpp"
#include "chips/common/register_card.hpp"
#include "chips/sloop/dram.hpp"
#include "chips/sloop/firmware.hpp"
#include "chips/sloop/injections.hpp"
#include "chips/sloop/log.hpp"
#include "chips/sloop/processor.hpp"
#include "chips/sloop/queue.hpp"
#include "chips/sloop/registers.hpp"

namespace halyard::emu::sloop {

/// Numbers in TraceKind::kNote records: where = event | queue << 8 | engine << 16, value = the
/// request's id; of kBoot, where = event, value = BOOT_STATE.
enum class Note : std::uint8_t { kJobStart = 1, kJobEnd, kJobFault, kPreempted, kDropped, kBoot };

/// Times that tests shorten.
struct CardTiming {
  std::chrono::microseconds reset{1000};  ///< from reset to the boot ROM, at least
  std::chrono::microseconds boot{500};    ///< a boot command, at least
};

/// What can be chosen on the command line.
struct CardSize {
  std::uint64_t dram = kDefaultDram;
  std::uint64_t window = std::uint64_t{256} << 20;  ///< at most
};

/// From "dram=64M" and the like. Throws std::invalid_argument that says what is wrong.
CardSize parse_settings(const std::vector<std::string>& settings);

class Card final : public RegisterCard<Block> {
 public:
  /// Where the image is put in card memory, and what of it belongs to the firmware.
  static constexpr std::uint32_t kBootWindow = 1U << 20;
  static constexpr std::uint32_t kBootWindowSize = 1U << 20;
  static constexpr std::uint32_t kReserved = 4U << 20;

  Card(const ChipOptions& options, Judge& judge, Trace& trace, const CardTiming& timing = {});
  ~Card() override;

  [[nodiscard]] const PciInfo& pci() const override { return pci_; }
  void attach(Host& host) override;
  void detach() override;
  void reset(ResetKind kind) override;
  void set_power(PowerState state) override;
  void set_bus_master(bool enabled) override;
  void dma_unmapped(std::uint64_t address, std::uint64_t size) override {
    bus_errors_.note_unmapped(address, size);
  }

  /// For tests, which have no BAR 2 mapped.
  [[nodiscard]] Dram& dram() { return dram_; }

 private:
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
    bool hang_reported = false;
    Time hung_since;
    bool resetting = false;
    bool stuck = false;  ///< its reset failed
    std::uint32_t reset_id = 0;
  };

  struct Boot {
    std::uint32_t state = SLP_BOOT_STATE_RESET;
    std::uint32_t status = SLP_BOOT_OK;
    std::uint32_t command = 0;  ///< that the controller is to carry out
    Time due;
    std::uint32_t image_size = 0, protocol = 0;
    std::uint32_t crash_code = 0, last_heartbeat = 0;
    Firmware firmware;
    Time started;
  };

  struct Ring {
    std::uint64_t base = 0;
    std::uint32_t order = 0;
    std::uint32_t head = 0, tail = 0;
    [[nodiscard]] std::uint32_t size() const { return 1U << order; }
    [[nodiscard]] std::uint32_t used() const { return tail - head; }
    [[nodiscard]] std::uint64_t address(std::uint32_t index, std::size_t entry) const {
      return base + std::uint64_t{index % size()} * entry;
    }
  };

  /// An answer that waits to be written.
  struct Answer {
    std::uint32_t op = SLP_ADMIN_NOP;
    slp_admin_response response{};
    std::uint64_t buffer = 0;  ///< bus address for `output`
    std::vector<std::byte> output;
  };

  enum class Step : std::uint8_t { kContinue, kStopped, kHung };

  // card.cpp
  static const Face kFace;
  PciInfo make_pci() const;
  [[nodiscard]] bool running() const {  ///< mutex_ held
    return boot_.state == SLP_BOOT_STATE_RUNNING && !link_lost_;
  }
  [[nodiscard]] bool may_run() const { return running() && !asleep_; }  ///< mutex_ held
  [[nodiscard]] bool jobs_in_flight() const;
  [[nodiscard]] bool engines_idle() const;
  void begin_reset(bool fails);
  void report_unannounced_reset(const char* what);
  void lose_link();
  void crash(std::uint32_t code);
  void set_boot_state(std::uint32_t state);
  void drop_everything();
  void cancel_jobs();
  void rouse_engines();
  void kick(const Queue& queue);
  void log(LogLevel level, const std::string& text);  ///< mutex_ held
  std::span<std::byte> reach(std::uint64_t address, std::size_t size, Access access,
                             const char* what);

  // card_registers.cpp
  [[nodiscard]] const char* not_ready() const override;
  [[nodiscard]] std::uint32_t read_register(const RegisterRef& ref) override;
  [[nodiscard]] std::uint32_t read_global(std::uint16_t offset);
  [[nodiscard]] std::uint32_t read_boot(std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t read_rings(std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t read_engine(const Engine& engine, std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t read_queue(const Queue& queue, std::uint16_t offset) const;
  [[nodiscard]] std::uint32_t heartbeat() const;
  void write_register(const RegisterRef& ref, std::uint32_t value) override;
  void write_global(std::uint16_t offset, std::uint32_t value);
  void write_rings(std::uint16_t offset, std::uint32_t value);
  void write_ring_setup(std::uint16_t offset, std::uint32_t value);
  void ring_admin(std::uint32_t tail);
  void consume(Ring& ring, std::uint32_t head, std::string_view rule, const char* name);
  void write_queue(Queue& queue, std::uint16_t offset, std::uint32_t value);
  void ring_queue(Queue& queue, std::uint32_t tail);
  void arm(Injection injection) override;
  void send_spurious();

  // boot.cpp: mutex_ held
  void write_boot_command(std::uint32_t command);
  void run_boot_command(Lock& lock);
  void verify(Lock& lock);
  void start(Lock& lock);
  [[nodiscard]] bool rings_usable();
  void finish_halt();

  // admin.cpp: mutex_ and a pin held
  bool serve_request();
  void handle(const slp_admin_request& request);
  [[nodiscard]] std::uint32_t execute(const slp_admin_request& request, Answer& answer,
                                      bool& later);
  [[nodiscard]] std::uint32_t create_context(std::uint32_t context);
  [[nodiscard]] std::uint32_t destroy_context(std::uint32_t context);
  [[nodiscard]] std::uint32_t create_queue(std::uint32_t id, const slp_queue_config& config);
  [[nodiscard]] std::uint32_t check_queue(const slp_queue_config& config);
  [[nodiscard]] std::uint32_t destroy_queue(std::uint32_t id, std::uint32_t request, bool& later);
  void finish_destroy(Queue& queue);
  [[nodiscard]] std::uint32_t reset_engine(std::uint32_t id, std::uint32_t request, bool& later);
  [[nodiscard]] std::uint32_t read_telemetry(const slp_buffer& buffer, Answer& answer);
  [[nodiscard]] std::uint32_t read_log(const slp_buffer& buffer, Answer& answer);
  void push_answer(std::uint32_t op, std::uint32_t id);
  void write_answer(Answer answer);

  // controller.cpp
  void controller_main(const std::stop_token& stop);
  void wake_controller();
  void finish_reset();
  void serve(Lock& lock);
  void serve_pinned();
  void write_events();
  void write_event(slp_event event);
  void post_event(std::uint32_t type, unsigned queue, unsigned engine, std::uint64_t address);
  void watch_engines();
  void send_due(Lock& lock);
  [[nodiscard]] bool work_due() const;
  [[nodiscard]] Time next_deadline() const;

  // worker.cpp
  void engine_main(const std::stop_token& stop, Engine& engine);
  [[nodiscard]] bool has_work(const Engine& engine) const;
  void run_queue(Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue);
  bool dismissed(const std::stop_token& stop, Engine& engine, Queue& queue);
  bool yields(Engine& engine, Queue& queue, bool fresh);
  [[nodiscard]] std::chrono::microseconds slice_of(const Queue& queue) const;
  void wait_for_rescue(Lock& lock, const std::stop_token& stop, Engine& engine, Queue& queue);
  void release(Engine& engine, Queue& queue);
  [[nodiscard]] bool dropped(const Engine& engine, const Queue& queue) const;
  void pause(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t us);
  void note(Note note, unsigned engine, const Queue& queue);

  // jobs.cpp: on an engine's thread, without mutex_
  Step advance(const std::stop_token& stop, Engine& engine, Queue& queue, std::uint32_t tail);
  bool fetch_job(Engine& engine, Queue& queue, std::uint32_t tail, slp_response& response);
  bool fetch_request(Queue& queue, std::uint32_t tail);
  [[nodiscard]] std::string fetch_descriptor(Queue& queue);
  [[nodiscard]] std::string load_segments(Queue& queue);
  Outcome run_commands(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung);
  Outcome spoil(const std::stop_token& stop, Engine& engine, Queue& queue, bool& hung);
  Outcome execute_command(Engine& engine, Queue& queue);
  void count_bytes(const Queue& queue, std::uint64_t bytes);
  void account(Engine& engine, Queue& queue, std::uint64_t ns, std::uint32_t commands);
  void write_progress(Engine& engine, Queue& queue);
  bool write_status(const Queue& queue);  ///< mutex_ and a pin held
  [[nodiscard]] slp_response describe(const Queue& queue) const;
  Step respond(const std::stop_token& stop, Engine& engine, Queue& queue, slp_response response);
  bool publish(Engine& engine, Queue& queue, slp_response& response);
  void check_job_unchanged(const Queue& queue);
  void stop_queue(Queue& queue, unsigned engine);
  void notify(unsigned vector, std::uint32_t queue);

  const CardTiming timing_;
  Host* host_ = nullptr;
  const CardSize size_;
  Dram dram_;
  const PciInfo pci_;

  std::atomic<std::uint64_t> interrupts_sent_{0};
  std::atomic<std::uint64_t> bytes_to_card_{0}, bytes_to_host_{0};
  std::atomic<std::uint64_t> ecc_corrected_{0}, ecc_uncorrectable_{0}, preemptions_{0};
  BusErrors bus_errors_;
  Interrupts interrupts_;

  // mutex_ protects all below.
  Boot boot_;
  Ring admin_requests_, admin_responses_, events_;
  std::uint32_t events_lost_ = 0;
  std::array<bool, SLP_NUM_CONTEXTS> contexts_{};
  std::array<Queue, SLP_NUM_QUEUES> queues_;
  std::array<Engine, SLP_NUM_ENGINES> engines_;
  Scheduler scheduler_;
  FirmwareLog log_;
  std::vector<Answer> answers_;
  std::vector<slp_event> new_events_;

  bool reset_stuck_ = false;
  Time reset_due_;
  std::uint32_t scratch_ = 0;

  struct LateInterrupt {
    Time due;
    unsigned vector;
  };
  std::vector<LateInterrupt> late_;
  std::uint32_t vectors_due_ = 0;  ///< for the controller to raise
  std::condition_variable_any controller_;
  bool controller_due_ = false;

  std::vector<std::jthread> threads_;
};

}  // namespace halyard::emu::sloop
