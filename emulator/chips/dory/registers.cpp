// SPDX-License-Identifier: MIT
#include "chips/dory/registers.hpp"

#include <dory/dory_regs.h>

namespace halyard::emu::dory {

namespace {

constexpr std::uint32_t kAll = 0xffffffff;
constexpr std::uint32_t kAligned = kAll & ~(DORY_ALIGN - 1U);
constexpr auto kRo = Direction::kReadOnly;
constexpr auto kRw = Direction::kReadWrite;
constexpr auto kWo = Direction::kWriteOnly;

constexpr RegisterInfo kGlobal[] = {
    {"ID", 0, DORY_ID, kRo, true},
    {"REVISION", 0, DORY_REVISION, kRo, true},
    {"CAPS", 0, DORY_CAPS, kRo},
    {"OPCODES", 0, DORY_OPCODES, kRo},
    {"CLOCK_KHZ", 0, DORY_CLOCK_KHZ, kRo},
    {"CTRL", DORY_CTRL_RESET, DORY_CTRL, kRw},
    {"STATUS", 0, DORY_STATUS, kRo, true},
    {"SCRATCH", kAll, DORY_SCRATCH, kRw},
    {"IRQ_STATUS", 0, DORY_IRQ_STATUS, kRo},
    {"IRQ_ACK", DORY_IRQ_DONE | DORY_IRQ_ERROR, DORY_IRQ_ACK, kWo},
    {"IRQ_ENABLE", DORY_IRQ_DONE | DORY_IRQ_ERROR, DORY_IRQ_ENABLE, kRw},
    {"STREAM", kAligned, DORY_STREAM, kRw},
    {"STREAM_SIZE", kAll, DORY_STREAM_SIZE, kRw},
    {"JOB", kAll, DORY_JOB, kRw},
    {"RUN", 1, DORY_RUN, kWo},
    {"COMPLETED", 0, DORY_COMPLETED, kRo},
    {"COMMANDS", 0, DORY_COMMANDS, kRo},
    {"TAG", 0, DORY_TAG, kRo},
    {"CYCLES_LO", 0, DORY_CYCLES_LO, kRo},
    {"CYCLES_HI", 0, DORY_CYCLES_HI, kRo},
    {"TIMESTAMP_LO", 0, DORY_TIMESTAMP_LO, kRo},
    {"TIMESTAMP_HI", 0, DORY_TIMESTAMP_HI, kRo},
    {"ERROR_CAUSE", 0, DORY_ERROR_CAUSE, kRo},
    {"ERROR_ADDRESS", 0, DORY_ERROR_ADDRESS, kRo},
    {"ERROR_ACCESS", 0, DORY_ERROR_ACCESS, kRo},
    {"ERROR_OFFSET", 0, DORY_ERROR_OFFSET, kRo},
};

constexpr RegisterInfo kPerf[] = {
    {"", 0, 0, kRo},
};

constexpr RegisterInfo kRegion[] = {
    {"BASE", kAligned, DORY_REGION_BASE, kRw},
    {"LIMIT", kAll, DORY_REGION_LIMIT, kRw},
    {"FLAGS", DORY_REGION_FLAGS_WRITE, DORY_REGION_FLAGS, kRw},
};

constexpr RegisterInfo kInject[] = {
    {"KIND", 0xf, DORY_INJECT_KIND - DORY_INJECT_KIND, kRw},
    {"SKIP", kAll, DORY_INJECT_SKIP - DORY_INJECT_KIND, kRw},
    {"COUNT", kAll, DORY_INJECT_COUNT - DORY_INJECT_KIND, kRw},
    {"ARG", kAll, DORY_INJECT_ARG - DORY_INJECT_KIND, kRw},
    {"ARM", 1, DORY_INJECT_ARM - DORY_INJECT_KIND, kWo},
    {"FIRED", 0, DORY_INJECT_FIRED - DORY_INJECT_KIND, kRo},
};

constexpr BlockInfo<Block> kBlocks[] = {
    {nullptr, kGlobal, 0, DORY_PERF(0), 1, Block::kGlobal},
    {"PERF", kPerf, DORY_PERF(0), DORY_PERF(1) - DORY_PERF(0), DORY_NUM_PERF, Block::kPerf},
    {"REGION", kRegion, DORY_REGION(0), DORY_REGION(1) - DORY_REGION(0), DORY_NUM_REGIONS,
     Block::kRegion},
    {"INJECT", kInject, DORY_INJECT_KIND, 0x100, 1, Block::kInject},
};

}  // namespace

RegisterRef find_register(std::uint64_t offset) {
  return emu::find_register<Block>(kBlocks, offset);
}

}  // namespace halyard::emu::dory
