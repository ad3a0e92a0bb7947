// SPDX-License-Identifier: MIT
#include "chips/dory/injections.hpp"

#include <dory/dory_regs.h>

#include <array>

namespace halyard::emu::dory {

namespace {

constexpr std::array<std::string_view, DORY_NUM_INJECT> kKinds = {
    "none",     "hang",         "operands",  "bus",         "ecc",       "irq_lost",
    "irq_late", "irq_spurious", "irq_early", "reset_fails", "link_loss", "slow"};

}  // namespace

Injection parse_injection(std::string_view text) {
  return emu::parse_injection(text, {.kinds = kKinds, .targets = {}});
}

Injection normalised(Injection injection) {
  injection.target = kAnyTarget;
  if (injection.kind == DORY_INJECT_IRQ_SPURIOUS) {
    injection.skip = 0;
    injection.count = 1;
  }
  return injection;
}

}  // namespace halyard::emu::dory
