// SPDX-License-Identifier: MIT
#include "chips/clipper/card.hpp"

#include <drm/halyard_clipper.h>
#include <pci_ids.h>

#include <algorithm>

#include "chips/clipper/rules.hpp"
#include "chips/common/settings.hpp"

namespace halyard::emu::clipper {

PciInfo Card::make_pci() {
  PciInfo pci;
  pci.vendor = pci.subsystem_vendor = HALYARD_PCI_VENDOR;
  pci.device = pci.subsystem = HALYARD_PCI_DEVICE_CLIPPER;
  pci.revision = CLP_REVISION_MAJOR;
  pci.class_code = HALYARD_PCI_CLASS_ACCEL;
  pci.bars[CLP_BAR].size = CLP_BAR_SIZE;
  pci.bars[CLP_MSIX_BAR].size = CLP_MSIX_BAR_SIZE;
  pci.msix_vectors = CLP_NUM_VECTORS;
  pci.msix_bar = CLP_MSIX_BAR;
  pci.msix_table_offset = CLP_MSIX_TABLE;
  pci.msix_pba_offset = CLP_MSIX_PBA;
  pci.msi_vectors = 1;
  return pci;
}

Card::Card(const ChipOptions& options, Judge& judge, Trace& trace, const CardTiming& timing)
    : RegisterCard(kFace, judge, trace),
      timing_(timing),
      mmu_(judge, counters_, timing.flush_grace),
      interrupts_(CLP_NUM_VECTORS, counters_.at(CLP_PERF_INTERRUPTS)) {
  refuse_settings(options.settings);
  for (const std::string& text : options.inject)
    option_injections_.push_back(normalised(parse_injection(text)));
  for (unsigned i = 0; i < CLP_NUM_QUEUES; ++i)
    queues_.at(i).id = i;
  for (unsigned i = 0; i < CLP_NUM_ENGINES; ++i) {
    engines_.at(i).id = i;
    engines_.at(i).engine_class = i < CLP_NUM_TENSOR_ENGINES ? DRM_HALYARD_CLIPPER_ENGINE_TENSOR
                                                             : DRM_HALYARD_CLIPPER_ENGINE_COPY;
  }
}

Card::~Card() {
  detach();
}

void Card::attach(Host& host) {
  host_ = &host;
  mmu_.attach(&host);
  interrupts_.attach(&host);
  {
    const std::scoped_lock guard(mutex_);
    fault_queue_.attach(&host);
  }
  reset(ResetKind::kPowerOn);
  threads_.emplace_back([this](const std::stop_token& stop) { housekeeper_main(stop); });
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

bool Card::may_run() const {
  return enabled_ && ready_ && !resetting_ && !fatal_ && !asleep_ && !link_lost_;
}

bool Card::jobs_in_flight() const {
  return std::ranges::any_of(queues_, [](const Queue& queue) {
    return queue.state != CLP_QUEUE_STATE_DISABLED && queue.state != CLP_QUEUE_STATE_FAULTED &&
           queue.state != CLP_QUEUE_STATE_RESETTING && queue.has_jobs();
  });
}

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

void Card::kick_all() {
  for (Engine& engine : engines_)
    engine.wake.notify_all();
  wake_housekeeper();
}

void Card::report_unannounced_reset(const char* what) {
  if (enabled_ && jobs_in_flight())
    judge_.report(rules::kUnannouncedReset,
                  std::string(what) + " while CONTROL.ENABLE is set and jobs are in flight");
}

/// Registers read as reset from now on; the state behind them is cleared once the engines have let
/// go of it.
void Card::begin_reset(bool fails) {
  resetting_ = true;
  reset_stuck_ = fails;
  ready_ = false;
  enabled_ = false;
  reset_due_ = Clock::now() + timing_.reset;
  mmu_.excuse_bus_errors(true);
  for (Queue& queue : queues_)
    queue.execution.cancel();
  rouse_engines();
  wake_housekeeper();
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
  }
  begin_reset(false);
}

void Card::set_power(PowerState state) {
  const std::scoped_lock guard(mutex_);
  asleep_ = state == PowerState::kD3hot;
  if (!asleep_) {
    kick_all();
    return;
  }
  if (enabled_ && !link_lost_)
    judge_.report(rules::kSleepWhileEnabled, "D3hot entered while CONTROL.ENABLE is set");
  rouse_engines();
}

void Card::set_bus_master(bool enabled) {
  const std::scoped_lock guard(mutex_);
  // Nothing that the driver did about a card that it can't reach has arrived here.
  if (!enabled && enabled_ && !link_lost_ && jobs_in_flight())
    judge_.report(rules::kBusMasterCleared,
                  "bus mastering switched off while CONTROL.ENABLE is set and jobs are in flight");
}

void Card::dma_unmapped(std::uint64_t address, std::uint64_t size) {
  mmu_.drop_bus_range(address, size);
}

void Card::lose_link() {
  link_lost_ = true;
  interrupts_.mute(true);
  mmu_.excuse_bus_errors(true);
  for (Queue& queue : queues_)
    queue.execution.cancel();
  rouse_engines();
}

void Card::begin_flush(std::uint32_t value) {
  const bool all = (value & CLP_TLB_FLUSH_ALL) != 0;
  const unsigned ctx = value & CLP_TLB_FLUSH_CTX;
  if (all) {
    mmu_.flush_all();
  } else {
    mmu_.flush(ctx);
  }
  // An access that begins from here on finds the new entries.
  for (unsigned i = 0; i < accesses_.size(); ++i) {
    const std::uint64_t count = accesses_.at(i).count.load();
    if (count % 2 != 0 && (all || accesses_.at(i).ctx.load() == ctx)) flush_waits_.at(i) = count;
  }
}

bool Card::flush_busy() {
  bool busy = false;
  for (unsigned i = 0; i < accesses_.size(); ++i) {
    if (flush_waits_.at(i) == 0) continue;
    if (accesses_.at(i).count.load() == flush_waits_.at(i)) {
      busy = true;
    } else {
      flush_waits_.at(i) = 0;
    }
  }
  return busy;
}

}  // namespace halyard::emu::clipper
