// SPDX-License-Identifier: MIT
#include "chips/clipper/registers.hpp"

#include <clipper/clipper_regs.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "chips/clipper/rules.hpp"

namespace halyard::emu::clipper {

namespace {

constexpr std::uint32_t kAll = 0xffffffff;
constexpr auto kRo = Direction::kReadOnly;
constexpr auto kRw = Direction::kReadWrite;
constexpr auto kWo = Direction::kWriteOnly;

constexpr RegisterInfo kGlobal[] = {
    {CLP_ID, "ID", kRo, 0, true},
    {CLP_REVISION, "REVISION", kRo, 0, true},
    {CLP_CAPS0, "CAPS0", kRo, 0},
    {CLP_CAPS1, "CAPS1", kRo, 0},
    {CLP_OPCODES_LO, "OPCODES_LO", kRo, 0},
    {CLP_OPCODES_HI, "OPCODES_HI", kRo, 0},
    {CLP_STATUS, "STATUS", kRo, 0, true},
    {CLP_CONTROL, "CONTROL", kRw, CLP_CONTROL_ENABLE | CLP_CONTROL_RESET},
    {CLP_SCRATCH, "SCRATCH", kRw, kAll},
    {CLP_TIMESTAMP_LO, "TIMESTAMP_LO", kRo, 0},
    {CLP_TIMESTAMP_HI, "TIMESTAMP_HI", kRo, 0},
    {CLP_CLOCK_KHZ, "CLOCK_KHZ", kRo, 0},
    {CLP_IRQ_STATUS, "IRQ_STATUS", kRw, (1U << CLP_NUM_VECTORS) - 1},
    {CLP_IRQ_ENABLE, "IRQ_ENABLE", kRw, (1U << CLP_NUM_VECTORS) - 1},
    {CLP_FAULTQ_BASE_LO, "FAULTQ_BASE_LO", kRw, kAll & ~0x3fU},
    {CLP_FAULTQ_BASE_HI, "FAULTQ_BASE_HI", kRw, (1U << (CLP_DMA_BITS - 32)) - 1},
    {CLP_FAULTQ_ORDER, "FAULTQ_ORDER", kRw, 0xf},
    {CLP_FAULTQ_HEAD, "FAULTQ_HEAD", kRw, kAll},
    {CLP_FAULTQ_TAIL, "FAULTQ_TAIL", kRo, 0},
    {CLP_FAULTQ_LOST, "FAULTQ_LOST", kRo, 0},
    {CLP_TLB_FLUSH, "TLB_FLUSH", kWo, CLP_TLB_FLUSH_CTX | CLP_TLB_FLUSH_ALL},
    {CLP_TLB_STATUS, "TLB_STATUS", kRo, 0},
};

constexpr RegisterInfo kContext[] = {
    {CLP_CTX_PGD_LO, "PGD_LO", kRw, kAll & ~0xfffU},
    {CLP_CTX_PGD_HI, "PGD_HI", kRw, (1U << (CLP_DMA_BITS - 32)) - 1},
    {CLP_CTX_CONTROL, "CONTROL", kRw, CLP_CTX_CONTROL_ENABLE},
};

constexpr RegisterInfo kEngine[] = {
    {CLP_ENGINE_INFO, "INFO", kRo, 0},
    {CLP_ENGINE_STATUS, "STATUS", kRo, 0},
    {CLP_ENGINE_QUEUE, "QUEUE", kRo, 0},
    {CLP_ENGINE_CONTROL, "CONTROL", kRw, CLP_ENGINE_CONTROL_RESET},
    {CLP_ENGINE_BUSY_NS_LO, "BUSY_NS_LO", kRo, 0},
    {CLP_ENGINE_BUSY_NS_HI, "BUSY_NS_HI", kRo, 0},
    {CLP_ENGINE_COMMANDS_LO, "COMMANDS_LO", kRo, 0},
    {CLP_ENGINE_COMMANDS_HI, "COMMANDS_HI", kRo, 0},
    {CLP_ENGINE_JOBS_LO, "JOBS_LO", kRo, 0},
    {CLP_ENGINE_JOBS_HI, "JOBS_HI", kRo, 0},
};

constexpr RegisterInfo kPerf[] = {
    {0, "LO", kRo, 0},
    {4, "HI", kRo, 0},
};

constexpr RegisterInfo kQueue[] = {
    {CLP_QUEUE_RING_LO, "RING_LO", kRw, kAll & ~0x3fU},
    {CLP_QUEUE_RING_HI, "RING_HI", kRw, (1U << (CLP_VA_BITS - 32)) - 1},
    {CLP_QUEUE_RING_ORDER, "RING_ORDER", kRw, 0xf},
    {CLP_QUEUE_CONFIG, "CONFIG", kRw,
     CLP_QUEUE_CONFIG_CTX | CLP_QUEUE_CONFIG_CLASS | CLP_QUEUE_CONFIG_PRIORITY},
    {CLP_QUEUE_STATUS_BLOCK_LO, "STATUS_BLOCK_LO", kRw, kAll & ~0x3fU},
    {CLP_QUEUE_STATUS_BLOCK_HI, "STATUS_BLOCK_HI", kRw, (1U << (CLP_VA_BITS - 32)) - 1},
    {CLP_QUEUE_CONTROL, "CONTROL", kRw, CLP_QUEUE_CONTROL_ENABLE | CLP_QUEUE_CONTROL_RESET},
    {CLP_QUEUE_HEAD, "HEAD", kRo, 0},
    {CLP_QUEUE_TAIL, "TAIL", kRo, 0},
    {CLP_QUEUE_STATE, "STATE", kRo, 0},
};

constexpr RegisterInfo kDoorbell[] = {
    {0, "", kWo, kAll},
};

constexpr RegisterInfo kInject[] = {
    {CLP_INJECT_KIND - CLP_INJECT_KIND, "KIND", kRw, 0xf},
    {CLP_INJECT_TARGET - CLP_INJECT_KIND, "TARGET", kRw, kAll},
    {CLP_INJECT_SKIP - CLP_INJECT_KIND, "SKIP", kRw, kAll},
    {CLP_INJECT_COUNT - CLP_INJECT_KIND, "COUNT", kRw, kAll},
    {CLP_INJECT_ARG - CLP_INJECT_KIND, "ARG", kRw, kAll},
    {CLP_INJECT_ARM - CLP_INJECT_KIND, "ARM", kWo, 1},
    {CLP_INJECT_FIRED - CLP_INJECT_KIND, "FIRED", kRo, 0},
};

struct BlockInfo {
  Block block;
  const char* name;  ///< before the index, null where there is one of the kind
  std::uint32_t base, stride, count;
  std::span<const RegisterInfo> registers;
};

constexpr BlockInfo kBlocks[] = {
    {Block::kGlobal, nullptr, 0, CLP_CTX(0), 1, kGlobal},
    {Block::kContext, "CTX", CLP_CTX(0), CLP_CTX(1) - CLP_CTX(0), CLP_NUM_CONTEXTS, kContext},
    {Block::kEngine, "ENGINE", CLP_ENGINE(0), CLP_ENGINE(1) - CLP_ENGINE(0), CLP_NUM_ENGINES,
     kEngine},
    {Block::kPerf, "PERF", CLP_PERF(0), CLP_PERF(1) - CLP_PERF(0), CLP_NUM_PERF, kPerf},
    {Block::kQueue, "QUEUE", CLP_QUEUE(0), CLP_QUEUE(1) - CLP_QUEUE(0), CLP_NUM_QUEUES, kQueue},
    {Block::kDoorbell, "DOORBELL", CLP_DOORBELL(0), CLP_DOORBELL(1) - CLP_DOORBELL(0),
     CLP_NUM_QUEUES, kDoorbell},
    {Block::kInject, "INJECT", CLP_INJECT_KIND, 0x1000, 1, kInject},
};

const BlockInfo* find_block(std::uint64_t offset) {
  for (const BlockInfo& block : kBlocks) {
    if (offset >= block.base && offset < block.base + std::uint64_t{block.stride} * block.count)
      return &block;
  }
  return nullptr;
}

}  // namespace

RegisterRef find_register(std::uint64_t offset) {
  const BlockInfo* block = find_block(offset);
  if (block == nullptr) return {};
  const std::uint64_t inside = offset - block->base;
  for (const RegisterInfo& info : block->registers) {
    if (info.offset == inside % block->stride)
      return {&info, block->block, static_cast<unsigned>(inside / block->stride)};
  }
  return {};
}

std::string RegisterRef::name() const {
  const auto* found = std::ranges::find(kBlocks, block, &BlockInfo::block);
  if (found->name == nullptr) return info->name;
  std::string text = found->name;
  if (found->count > 1) text += "(" + std::to_string(index) + ")";
  if (info->name[0] != '\0') text += std::string(".") + info->name;
  return text;
}

std::string rules::hex(std::uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace halyard::emu::clipper
