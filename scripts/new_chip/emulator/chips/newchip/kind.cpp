// SPDX-License-Identifier: MIT
#include <pci_ids.h>

#include <memory>

#include "chips/chip.hpp"
#include "chips/newchip/card.hpp"
#include "chips/newchip/processor.hpp"

namespace halyard::emu {

namespace {

std::unique_ptr<Chip> make_card(const ChipOptions& options, Judge& judge, Trace& trace) {
  return std::make_unique<newchip::Card>(options, judge, trace);
}

std::unique_ptr<CommandProcessor> make_processor() {
  return std::make_unique<newchip::Processor>();
}

}  // namespace

extern const ChipKind newchip_kind;
constinit const ChipKind newchip_kind{.name = "newchip",
                                     .description = "a new chip",
                                     .make = make_card,
                                     .make_processor = make_processor,
                                     .vendor = HALYARD_PCI_VENDOR,
                                     .device = HALYARD_PCI_DEVICE_NEWCHIP};

}  // namespace halyard::emu
