// SPDX-License-Identifier: MIT
#include <memory>

#include <pci_ids.h>
#include "chips/chip.hpp"
#include "chips/clipper/card.hpp"
#include "chips/clipper/processor.hpp"

namespace halyard::emu {

namespace {

std::unique_ptr<Chip> make_card(const ChipOptions& options, Judge& judge, Trace& trace) {
  return std::make_unique<clipper::Card>(options, judge, trace);
}

std::unique_ptr<CommandProcessor> make_processor() {
  return std::make_unique<clipper::Processor>();
}

}  // namespace

extern const ChipKind clipper_kind;
constinit const ChipKind clipper_kind{
    .name = "clipper",
    .description =
        "data-centre card: rings and doorbells, page tables, two tensor engines and a copy engine",
    .make = make_card,
    .make_processor = make_processor,
    .vendor = HALYARD_PCI_VENDOR,
    .device = HALYARD_PCI_DEVICE_CLIPPER};

}  // namespace halyard::emu
