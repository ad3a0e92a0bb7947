// SPDX-License-Identifier: MIT
#include <pci_ids.h>

#include <memory>

#include "chips/chip.hpp"
#include "chips/sloop/card.hpp"
#include "chips/sloop/processor.hpp"

namespace halyard::emu {

namespace {

std::unique_ptr<Chip> make_card(const ChipOptions& options, Judge& judge, Trace& trace) {
  return std::make_unique<sloop::Card>(options, judge, trace);
}

std::unique_ptr<CommandProcessor> make_processor() {
  return std::make_unique<sloop::Processor>();
}

}  // namespace

extern const ChipKind sloop_kind;
constinit const ChipKind sloop_kind{
    .name = "sloop",
    .description =
        "inference card: firmware, message rings, its own memory, two compute and two DMA engines",
    .make = make_card,
    .make_processor = make_processor,
    .vendor = HALYARD_PCI_VENDOR,
    .device = HALYARD_PCI_DEVICE_SLOOP};

}  // namespace halyard::emu
