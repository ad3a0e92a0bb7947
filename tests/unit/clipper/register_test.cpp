// SPDX-License-Identifier: MIT
/// \file
/// Registers: identity, reset values, counters, interrupts, the fault queue's pointers.

#include "card_test.hpp"
#include "chips/clipper/registers.hpp"

namespace halyard::emu::test {
namespace {

class Registers : public CardTest {};

TEST_F(Registers, Identity) {
  EXPECT_EQ(machine_.read(CLP_ID), std::uint32_t{CLP_ID_VALUE});
  EXPECT_EQ(machine_.read(CLP_REVISION), 0x00010000U);
  EXPECT_EQ(machine_.read(CLP_CAPS0), 0x0a124040U);
  EXPECT_EQ(machine_.read(CLP_CAPS1), 0x01003030U);
  EXPECT_EQ(machine_.read64(CLP_OPCODES_LO), 0x7fffffU);
  EXPECT_EQ(machine_.read(CLP_CLOCK_KHZ), 1000000U);
}

TEST_F(Registers, PciFunction) {
  const PciInfo& pci = machine_.card->pci();
  EXPECT_EQ(pci.vendor, 0x1234);
  EXPECT_EQ(pci.device, 0x4c10);
  EXPECT_EQ(pci.class_code, 0x120000U);
  EXPECT_EQ(pci.bars[0].size, 0x10000U);
  EXPECT_EQ(pci.bars[2].size, 0x1000U);
  EXPECT_EQ(pci.msix_vectors, 4U);
  EXPECT_EQ(pci.msi_vectors, 1U);
}

TEST_F(Registers, ResetValues) {
  machine_.reset();
  ASSERT_TRUE(machine_.wait_ready());
  for (std::uint64_t offset = 0; offset < CLP_BAR_SIZE; offset += 4) {
    const auto ref = clipper::find_register(offset);
    if (ref.info == nullptr || ref.info->direction == Direction::kWriteOnly) continue;
    const bool constant = ref.block == clipper::Block::kGlobal &&
                          (offset <= CLP_STATUS || offset == CLP_CLOCK_KHZ ||
                           offset == CLP_TIMESTAMP_LO || offset == CLP_TIMESTAMP_HI);
    if (constant) continue;
    std::uint32_t expected = 0;
    if (ref.block == clipper::Block::kEngine && ref.info->offset == CLP_ENGINE_QUEUE)
      expected = CLP_NO_QUEUE;
    if (ref.block == clipper::Block::kEngine && ref.info->offset == CLP_ENGINE_INFO)
      expected = ref.index < CLP_NUM_TENSOR_ENGINES ? 0 : 1;
    EXPECT_EQ(machine_.read(offset), expected) << ref.name();
  }
}

TEST_F(Registers, ConfigurationReadsBack) {
  machine_.write(CLP_SCRATCH, 0xdeadbeef);
  EXPECT_EQ(machine_.read(CLP_SCRATCH), 0xdeadbeefU);
  TestQueue queue(machine_, context_, 9, {.enable = false});
  EXPECT_EQ(machine_.read64(queue.base() + CLP_QUEUE_RING_LO), queue.ring_address());
  EXPECT_EQ(machine_.read64(queue.base() + CLP_QUEUE_STATUS_BLOCK_LO), queue.status_address());
  EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_RING_ORDER), 4U);
  EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_CONFIG), 0x00010007U);
  EXPECT_EQ(machine_.read64(CLP_CTX(7) + CLP_CTX_PGD_LO), context_.root());
  EXPECT_EQ(machine_.read(CLP_CTX(7) + CLP_CTX_CONTROL), 1U);
  EXPECT_EQ(machine_.read(CLP_CONTROL), 1U);
}

TEST_F(Registers, TimestampGrowsAndLatches) {
  const std::uint64_t first = machine_.read64(CLP_TIMESTAMP_LO);
  const std::uint64_t second = machine_.read64(CLP_TIMESTAMP_LO);
  EXPECT_GT(second, first);
}

