// SPDX-License-Identifier: MIT
#include "chips/sloop/registers.hpp"

#include <sloop/sloop_regs.h>

namespace halyard::emu::sloop {

namespace {

constexpr std::uint32_t kAll = 0xffffffff;
constexpr std::uint32_t kRingLow = kAll & ~0x3fU;
constexpr std::uint32_t kRingHigh = (1U << (SLP_DMA_BITS - 32)) - 1;
constexpr std::uint32_t kVectors = (1U << SLP_NUM_VECTORS) - 1;
constexpr auto kRo = Direction::kReadOnly;
constexpr auto kRw = Direction::kReadWrite;
constexpr auto kWo = Direction::kWriteOnly;

constexpr RegisterInfo kGlobal[] = {
    {"ID", 0, SLP_ID, kRo, true},
    {"REVISION", 0, SLP_REVISION, kRo, true},
    {"CAPS0", 0, SLP_CAPS0, kRo},
    {"CAPS1", 0, SLP_CAPS1, kRo},
    {"OPCODES", 0, SLP_OPCODES, kRo},
    {"CLOCK_KHZ", 0, SLP_CLOCK_KHZ, kRo},
    {"DRAM_SIZE_LO", 0, SLP_DRAM_SIZE_LO, kRo},
    {"DRAM_SIZE_HI", 0, SLP_DRAM_SIZE_HI, kRo},
    {"DRAM_RESERVED", 0, SLP_DRAM_RESERVED, kRo},
    {"SCRATCH", kAll, SLP_SCRATCH, kRw},
    {"TIMESTAMP_LO", 0, SLP_TIMESTAMP_LO, kRo},
    {"TIMESTAMP_HI", 0, SLP_TIMESTAMP_HI, kRo},
    {"CONTROL", SLP_CONTROL_RESET, SLP_CONTROL, kRw},
    {"IRQ_STATUS", kVectors, SLP_IRQ_STATUS, kRw},
    {"IRQ_ENABLE", kVectors, SLP_IRQ_ENABLE, kRw},
    {"BOOT_STATE", 0, SLP_BOOT_STATE, kRo, true},
    {"BOOT_STATUS", 0, SLP_BOOT_STATUS, kRo},
    {"BOOT_COMMAND", 3, SLP_BOOT_COMMAND, kWo},
    {"BOOT_WINDOW", 0, SLP_BOOT_WINDOW, kRo},
    {"BOOT_WINDOW_SIZE", 0, SLP_BOOT_WINDOW_SIZE, kRo},
    {"BOOT_IMAGE_SIZE", kAll, SLP_BOOT_IMAGE_SIZE, kRw},
    {"BOOT_PROTOCOL", 0xffff, SLP_BOOT_PROTOCOL, kRw},
    {"BOOT_SECURITY", 0, SLP_BOOT_SECURITY, kRo},
    {"FW_VERSION", 0, SLP_FW_VERSION, kRo},
    {"FW_HEARTBEAT", 0, SLP_FW_HEARTBEAT, kRo},
    {"CRASH_CODE", 0, SLP_CRASH_CODE, kRo},
    {"ADMIN_REQUESTS_LO", kRingLow, SLP_ADMIN_REQUESTS_LO, kRw},
    {"ADMIN_REQUESTS_HI", kRingHigh, SLP_ADMIN_REQUESTS_HI, kRw},
    {"ADMIN_RESPONSES_LO", kRingLow, SLP_ADMIN_RESPONSES_LO, kRw},
    {"ADMIN_RESPONSES_HI", kRingHigh, SLP_ADMIN_RESPONSES_HI, kRw},
    {"ADMIN_ORDER", 0xf, SLP_ADMIN_ORDER, kRw},
    {"EVENTS_LO", kRingLow, SLP_EVENTS_LO, kRw},
    {"EVENTS_HI", kRingHigh, SLP_EVENTS_HI, kRw},
    {"EVENTS_ORDER", 0xf, SLP_EVENTS_ORDER, kRw},
    {"ADMIN_REQUEST_TAIL", kAll, SLP_ADMIN_REQUEST_TAIL, kRw},
    {"ADMIN_REQUEST_HEAD", 0, SLP_ADMIN_REQUEST_HEAD, kRo},
    {"ADMIN_RESPONSE_TAIL", 0, SLP_ADMIN_RESPONSE_TAIL, kRo},
    {"ADMIN_RESPONSE_HEAD", kAll, SLP_ADMIN_RESPONSE_HEAD, kRw},
    {"EVENT_TAIL", 0, SLP_EVENT_TAIL, kRo},
    {"EVENT_HEAD", kAll, SLP_EVENT_HEAD, kRw},
    {"EVENT_LOST", 0, SLP_EVENT_LOST, kRo},
};

constexpr RegisterInfo kEngine[] = {
    {"STATUS", 0, SLP_ENGINE_STATUS, kRo},
    {"QUEUE", 0, SLP_ENGINE_QUEUE, kRo},
};

constexpr RegisterInfo kQueue[] = {
    {"REQUEST_TAIL", kAll, SLP_QUEUE_REQUEST_TAIL, kRw},
    {"REQUEST_HEAD", 0, SLP_QUEUE_REQUEST_HEAD, kRo},
    {"RESPONSE_TAIL", 0, SLP_QUEUE_RESPONSE_TAIL, kRo},
    {"RESPONSE_HEAD", kAll, SLP_QUEUE_RESPONSE_HEAD, kRw},
};

constexpr RegisterInfo kInject[] = {
    {"KIND", 0x1f, SLP_INJECT_KIND - SLP_INJECT_KIND, kRw},
    {"TARGET", kAll, SLP_INJECT_TARGET - SLP_INJECT_KIND, kRw},
    {"SKIP", kAll, SLP_INJECT_SKIP - SLP_INJECT_KIND, kRw},
    {"COUNT", kAll, SLP_INJECT_COUNT - SLP_INJECT_KIND, kRw},
    {"ARG", kAll, SLP_INJECT_ARG - SLP_INJECT_KIND, kRw},
    {"ARM", 1, SLP_INJECT_ARM - SLP_INJECT_KIND, kWo},
    {"FIRED", 0, SLP_INJECT_FIRED - SLP_INJECT_KIND, kRo},
};

constexpr BlockInfo<Block> kBlocks[] = {
    {nullptr, kGlobal, 0, SLP_ENGINE(0), 1, Block::kGlobal},
    {"ENGINE", kEngine, SLP_ENGINE(0), SLP_ENGINE(1) - SLP_ENGINE(0), SLP_NUM_ENGINES,
     Block::kEngine},
    {"QUEUE", kQueue, SLP_QUEUE(0), SLP_QUEUE(1) - SLP_QUEUE(0), SLP_NUM_QUEUES, Block::kQueue},
    {"INJECT", kInject, SLP_INJECT_KIND, 0x1000, 1, Block::kInject},
};

}  // namespace

RegisterRef find_register(std::uint64_t offset) {
  return emu::find_register<Block>(kBlocks, offset);
}

}  // namespace halyard::emu::sloop
