// SPDX-License-Identifier: MIT
#include "chips/clipper/injections.hpp"

#include <clipper/clipper_regs.h>

#include <array>

namespace halyard::emu::clipper {

namespace {

constexpr std::array<std::string_view, CLP_NUM_INJECT> kKinds = {"none",
                                                                 "hang",
                                                                 "page_fault",
                                                                 "illegal",
                                                                 "ecc",
                                                                 "irq_lost",
                                                                 "irq_late",
                                                                 "irq_spurious",
                                                                 "completion_torn",
                                                                 "completion_early",
                                                                 "queue_reset_fails",
                                                                 "engine_reset_fails",
                                                                 "function_reset_fails",
                                                                 "link_loss",
                                                                 "slow"};
constexpr std::array<std::string_view, 3> kTargets = {"queue", "engine", "target"};
static_assert(kAnyTarget == CLP_INJECT_ANY);

}  // namespace

Injection parse_injection(std::string_view text) {
  return emu::parse_injection(text, {.kinds = kKinds, .targets = kTargets});
}

Injection normalised(Injection injection) {
  if (injection.kind == CLP_INJECT_IRQ_SPURIOUS) {
    injection.skip = 0;
    injection.count = 1;
  }
  if (injection.kind == CLP_INJECT_IRQ_SPURIOUS ||
      injection.kind == CLP_INJECT_FUNCTION_RESET_FAILS)
    injection.target = CLP_INJECT_ANY;
  return injection;
}

}  // namespace halyard::emu::clipper
