// SPDX-License-Identifier: MIT
/// \file
/// The boot ROM: from reset to running firmware, and to a halt.

#include "chips/sloop/card.hpp"
#include "chips/sloop/rules.hpp"

namespace halyard::emu::sloop {

namespace {

std::string version_text(std::uint32_t version) {
  return std::to_string(version >> 24) + "." + std::to_string(version >> 16 & 0xff) + "." +
         std::to_string(version & 0xffff);
}

bool ring_is_set_up(std::uint64_t base, std::uint32_t order) {
  return base != 0 && order >= SLP_RING_ORDER_MIN && order <= SLP_RING_ORDER_MAX;
}

}  // namespace

void Card::write_boot_command(std::uint32_t command) {
  const std::uint32_t state = boot_.state;
  if (command == SLP_BOOT_COMMAND_HALT && state == SLP_BOOT_STATE_CRASHED)
    return;  // the driver need not know yet
  const bool in_rom = state == SLP_BOOT_STATE_ROM || state == SLP_BOOT_STATE_REFUSED ||
                      state == SLP_BOOT_STATE_VERIFIED;
  const bool fits = (command == SLP_BOOT_COMMAND_VERIFY && in_rom) ||
                    (command == SLP_BOOT_COMMAND_START && state == SLP_BOOT_STATE_VERIFIED) ||
                    (command == SLP_BOOT_COMMAND_HALT && state == SLP_BOOT_STATE_RUNNING);
  if (!fits)
    return judge_.report(rules::kBootCommandState, "BOOT_COMMAND " + std::to_string(command) +
                                                       " in state " + std::to_string(state));
  if (injector_.hit(SLP_INJECT_BOOT_SILENT)) return;
  if (command == SLP_BOOT_COMMAND_HALT) {
    boot_.last_heartbeat = heartbeat();
    set_boot_state(SLP_BOOT_STATE_HALTING);
    return cancel_jobs();
  }
  boot_.command = command;
  boot_.due = Clock::now() + timing_.boot;
  set_boot_state(command == SLP_BOOT_COMMAND_VERIFY ? SLP_BOOT_STATE_VERIFYING
                                                    : SLP_BOOT_STATE_STARTING);
}

void Card::run_boot_command(Lock& lock) {
  const std::uint32_t command = boot_.command;
  boot_.command = 0;
  if (command == SLP_BOOT_COMMAND_VERIFY) return verify(lock);
  start(lock);
}

/// On a copy: what the host does to the window meanwhile changes nothing.
void Card::verify(Lock& lock) {
  const std::uint32_t size = boot_.image_size;
  const std::uint32_t protocol = boot_.protocol;
  Firmware firmware;
  std::uint32_t status = SLP_BOOT_WRONG_SIZE;
  if (size > kBootWindowSize) {
    judge_.report(rules::kBootImageSize, "an image of " + std::to_string(size) +
                                             " bytes in a window of " +
                                             std::to_string(kBootWindowSize));
  } else {
    lock.unlock();
    const auto window = dram_.at(kBootWindow, size);
    const std::vector<std::byte> image(window.begin(), window.end());
    status = verify_image(image, protocol, boot_rom(), firmware);
    lock.lock();
  }
  if (boot_.state != SLP_BOOT_STATE_VERIFYING) return;  // a reset overtook it
  boot_.status = status;
  boot_.firmware = std::move(firmware);
  set_boot_state(status == SLP_BOOT_OK ? SLP_BOOT_STATE_VERIFIED : SLP_BOOT_STATE_REFUSED);
}

bool Card::rings_usable() {
  const auto usable = [this](const Ring& ring, std::size_t entry, Access access) {
    return ring_is_set_up(ring.base, ring.order) &&
           !reach(ring.base, entry, access, "a ring to start with").empty();
  };
  return usable(admin_requests_, sizeof(slp_admin_request), Access::kRead) &&
         usable(admin_responses_, sizeof(slp_admin_response), Access::kWrite) &&
         usable(events_, sizeof(slp_event), Access::kWrite);
}

void Card::start(Lock& lock) {
  lock.unlock();
  auto pin = host_->pin_dma();
  lock.lock();
  if (boot_.state != SLP_BOOT_STATE_STARTING) return;
  const bool usable = rings_usable();
  pin.unlock();
  boot_.status = usable ? SLP_BOOT_OK : SLP_BOOT_BAD_RINGS;
  if (!usable) return set_boot_state(SLP_BOOT_STATE_REFUSED);
  for (Ring* ring : {&admin_requests_, &admin_responses_, &events_})
    ring->head = ring->tail = 0;
  events_lost_ = 0;
  boot_.started = Clock::now();
  boot_.crash_code = 0;
  for (Engine& engine : engines_)
    engine.busy_ns = engine.commands = engine.jobs = 0;
  bytes_to_card_ = bytes_to_host_ = ecc_corrected_ = ecc_uncorrectable_ = preemptions_ = 0;
  log_.clear();
  set_boot_state(SLP_BOOT_STATE_RUNNING);
  log(LogLevel::kErrors, boot_.firmware.name + " " + version_text(boot_.firmware.version) +
                             ", protocol " + std::to_string(boot_.protocol));
}

void Card::finish_halt() {
  drop_everything();
  set_boot_state(SLP_BOOT_STATE_HALTED);
}

}  // namespace halyard::emu::sloop
