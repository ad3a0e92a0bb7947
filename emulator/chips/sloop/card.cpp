// SPDX-License-Identifier: MIT
#include "chips/sloop/card.hpp"

#include <pci_ids.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <stdexcept>

#include "chips/common/settings.hpp"
#include "chips/sloop/rules.hpp"

namespace halyard::emu::sloop {

namespace {

constexpr std::uint64_t kMinDram = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxDram = std::uint64_t{64} << 30;
constexpr std::uint64_t kMinWindow = std::uint64_t{4} << 20;

}  // namespace

CardSize parse_settings(const std::vector<std::string>& settings) {
  CardSize size;
  for (const auto& [name, value] : split_settings(settings)) {
    if (name == "dram") {
      size.dram = parse_size(name, value, {.min = kMinDram, .max = kMaxDram, .step = 1U << 20});
    } else if (name == "window") {
      size.window = parse_size(name, value, {.min = kMinWindow, .max = kMaxDram, .step = 1U << 20});
    } else {
      throw std::invalid_argument("setting \"" + name + "\" is none of dram, window");
    }
  }
  size.window = std::bit_floor(std::min(size.window, size.dram));
  return size;
}

PciInfo Card::make_pci() const {
  PciInfo pci;
  pci.vendor = pci.subsystem_vendor = HALYARD_PCI_VENDOR;
  pci.device = pci.subsystem = HALYARD_PCI_DEVICE_SLOOP;
  pci.revision = SLP_REVISION_MAJOR;
  pci.class_code = HALYARD_PCI_CLASS_ACCEL;
  pci.bars[SLP_BAR].size = SLP_BAR_SIZE;
  pci.bars[SLP_WINDOW_BAR] = {
      .size = size_.window, .is_64bit = true, .prefetchable = true, .memory_fd = dram_.fd()};
  pci.bars[SLP_MSIX_BAR].size = SLP_MSIX_BAR_SIZE;
  pci.msix_vectors = SLP_NUM_VECTORS;
  pci.msix_bar = SLP_MSIX_BAR;
  pci.msix_table_offset = SLP_MSIX_TABLE;
  pci.msix_pba_offset = SLP_MSIX_PBA;
  pci.msi_vectors = 1;
  return pci;
}

Card::Card(const ChipOptions& options, Judge& judge, Trace& trace, const CardTiming& timing)
    : RegisterCard(kFace, judge, trace),
      timing_(timing),
      size_(parse_settings(options.settings)),
      dram_(size_.dram),
      pci_(make_pci()),
      bus_errors_(judge, {.unmapped = rules::kDmaUnmapped,
                          .after_unmap = rules::kDmaAfterUnmap,
                          .bus_master_off = rules::kBusMasterOff}),
      interrupts_(SLP_NUM_VECTORS, interrupts_sent_) {
  for (const std::string& text : options.inject)
    option_injections_.push_back(normalised(parse_injection(text)));
  for (unsigned i = 0; i < SLP_NUM_QUEUES; ++i)
    queues_.at(i).id = i;
  for (unsigned i = 0; i < SLP_NUM_ENGINES; ++i) {
    engines_.at(i).id = i;
    engines_.at(i).engine_class = i < SLP_NUM_COMPUTE_ENGINES ? DRM_HALYARD_SLOOP_ENGINE_COMPUTE
                                                              : DRM_HALYARD_SLOOP_ENGINE_DMA;
  }
}

Card::~Card() {
  detach();
}

void Card::attach(Host& host) {
  host_ = &host;
  bus_errors_.attach(&host);
  interrupts_.attach(&host);
  reset(ResetKind::kPowerOn);
  threads_.emplace_back([this](const std::stop_token& stop) { controller_main(stop); });
  for (Engine& engine : engines_)
    threads_.emplace_back(
        [this, &engine](const std::stop_token& stop) { engine_main(stop, engine); });
}

void Card::detach() {
  for (std::jthread& thread : threads_)
    thread.request_stop();
  {
    const std::scoped_lock guard(mutex_);
    rouse_engines();
  }
  threads_.clear();
}

bool Card::jobs_in_flight() const {
  return std::ranges::any_of(queues_, [](const Queue& queue) {
    return queue.exists && queue.state != SLP_QUEUE_STATE_STOPPED && !queue.destroying &&
           queue.has_jobs();
  });
}

bool Card::engines_idle() const {
  return std::ranges::all_of(engines_,
                             [](const Engine& engine) { return engine.queue == nullptr; });
}

void Card::log(LogLevel level, const std::string& text) {
  if (level > boot_.firmware.program.log) return;
  std::array<char, 32> stamp{};
  const std::uint64_t us = timestamp() / 1000;
  std::snprintf(stamp.data(), stamp.size(), "[%6llu.%06llu] ",
                static_cast<unsigned long long>(us / 1000000),
                static_cast<unsigned long long>(us % 1000000));
  log_.append(stamp.data() + text + "\n");
}

// ---- Memory of the host
// --------------------------------------------------------------------------

/// Exactly `size` bytes, or none. A pin is held. `what` begins the checker's sentence.
std::span<std::byte> Card::reach(std::uint64_t address, std::size_t size, Access access,
                                 const char* what) {
  const auto memory = host_->dma(address, size, access);
  if (memory.size() == size) return memory;
  bus_errors_.report(address + memory.size(), what);
  return {};
}

// ---- Engines
// -------------------------------------------------------------------------------------

void Card::rouse_engines() {
  for (Engine& engine : engines_) {
    engine.attention.store(true, std::memory_order_relaxed);
    engine.wake.notify_all();
  }
}

/// A queue became ready: an idle engine takes it, or the one that runs the least urgent queue lets
/// go.
void Card::kick(const Queue& queue) {
  Engine* least = nullptr;
  for (Engine& engine : engines_) {
    if (engine.engine_class != queue.engine_class()) continue;
    if (engine.idle && has_work(engine)) {
      engine.idle = false;
      engine.wake.notify_all();
      return;
    }
    if (engine.queue == nullptr) continue;
    if (least == nullptr || engine.queue->priority() > least->queue->priority()) least = &engine;
  }
  if (least != nullptr && least->queue->priority() > queue.priority())
    least->attention.store(true, std::memory_order_relaxed);
}

void Card::cancel_jobs() {
  for (Queue& queue : queues_)
    queue.execution.cancel();
  rouse_engines();
  wake_controller();
}

// ---- States
// --------------------------------------------------------------------------------------

void Card::set_boot_state(std::uint32_t state) {
  boot_.state = state;
  trace_.record(TraceKind::kNote, static_cast<std::uint64_t>(Note::kBoot), state);
  vectors_due_ |= 1U << SLP_VECTOR_EVENT;
  wake_controller();
}

/// What the firmware knew. No engine has a queue.
void Card::drop_everything() {
  for (Queue& queue : queues_)
    queue.clear();
  for (Engine& engine : engines_)
    engine.hung = engine.hang_reported = engine.resetting = engine.stuck = false;
  contexts_ = {};
  scheduler_.clear();
  answers_.clear();
  new_events_.clear();
}

void Card::crash(std::uint32_t code) {
  if (boot_.state != SLP_BOOT_STATE_RUNNING) return;
  boot_.last_heartbeat = heartbeat();
  boot_.crash_code = code;
  set_boot_state(SLP_BOOT_STATE_CRASHED);
  cancel_jobs();
}

void Card::report_unannounced_reset(const char* what) {
  if (running() && jobs_in_flight())
    judge_.report(rules::kUnannouncedReset,
                  std::string(what) + " while the firmware runs and jobs are in flight");
}

/// Registers read as reset from now on; the state behind them is cleared once the engines have let
/// go of it.
void Card::begin_reset(bool fails) {
  boot_.state = SLP_BOOT_STATE_RESET;
  boot_.command = 0;
  reset_stuck_ = fails;
  reset_due_ = Clock::now() + timing_.reset;
  bus_errors_.excuse(true);
  vectors_due_ = 0;
  cancel_jobs();
}

void Card::reset(ResetKind kind) {
  const std::scoped_lock guard(mutex_);
  if (kind == ResetKind::kFunction) {
    if (link_lost_) return;  // the request does not get here
    report_unannounced_reset("function-level reset");
  } else {
    link_lost_ = false;
    interrupts_.mute(false);
  }
  if (kind == ResetKind::kPowerOn) {
    begin_power_on();
    dram_.clear();
  }
  begin_reset(false);
}

void Card::set_power(PowerState state) {
  const std::scoped_lock guard(mutex_);
  asleep_ = state == PowerState::kD3hot;
  if (asleep_ && running())
    judge_.report(rules::kSleepWhileRunning, "D3hot entered while the firmware runs");
  rouse_engines();
  wake_controller();
}

void Card::set_bus_master(bool enabled) {
  const std::scoped_lock guard(mutex_);
  if (!enabled && running() && jobs_in_flight())
    judge_.report(rules::kBusMasterCleared,
                  "bus mastering switched off while the firmware runs and jobs are in flight");
}

void Card::lose_link() {
  link_lost_ = true;
  bus_errors_.excuse(true);
  interrupts_.mute(true);
  cancel_jobs();
}

}  // namespace halyard::emu::sloop
