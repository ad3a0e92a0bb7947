// SPDX-License-Identifier: MIT
#include "chips/clipper/registers.hpp"

#include <clipper/clipper_regs.h>

namespace halyard::emu::clipper {

namespace {

constexpr std::uint32_t kAll = 0xffffffff;
constexpr auto kRo = Direction::kReadOnly;
constexpr auto kRw = Direction::kReadWrite;
constexpr auto kWo = Direction::kWriteOnly;

constexpr RegisterInfo kGlobal[] = {
    {"ID", 0, CLP_ID, kRo, true},
    {"REVISION", 0, CLP_REVISION, kRo, true},
    {"CAPS0", 0, CLP_CAPS0, kRo},
    {"CAPS1", 0, CLP_CAPS1, kRo},
    {"OPCODES_LO", 0, CLP_OPCODES_LO, kRo},
    {"OPCODES_HI", 0, CLP_OPCODES_HI, kRo},
    {"STATUS", 0, CLP_STATUS, kRo, true},
    {"CONTROL", CLP_CONTROL_ENABLE | CLP_CONTROL_RESET, CLP_CONTROL, kRw},
    {"SCRATCH", kAll, CLP_SCRATCH, kRw},
    {"TIMESTAMP_LO", 0, CLP_TIMESTAMP_LO, kRo},
    {"TIMESTAMP_HI", 0, CLP_TIMESTAMP_HI, kRo},
    {"CLOCK_KHZ", 0, CLP_CLOCK_KHZ, kRo},
    {"IRQ_STATUS", (1U << CLP_NUM_VECTORS) - 1, CLP_IRQ_STATUS, kRw},
    {"IRQ_ENABLE", (1U << CLP_NUM_VECTORS) - 1, CLP_IRQ_ENABLE, kRw},
    {"FAULTQ_BASE_LO", kAll & ~0x3fU, CLP_FAULTQ_BASE_LO, kRw},
    {"FAULTQ_BASE_HI", (1U << (CLP_DMA_BITS - 32)) - 1, CLP_FAULTQ_BASE_HI, kRw},
    {"FAULTQ_ORDER", 0xf, CLP_FAULTQ_ORDER, kRw},
    {"FAULTQ_HEAD", kAll, CLP_FAULTQ_HEAD, kRw},
    {"FAULTQ_TAIL", 0, CLP_FAULTQ_TAIL, kRo},
    {"FAULTQ_LOST", 0, CLP_FAULTQ_LOST, kRo},
    {"TLB_FLUSH", CLP_TLB_FLUSH_CTX | CLP_TLB_FLUSH_ALL, CLP_TLB_FLUSH, kWo},
    {"TLB_STATUS", 0, CLP_TLB_STATUS, kRo},
};

constexpr RegisterInfo kContext[] = {
    {"PGD_LO", kAll & ~0xfffU, CLP_CTX_PGD_LO, kRw},
    {"PGD_HI", (1U << (CLP_DMA_BITS - 32)) - 1, CLP_CTX_PGD_HI, kRw},
    {"CONTROL", CLP_CTX_CONTROL_ENABLE, CLP_CTX_CONTROL, kRw},
};

constexpr RegisterInfo kEngine[] = {
    {"INFO", 0, CLP_ENGINE_INFO, kRo},
    {"STATUS", 0, CLP_ENGINE_STATUS, kRo},
    {"QUEUE", 0, CLP_ENGINE_QUEUE, kRo},
    {"CONTROL", CLP_ENGINE_CONTROL_RESET, CLP_ENGINE_CONTROL, kRw},
    {"BUSY_NS_LO", 0, CLP_ENGINE_BUSY_NS_LO, kRo},
    {"BUSY_NS_HI", 0, CLP_ENGINE_BUSY_NS_HI, kRo},
    {"COMMANDS_LO", 0, CLP_ENGINE_COMMANDS_LO, kRo},
    {"COMMANDS_HI", 0, CLP_ENGINE_COMMANDS_HI, kRo},
    {"JOBS_LO", 0, CLP_ENGINE_JOBS_LO, kRo},
    {"JOBS_HI", 0, CLP_ENGINE_JOBS_HI, kRo},
};

constexpr RegisterInfo kPerf[] = {
    {"LO", 0, 0, kRo},
    {"HI", 0, 4, kRo},
};

constexpr RegisterInfo kQueue[] = {
    {"RING_LO", kAll & ~0x3fU, CLP_QUEUE_RING_LO, kRw},
    {"RING_HI", (1U << (CLP_VA_BITS - 32)) - 1, CLP_QUEUE_RING_HI, kRw},
    {"RING_ORDER", 0xf, CLP_QUEUE_RING_ORDER, kRw},
    {"CONFIG",
     CLP_QUEUE_CONFIG_CTX | CLP_QUEUE_CONFIG_CLASS | CLP_QUEUE_CONFIG_PRIORITY |
         CLP_QUEUE_CONFIG_SHARE,
     CLP_QUEUE_CONFIG, kRw},
    {"STATUS_BLOCK_LO", kAll & ~0x3fU, CLP_QUEUE_STATUS_BLOCK_LO, kRw},
    {"STATUS_BLOCK_HI", (1U << (CLP_VA_BITS - 32)) - 1, CLP_QUEUE_STATUS_BLOCK_HI, kRw},
    {"CONTROL", CLP_QUEUE_CONTROL_ENABLE | CLP_QUEUE_CONTROL_RESET, CLP_QUEUE_CONTROL, kRw},
    {"HEAD", 0, CLP_QUEUE_HEAD, kRo},
    {"TAIL", 0, CLP_QUEUE_TAIL, kRo},
    {"STATE", 0, CLP_QUEUE_STATE, kRo},
};

constexpr RegisterInfo kDoorbell[] = {
    {"", kAll, 0, kWo},
};

constexpr RegisterInfo kInject[] = {
    {"KIND", 0xf, CLP_INJECT_KIND - CLP_INJECT_KIND, kRw},
    {"TARGET", kAll, CLP_INJECT_TARGET - CLP_INJECT_KIND, kRw},
    {"SKIP", kAll, CLP_INJECT_SKIP - CLP_INJECT_KIND, kRw},
    {"COUNT", kAll, CLP_INJECT_COUNT - CLP_INJECT_KIND, kRw},
    {"ARG", kAll, CLP_INJECT_ARG - CLP_INJECT_KIND, kRw},
    {"ARM", 1, CLP_INJECT_ARM - CLP_INJECT_KIND, kWo},
    {"FIRED", 0, CLP_INJECT_FIRED - CLP_INJECT_KIND, kRo},
};

constexpr BlockInfo<Block> kBlocks[] = {
    {nullptr, kGlobal, 0, CLP_CTX(0), 1, Block::kGlobal},
    {"CTX", kContext, CLP_CTX(0), CLP_CTX(1) - CLP_CTX(0), CLP_NUM_CONTEXTS, Block::kContext},
    {"ENGINE", kEngine, CLP_ENGINE(0), CLP_ENGINE(1) - CLP_ENGINE(0), CLP_NUM_ENGINES,
     Block::kEngine},
    {"PERF", kPerf, CLP_PERF(0), CLP_PERF(1) - CLP_PERF(0), CLP_NUM_PERF, Block::kPerf},
    {"QUEUE", kQueue, CLP_QUEUE(0), CLP_QUEUE(1) - CLP_QUEUE(0), CLP_NUM_QUEUES, Block::kQueue},
    {"DOORBELL", kDoorbell, CLP_DOORBELL(0), CLP_DOORBELL(1) - CLP_DOORBELL(0), CLP_NUM_QUEUES,
     Block::kDoorbell},
    {"INJECT", kInject, CLP_INJECT_KIND, 0x1000, 1, Block::kInject},
};

}  // namespace

RegisterRef find_register(std::uint64_t offset) {
  return emu::find_register<Block>(kBlocks, offset);
}

}  // namespace halyard::emu::clipper
