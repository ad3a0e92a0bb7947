// SPDX-License-Identifier: MIT
#include <memory>

#include <pci_ids.h>
#include "chips/chip.hpp"
#include "chips/dory/card.hpp"
#include "chips/dory/processor.hpp"

namespace halyard::emu {

namespace {

std::unique_ptr<Chip> make_card(const ChipOptions& options, Judge& judge, Trace& trace) {
  return std::make_unique<dory::Card>(options, judge, trace);
}

std::unique_ptr<CommandProcessor> make_processor() {
  return std::make_unique<dory::Processor>();
}

}  // namespace

extern const ChipKind dory_kind;
constinit const ChipKind dory_kind{
    .name = "dory",
    .description =
        "edge accelerator: registers, eight regions of contiguous memory, one job at a "
        "time",
    .make = make_card,
    .make_processor = make_processor,
    .vendor = HALYARD_PCI_VENDOR,
    .device = HALYARD_PCI_DEVICE_DORY};

}  // namespace halyard::emu
