// SPDX-License-Identifier: MIT
/// \file
/// Registers: identity, reset values, counters, the interrupt.

#include "chips/dory/registers.hpp"

#include "machine.hpp"

namespace halyard::emu::test {
namespace {

class Registers : public CardTest {};

TEST_F(Registers, Identity) {
  EXPECT_EQ(machine_.read(DORY_ID), std::uint32_t{DORY_ID_VALUE});
  EXPECT_EQ(machine_.read(DORY_REVISION), 0x00010000U);
  EXPECT_EQ(machine_.read(DORY_CAPS), 0x00142008U);
  EXPECT_EQ(machine_.read(DORY_OPCODES), 0x0000fffeU);
  EXPECT_EQ(machine_.read(DORY_CLOCK_KHZ), 500000U);
}

TEST_F(Registers, PciFunction) {
  const PciInfo& pci = machine_.card->pci();
  EXPECT_EQ(pci.vendor, 0x1234);
  EXPECT_EQ(pci.device, 0x4c20);
  EXPECT_EQ(pci.class_code, 0x120000U);
  EXPECT_EQ(pci.bars[0].size, 0x1000U);
  EXPECT_EQ(pci.bars[2].size, 0x1000U);
  EXPECT_EQ(pci.msix_vectors, 1U);
  EXPECT_EQ(pci.msi_vectors, 1U);
}

TEST_F(Registers, ResetValues) {
  machine_.enable_interrupts();
  ASSERT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_NONE});
  ASSERT_TRUE(machine_.reset());
  unsigned seen = 0;
  for (std::uint64_t offset = 0; offset < DORY_BAR_SIZE; offset += 4) {
    const auto ref = dory::find_register(offset);
    if (ref.info == nullptr || ref.info->direction == Direction::kWriteOnly) continue;
    ++seen;
    const bool constant = offset <= DORY_CLOCK_KHZ || offset == DORY_TIMESTAMP_LO;
    if (constant) continue;
    EXPECT_EQ(machine_.read(offset), 0U) << ref.name();
  }
  EXPECT_EQ(seen, 24U + DORY_NUM_PERF + 3 * DORY_NUM_REGIONS + 5);
}

TEST_F(Registers, ReadBack) {
  machine_.write(DORY_SCRATCH, 0xdeadbeef);
  EXPECT_EQ(machine_.read(DORY_SCRATCH), 0xdeadbeefU);
  machine_.enable_interrupts();
  EXPECT_EQ(machine_.read(DORY_IRQ_ENABLE), 3U);
  for (unsigned i = 0; i < DORY_NUM_REGIONS; ++i)
    machine_.set_region(i, 0x1000 * (i + 1), 0x100 * (i + 1), i % 2 != 0);
  for (unsigned i = 0; i < DORY_NUM_REGIONS; ++i) {
    EXPECT_EQ(machine_.read(DORY_REGION(i) + DORY_REGION_BASE), 0x1000 * (i + 1));
    EXPECT_EQ(machine_.read(DORY_REGION(i) + DORY_REGION_LIMIT), 0x100 * (i + 1));
    EXPECT_EQ(machine_.read(DORY_REGION(i) + DORY_REGION_FLAGS), i % 2);
  }
  const std::uint32_t job = machine_.prepare(fill_job(1));
  EXPECT_EQ(machine_.read(DORY_STREAM), machine_.stream_address);
  EXPECT_EQ(machine_.read(DORY_STREAM_SIZE), fill_job(1).bytes().size());
  EXPECT_EQ(machine_.read(DORY_JOB), job);
  EXPECT_EQ(machine_.read(DORY_CTRL), 0U);
}

TEST_F(Registers, TimestampGrowsAndSurvivesReset) {
  const std::uint64_t first = machine_.read64(DORY_TIMESTAMP_LO);
  ASSERT_TRUE(machine_.reset());
  EXPECT_GT(machine_.read64(DORY_TIMESTAMP_LO), first);
}

TEST_F(Registers, CountersCount) {
  Stream stream;
  stream.copy(dense(0, DRM_HALYARD_DORY_U8, {4096}), dense(1, DRM_HALYARD_DORY_U8, {4096}));
  stream.copy(dense(0, DRM_HALYARD_DORY_U8, {4096}), dense(1, DRM_HALYARD_DORY_U8, {4096})).end();
  machine_.enable_interrupts();
  ASSERT_EQ(machine_.run(stream), std::uint32_t{DORY_ERROR_NONE});
  ASSERT_TRUE(machine_.host.wait_raised(0, 1));
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_JOBS)), 1U);
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_COMMANDS)), 2U);
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_KIB_READ)), 8U);
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_KIB_WRITTEN)), 8U);
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_INTERRUPTS)), 1U);
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_ERRORS)), 0U);
  // 8192 bytes at 16 a cycle.
  EXPECT_EQ(machine_.read64(DORY_CYCLES_LO), 2 * (64U + 512U));
}

class InterruptLevel : public CardTest {
 protected:
  void run_one() { EXPECT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_NONE}); }
  bool wait_status(std::uint32_t bits) {
    return eventually([&] { return machine_.read(DORY_IRQ_STATUS) == bits; });
  }
};

TEST_F(InterruptLevel, OneMessageUntilAcknowledged) {
  machine_.enable_interrupts();
  run_one();
  ASSERT_TRUE(machine_.host.wait_raised(0, 1));
  ASSERT_TRUE(wait_status(DORY_IRQ_DONE));
  run_one();
  ASSERT_EQ(machine_.run(Stream{}.raw(command(DRM_HALYARD_DORY_OP_FILL)).end()),
            std::uint32_t{DORY_ERROR_STREAM});
  ASSERT_TRUE(wait_status(DORY_IRQ_DONE | DORY_IRQ_ERROR));
  EXPECT_EQ(machine_.host.raised(0), 1U);
  // What is left after the acknowledgement is told again.
  machine_.write(DORY_IRQ_ACK, DORY_IRQ_DONE);
  EXPECT_EQ(machine_.host.raised(0), 2U);
  EXPECT_EQ(machine_.read(DORY_IRQ_STATUS), std::uint32_t{DORY_IRQ_ERROR});
  machine_.write(DORY_IRQ_ACK, DORY_IRQ_ERROR);
  EXPECT_EQ(machine_.host.raised(0), 2U);
  EXPECT_EQ(machine_.read(DORY_IRQ_STATUS), 0U);
  run_one();
  EXPECT_TRUE(machine_.host.wait_raised(0, 3));
  expect_broken({"DORY-J5"});
}

TEST_F(InterruptLevel, DisabledComesWhenEnabled) {
  run_one();
  ASSERT_TRUE(wait_status(DORY_IRQ_DONE));
  EXPECT_EQ(machine_.host.raised(0), 0U);
  machine_.write(DORY_IRQ_ENABLE, DORY_IRQ_ERROR);
  EXPECT_EQ(machine_.host.raised(0), 0U);
  machine_.enable_interrupts();
  EXPECT_EQ(machine_.host.raised(0), 1U);
}

}  // namespace
}  // namespace halyard::emu::test
