// SPDX-License-Identifier: MIT
#include "vfio_user/replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "chips/trace.hpp"
#include "fake_chip.hpp"
#include "vfio_user/log.hpp"
#include "vfio_user/pci_function.hpp"
#include "wire.hpp"

namespace halyard::emu::vfio_user::test {
namespace {

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() {
    set_quiet(true);
    char name[] = "/tmp/halyard-replay-XXXXXX";
    ::close(::mkstemp(name));
    path_ = name;
    record();
    records_ = read_trace(path_);
  }
  ~ReplayTest() override {
    std::filesystem::remove(path_);
    set_quiet(false);
  }

  /// A machine that configures the card, uses registers, resets it both ways and lets it do DMA.
  void record() {
    FakeChip chip;
    Trace trace(path_);
    PciFunction function(chip, trace);
    const auto write = [&](U32 region, U64 offset, auto value) {
      EXPECT_EQ(function.write(region, offset, std::as_bytes(std::span(&value, 1))), 0);
    };
    const auto read = [&](U32 region, U64 offset, std::size_t size) {
      Bytes bytes(size);
      EXPECT_EQ(function.read(region, offset, bytes), 0);
    };
    const UniqueFd memory(::memfd_create("guest", MFD_CLOEXEC));
    if (::ftruncate(memory.get(), 0x10000) != 0) std::abort();
    EXPECT_EQ(function.map_dma(
                  {.offset = 0, .address = 0, .size = 0x10000, .readable = true, .writable = true},
                  memory.get()),
              0);
    constexpr U32 kConfig = VFIO_PCI_CONFIG_REGION_INDEX;
    read(kConfig, 0, 4096);
    for (int i = 0; i < 2; ++i) {
      write(kConfig, PCI_COMMAND, U16{PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER});
      read(0, FakeChip::kIdentity, 4);
      write(0, FakeChip::kScratch, U64{0x1122334455667788});
      read(0, FakeChip::kScratch, 8);
      read(0, FakeChip::kScratch, 1);
      write(kConfig, 0x68, U16{0x8000});  // function level reset
      read(0, FakeChip::kScratch, 4);     // memory space is disabled again
    }
    write(kConfig, PCI_COMMAND, U16{PCI_COMMAND_MEMORY});
    write(0, FakeChip::kScratch, U32{1});
    function.reset(ResetKind::kBus);
    read(kConfig, PCI_COMMAND, 2);
    write(kConfig, PCI_COMMAND, U16{PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER});
    write(0, FakeChip::kDmaSize, U32{16});
    write(0, FakeChip::kDmaStart, U32{1});
    read(0, FakeChip::kDmaDone, 4);
  }

  std::string path_;
  std::vector<TraceRecord> records_;
};

TEST_F(ReplayTest, TheSameModelAnswersTheSame) {
  FakeChip chip;
  const auto result = replay(records_, chip);
  EXPECT_EQ(result.compared, 1u + 2 * 4 + 1);
  EXPECT_TRUE(result.differences.empty());
}

TEST_F(ReplayTest, PollingIsOneAnswer) {
  const auto read = std::find_if(records_.begin(), records_.end(), [](const TraceRecord& record) {
    return record.kind == static_cast<std::uint8_t>(TraceKind::kBarRead);
  });
  ASSERT_NE(read, records_.end());
  TraceRecord earlier = *read;  // the same register, before it had its last value
  earlier.value ^= 1;
  records_.insert(read, 3, earlier);
  FakeChip chip;
  const auto result = replay(records_, chip);
  EXPECT_EQ(result.compared, 1u + 2 * 4 + 1);
  EXPECT_TRUE(result.differences.empty());
}

TEST_F(ReplayTest, EndsAtTheFirstDma) {
  FakeChip chip;
  const auto dma = std::find_if(records_.begin(), records_.end(), [](const TraceRecord& record) {
    return record.kind == static_cast<std::uint8_t>(TraceKind::kDmaWrite);
  });
  ASSERT_NE(dma, records_.end());
  EXPECT_EQ(replay(records_, chip).replayed, static_cast<std::size_t>(dma - records_.begin()));
}

TEST_F(ReplayTest, NamesTheReadThatDiffers) {
  const auto read = std::find_if(records_.begin(), records_.end(), [](const TraceRecord& record) {
    return record.kind == static_cast<std::uint8_t>(TraceKind::kBarRead) &&
           record.where == FakeChip::kScratch;
  });
  ASSERT_NE(read, records_.end());
  read->value ^= 1;
  FakeChip chip;
  const auto result = replay(records_, chip);
  ASSERT_EQ(result.differences.size(), 1u);
  EXPECT_EQ(result.differences[0].record, static_cast<std::size_t>(read - records_.begin()));
  EXPECT_EQ(result.differences[0].value, 0x1122334455667788u);
}

TEST_F(ReplayTest, RefusesAnAccessThatTheChipDoesNotHave) {
  records_.front() = {.time_ns = 0,
                      .kind = 1,
                      .size = 4,
                      .reserved = 0,
                      .thread = 0,
                      .where = U64{3} << 56,
                      .value = 0};
  FakeChip chip;
  EXPECT_THROW(replay(records_, chip), std::invalid_argument);
}

TEST_F(ReplayTest, RefusesARegisterAccessWithoutAWidth) {
  for (const std::uint8_t size : {std::uint8_t{0}, std::uint8_t{9}}) {
    records_.front() = {
        .time_ns = 0, .kind = 1, .size = size, .reserved = 0, .thread = 0, .where = 0, .value = 0};
    FakeChip chip;
    EXPECT_THROW(replay(records_, chip), std::invalid_argument);
  }
}

}  // namespace
}  // namespace halyard::emu::vfio_user::test
