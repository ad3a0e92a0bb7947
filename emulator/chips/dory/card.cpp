// SPDX-License-Identifier: MIT
#include "chips/dory/card.hpp"

#include <pci_ids.h>

#include <algorithm>

namespace halyard::emu::dory {

PciInfo Card::make_pci() {
  PciInfo pci;
  pci.vendor = pci.subsystem_vendor = HALYARD_PCI_VENDOR;
  pci.device = pci.subsystem = HALYARD_PCI_DEVICE_DORY;
  pci.revision = DORY_REVISION_MAJOR;
  pci.class_code = HALYARD_PCI_CLASS_ACCEL;
  pci.bars[DORY_BAR].size = DORY_BAR_SIZE;
  pci.bars[DORY_MSIX_BAR].size = DORY_MSIX_BAR_SIZE;
  pci.msix_vectors = DORY_NUM_VECTORS;
  pci.msix_bar = DORY_MSIX_BAR;
  pci.msix_table_offset = DORY_MSIX_TABLE;
  pci.msix_pba_offset = DORY_MSIX_PBA;
  pci.msi_vectors = DORY_NUM_VECTORS;
  return pci;
}

Card::Card(const ChipOptions& options, Judge& judge, Trace& trace, const CardTiming& timing)
    : RegisterCard(kFace, judge, trace), timing_(timing) {
  for (const std::string& text : options.inject)
    option_injections_.push_back(normalised(parse_injection(text)));
}

Card::~Card() {
  detach();
}

void Card::attach(Host& host) {
  host_ = &host;
  space_.attach(&host);
  bus_errors_.attach(&host);
  interrupt_.attach(&host);
  reset(ResetKind::kPowerOn);
  threads_.emplace_back([this](const std::stop_token& stop) { housekeeper_main(stop); });
  threads_.emplace_back([this](const std::stop_token& stop) { worker_main(stop); });
}

void Card::detach() {
  for (std::jthread& thread : threads_)
    thread.request_stop();
  threads_.clear();
}

// ---- Resets
// --------------------------------------------------------------------------------------

void Card::drop_job() {
  if (busy_) note(Note::kJobDropped);
  execution_.cancel();
  wake_.notify_all();
}

/// Registers read as reset from now on; the state behind them is cleared once the worker has let go
/// of it.
void Card::begin_reset(bool fails) {
  drop_job();
  busy_ = false;
  resetting_ = true;
  reset_stuck_ = fails;
  reset_due_ = Clock::now() + timing_.reset;
  bus_errors_.excuse(true);
  housekeeping_due_ = true;
  housekeeping_.notify_all();
}

bool Card::reset_can_finish() {
  return resetting_ && !reset_stuck_ && !working_;
}

void Card::finish_reset() {
  setup_ = {};
  progress_ = {};
  completed_ = 0;
  begun_ = hung_ = false;
  extra_cycles_ = 0;
  scratch_ = 0;
  jobs_ = commands_ = errors_ = ecc_corrected_ = 0;
  injection_ = kNoInjection;
  late_.clear();
  space_.reset_counters();
  interrupt_.reset();
  bus_errors_.excuse(link_lost_);
  resetting_ = false;
}

void Card::reset(ResetKind kind) {
  const std::scoped_lock guard(mutex_);
  if (kind == ResetKind::kFunction) {
    if (link_lost_) return;  // the request does not get here
    if (busy_)
      judge_.report(rules::kFunctionResetFirst,
                    "function-level reset while a job runs, without CTRL.RESET before");
  } else {
    link_lost_ = false;
    interrupt_.mute(false);
  }
  if (kind == ResetKind::kPowerOn) {
    begin_power_on();
  }
  begin_reset(false);
}

void Card::lose_link() {
  drop_job();
  link_lost_ = true;
  interrupt_.mute(true);
  bus_errors_.excuse(true);
}

// ---- The machine around the card
// -----------------------------------------------------------------

void Card::set_power(PowerState state) {
  const std::scoped_lock guard(mutex_);
  asleep_ = state == PowerState::kD3hot;
  if (asleep_ && busy_ && !link_lost_)
    judge_.report(rules::kSleepWhileBusy, "D3hot entered while a job runs");
  wake_.notify_all();
}

void Card::set_bus_master(bool enabled) {
  const std::scoped_lock guard(mutex_);
  // Nothing that the driver did about a card that it can't reach has arrived here.
  if (!enabled && busy_ && !link_lost_)
    judge_.report(rules::kBusMasterCleared, "bus mastering switched off while a job runs");
}

void Card::dma_unmapped(std::uint64_t address, std::uint64_t size) {
  bus_errors_.note_unmapped(address, size);
}

// ---- Housekeeping: what takes time but no work
// ---------------------------------------------------

void Card::housekeeper_main(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (!stop.stop_requested()) {
    housekeeping_due_ = false;
    if (reset_can_finish() && Clock::now() >= reset_due_) finish_reset();
    send_late(lock);
    const auto due = [this] { return housekeeping_due_; };
    const Time deadline = next_deadline();
    if (deadline == Time::max()) {
      housekeeping_.wait(lock, stop, due);
    } else {
      housekeeping_.wait_until(lock, stop, deadline, due);
    }
  }
}

Card::Time Card::next_deadline() {
  Time deadline = reset_can_finish() ? reset_due_ : Time::max();
  for (const LateInterrupt& late : late_)
    deadline = std::min(deadline, late.due);
  return deadline;
}

void Card::send_late(Lock& lock) {
  const Time now = Clock::now();
  std::uint32_t bits = 0;
  std::erase_if(late_, [&](const LateInterrupt& late) {
    if (late.due > now) return false;
    bits |= late.bits;
    return true;
  });
  if (bits == 0) return;
  lock.unlock();
  interrupt_.raise(bits);
  lock.lock();
}

}  // namespace halyard::emu::dory
