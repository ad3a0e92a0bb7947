// SPDX-License-Identifier: MIT
/// \file
/// The registers: identity, reset values, what may be accessed how.

#include <array>

#include "chips/sloop/processor.hpp"
#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class RegisterTest : public CardTest {};

TEST_F(RegisterTest, Identity) {
  EXPECT_EQ(machine_.read(SLP_ID), std::uint32_t{SLP_ID_VALUE});
  EXPECT_EQ(machine_.read(SLP_REVISION), 0x00010000U);
  EXPECT_EQ(machine_.read(SLP_CAPS0), 0x0a222020U);
  EXPECT_EQ(machine_.read(SLP_CAPS1), 0x01002030U);
  EXPECT_EQ(machine_.read(SLP_OPCODES), 0x001fffffU);
  EXPECT_EQ(machine_.read(SLP_CLOCK_KHZ), 800000U);
  EXPECT_EQ(machine_.read64(SLP_DRAM_SIZE_LO), Machine::kDram);
  EXPECT_EQ(machine_.read(SLP_DRAM_RESERVED), sloop::Card::kReserved);
  EXPECT_LE(machine_.read(SLP_BOOT_WINDOW) + machine_.read(SLP_BOOT_WINDOW_SIZE),
            sloop::Card::kReserved);
  EXPECT_EQ(machine_.read(SLP_BOOT_SECURITY), 2U);
}

TEST_F(RegisterTest, PciFunction) {
  const PciInfo& pci = machine_.card->pci();
  EXPECT_EQ(pci.device, 0x4c30);
  EXPECT_EQ(pci.bars[SLP_BAR].size, std::uint64_t{SLP_BAR_SIZE});
  EXPECT_EQ(pci.bars[SLP_WINDOW_BAR].size, std::uint64_t{16} << 20);
  EXPECT_TRUE(pci.bars[SLP_WINDOW_BAR].is_64bit);
  EXPECT_TRUE(pci.bars[SLP_WINDOW_BAR].prefetchable);
  EXPECT_GE(pci.bars[SLP_WINDOW_BAR].memory_fd, 0);
  EXPECT_EQ(pci.bars[3].size, 0U);
  EXPECT_EQ(pci.msix_bar, unsigned{SLP_MSIX_BAR});
}

TEST_F(RegisterTest, ScratchHoldsWhatIsWritten) {
  machine_.write(SLP_SCRATCH, 0x12345678);
  EXPECT_EQ(machine_.read(SLP_SCRATCH), 0x12345678U);
  machine_.reset();
  EXPECT_EQ(machine_.read(SLP_SCRATCH), 0U);
}

TEST_F(RegisterTest, TimeGoesOnThroughResets) {
  const auto before = machine_.read64(SLP_TIMESTAMP_LO);
  machine_.reset();
  EXPECT_GT(machine_.read64(SLP_TIMESTAMP_LO), before);
}

TEST_F(RegisterTest, RingSetupReadsBack) {
  machine_.reset();
  machine_.set_up_rings();
  EXPECT_EQ(machine_.read64(SLP_ADMIN_REQUESTS_LO), machine_.admin_requests);
  EXPECT_EQ(machine_.read64(SLP_ADMIN_RESPONSES_LO), machine_.admin_responses);
  EXPECT_EQ(machine_.read64(SLP_EVENTS_LO), machine_.events);
  EXPECT_EQ(machine_.read(SLP_ADMIN_ORDER), Machine::kOrder);
  EXPECT_EQ(machine_.read(SLP_EVENTS_ORDER), Machine::kOrder);
}

TEST_F(RegisterTest, ResetValues) {
  machine_.reset();
  for (const int offset : {SLP_SCRATCH,
                           SLP_CONTROL,
                           SLP_IRQ_STATUS,
                           SLP_IRQ_ENABLE,
                           SLP_BOOT_STATUS,
                           SLP_BOOT_IMAGE_SIZE,
                           SLP_BOOT_PROTOCOL,
                           SLP_FW_VERSION,
                           SLP_FW_HEARTBEAT,
                           SLP_CRASH_CODE,
                           SLP_ADMIN_REQUESTS_LO,
                           SLP_ADMIN_RESPONSES_LO,
                           SLP_ADMIN_ORDER,
                           SLP_EVENTS_LO,
                           SLP_EVENTS_ORDER,
                           SLP_ADMIN_REQUEST_TAIL,
                           SLP_ADMIN_REQUEST_HEAD,
                           SLP_ADMIN_RESPONSE_TAIL,
                           SLP_ADMIN_RESPONSE_HEAD,
                           SLP_EVENT_TAIL,
                           SLP_EVENT_HEAD,
                           SLP_EVENT_LOST,
                           SLP_INJECT_KIND,
                           SLP_INJECT_TARGET})
    EXPECT_EQ(machine_.read(static_cast<std::uint64_t>(offset)), 0U) << offset;
  EXPECT_EQ(machine_.read(SLP_ENGINE(3) + SLP_ENGINE_QUEUE), std::uint32_t{SLP_NONE});
}

TEST(Settings, SizesOfTheCard) {
  EXPECT_EQ(sloop::parse_settings({}).dram, std::uint64_t{512} << 20);
  EXPECT_EQ(sloop::parse_settings({}).window, std::uint64_t{256} << 20);
  EXPECT_EQ(sloop::parse_settings({"dram=100M"}).window, std::uint64_t{64} << 20);
  EXPECT_EQ(sloop::parse_settings({"dram=1G", "window=33554432"}).window, std::uint64_t{32} << 20);
  for (const char* bad : {"dram", "dram=", "dram=x", "dram=1", "dram=64Q", "dram=64MM", "dram=1M",
                          "dram=128G", "window=2M", "dram=67108865", "colour=red"})
    EXPECT_THROW((void)sloop::parse_settings({bad}), std::invalid_argument) << bad;
}

TEST(Processor, TellsOfTheChip) {
  const sloop::Processor processor;
  const ProcessorInfo info = processor.info();
  EXPECT_FALSE(info.has_mmu);
  EXPECT_EQ(info.job_buffers_max, 32U);
  ASSERT_EQ(info.regions.size(), 2U);
  EXPECT_FALSE(info.regions[0].host);
  EXPECT_TRUE(info.regions[1].host);
  ASSERT_EQ(processor.engines().size(), 2U);
  EXPECT_EQ(processor.chip_blob().size(), sizeof(drm_halyard_sloop_info));
}

}  // namespace

}  // namespace halyard::emu::test
