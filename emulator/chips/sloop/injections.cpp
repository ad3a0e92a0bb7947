// SPDX-License-Identifier: MIT
#include "chips/sloop/injections.hpp"

#include <sloop/sloop_regs.h>

#include <array>

namespace halyard::emu::sloop {

namespace {

constexpr std::array<std::string_view, SLP_NUM_INJECT> kKinds = {"none",
                                                                 "hang",
                                                                 "segment",
                                                                 "illegal",
                                                                 "ecc",
                                                                 "slow",
                                                                 "irq_lost",
                                                                 "irq_late",
                                                                 "irq_spurious",
                                                                 "response_late",
                                                                 "response_bad_id",
                                                                 "admin_lost",
                                                                 "admin_bad_id",
                                                                 "admin_bad_size",
                                                                 "admin_fails",
                                                                 "engine_reset_fails",
                                                                 "firmware_crash",
                                                                 "boot_silent",
                                                                 "reset_fails",
                                                                 "link_loss"};
constexpr std::array<std::string_view, 4> kTargets = {"queue", "engine", "op", "target"};
static_assert(kAnyTarget == SLP_INJECT_ANY);

}  // namespace

Injection parse_injection(std::string_view text) {
  return emu::parse_injection(text, {.kinds = kKinds, .targets = kTargets});
}

Injection normalised(Injection injection) {
  switch (injection.kind) {
    case SLP_INJECT_IRQ_SPURIOUS:
      injection.skip = 0;
      injection.count = 1;
      [[fallthrough]];
    case SLP_INJECT_BOOT_SILENT:
    case SLP_INJECT_RESET_FAILS:
      injection.target = kAnyTarget;
      break;
    default:
      break;
  }
  return injection;
}

}  // namespace halyard::emu::sloop