TEST_F(Registers, CountersCount) {
  TestQueue queue(machine_, context_, 0);
  Stream stream;
  stream.nop().nop().fill(1, dense(stream.bind(data_, 4096), DRM_HALYARD_CLIPPER_U8, {4096}));
  ASSERT_TRUE(queue.wait(queue.submit(stream)));
  ASSERT_TRUE(machine_.host.wait_raised(CLP_VECTOR_ENGINE(0), 1) ||
              machine_.host.wait_raised(CLP_VECTOR_ENGINE(1), 1));
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_IDLE));
  std::uint64_t jobs = 0;
  std::uint64_t commands = 0;
  std::uint64_t busy = 0;
  for (unsigned e = 0; e < CLP_NUM_TENSOR_ENGINES; ++e) {
    jobs += machine_.read64(CLP_ENGINE(e) + CLP_ENGINE_JOBS_LO);
    commands += machine_.read64(CLP_ENGINE(e) + CLP_ENGINE_COMMANDS_LO);
    busy += machine_.read64(CLP_ENGINE(e) + CLP_ENGINE_BUSY_NS_LO);
  }
  EXPECT_EQ(jobs, 1U);
  EXPECT_EQ(commands, 3U);
  EXPECT_EQ(busy, 3 * 64 + 4096 / 64);
  EXPECT_EQ(queue.status().jobs, 1U);
  EXPECT_EQ(queue.status().commands, 3U);
  EXPECT_EQ(queue.status().busy_ns, busy);
  EXPECT_EQ(machine_.read64(CLP_PERF(CLP_PERF_DOORBELLS)), 1U);
  EXPECT_EQ(machine_.read64(CLP_PERF(CLP_PERF_INTERRUPTS)), 1U);
  EXPECT_GE(machine_.read64(CLP_PERF(CLP_PERF_BYTES_WRITTEN)), 4096U);
  EXPECT_GT(machine_.read64(CLP_PERF(CLP_PERF_BYTES_READ)), 64U);
  EXPECT_GT(machine_.read64(CLP_PERF(CLP_PERF_TLB_MISSES)), 0U);
  EXPECT_GT(machine_.read64(CLP_PERF(CLP_PERF_TLB_HITS)), 0U);
  EXPECT_EQ(machine_.read64(CLP_PERF(CLP_PERF_FAULTS)), 0U);
}

TEST_F(Registers, InterruptStatusIsWriteOneToClear) {
  TestQueue queue(machine_, context_, 0, {.engine_class = kCopyClass});
  const unsigned vector = CLP_VECTOR_ENGINE(2);
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  ASSERT_TRUE(machine_.host.wait_raised(vector, 1));
  EXPECT_EQ(machine_.read(CLP_IRQ_STATUS), 1U << vector);
  machine_.write(CLP_IRQ_STATUS, 1);
  EXPECT_EQ(machine_.read(CLP_IRQ_STATUS), 1U << vector);
  // Every event sends a message, cleared or not.
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  ASSERT_TRUE(machine_.host.wait_raised(vector, 2));
  machine_.write(CLP_IRQ_STATUS, 1U << vector);
  EXPECT_EQ(machine_.read(CLP_IRQ_STATUS), 0U);
}

TEST_F(Registers, DisabledInterruptComesWhenEnabled) {
  const unsigned vector = CLP_VECTOR_ENGINE(2);
  machine_.write(CLP_IRQ_ENABLE, 0);
  TestQueue queue(machine_, context_, 0, {.engine_class = kCopyClass});
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  ASSERT_TRUE(eventually([&] { return machine_.read(CLP_IRQ_STATUS) == 1U << vector; }));
  EXPECT_EQ(machine_.host.raised(vector), 0U);
  machine_.write(CLP_IRQ_ENABLE, 1U << vector);
  EXPECT_EQ(machine_.host.raised(vector), 1U);
  EXPECT_EQ(machine_.read(CLP_IRQ_ENABLE), 1U << vector);
}

TEST_F(Registers, JobWithoutTheFlagRaisesNothing) {
  TestQueue queue(machine_, context_, 0, {.engine_class = kCopyClass});
  clp_job quiet = queue.make_job(Stream{}.nop());
  quiet.flags = 0;
  queue.enqueue(quiet);
  queue.enqueue(queue.make_job(Stream{}.nop()));
  queue.ring();
  ASSERT_TRUE(queue.wait(2));
  ASSERT_TRUE(machine_.host.wait_raised(CLP_VECTOR_ENGINE(2), 1));
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_IDLE));
  EXPECT_EQ(machine_.host.raised(CLP_VECTOR_ENGINE(2)), 1U);
}

TEST(Kind, IsFoundByTheBuild) {
  Judge judge;
  Trace trace;
  EXPECT_THROW(clipper::Card({.inject = {"hang:queue"}}, judge, trace), std::invalid_argument);
}

}  // namespace
}  // namespace halyard::emu::test
