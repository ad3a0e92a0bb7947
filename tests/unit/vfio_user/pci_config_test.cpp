// SPDX-License-Identifier: MIT
#include "vfio_user/pci_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pci_regs.h>

#include <functional>
#include <map>
#include <ostream>
#include <stdexcept>

#include "fake_chip.hpp"
#include "wire.hpp"

namespace halyard::emu::vfio_user::test {
namespace {

class PciConfigTest : public testing::Test {
 protected:
  template <typename T>
  T read(std::size_t offset) const {
    T value{};
    config_.read(offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <typename T>
  bool write(std::size_t offset, T value) {
    return config_.write(offset, std::as_bytes(std::span(&value, 1)));
  }
  /// Offsets of the capabilities by their number, following the list as a driver does.
  std::map<unsigned, std::size_t> capabilities() const {
    std::map<unsigned, std::size_t> found;
    std::size_t at = read<std::uint8_t>(PCI_CAPABILITY_LIST);
    while (at != 0 && found.size() < 48) {
      found[read<std::uint8_t>(at)] = at;
      at = read<std::uint8_t>(at + 1);
    }
    return found;
  }

  FakeChip chip_;
  PciConfig config_{chip_.pci()};
};

TEST_F(PciConfigTest, IdentifiesTheCard) {
  EXPECT_EQ(read<U32>(PCI_VENDOR_ID), 0xfa4e1d0fu);
  EXPECT_EQ(read<U32>(PCI_SUBSYSTEM_VENDOR_ID), 0x00011d0fu);
  EXPECT_EQ(read<U32>(PCI_CLASS_REVISION), 0x12000003u);
  EXPECT_EQ(read<std::uint8_t>(PCI_HEADER_TYPE), PCI_HEADER_TYPE_NORMAL);
  EXPECT_EQ(read<std::uint8_t>(PCI_INTERRUPT_PIN), 1);
  EXPECT_NE(read<U16>(PCI_STATUS) & PCI_STATUS_CAP_LIST, 0);
}

TEST_F(PciConfigTest, IdentityCannotBeWritten) {
  Bytes ones(PciConfig::kSize, std::byte{0xff});
  EXPECT_TRUE(config_.write(0, ones));  // sets Initiate Function Level Reset among others
  EXPECT_EQ(read<U32>(PCI_VENDOR_ID), 0xfa4e1d0fu);
  EXPECT_EQ(read<U32>(PCI_CLASS_REVISION), 0x12000003u);
  EXPECT_EQ(read<U32>(PCI_ROM_ADDRESS), 0u);
  EXPECT_EQ(capabilities().size(), 4u);
}

TEST_F(PciConfigTest, BarsSayTheirTypeAndSize) {
  EXPECT_EQ(read<U32>(PCI_BASE_ADDRESS_0), PCI_BASE_ADDRESS_SPACE_MEMORY);
  EXPECT_EQ(read<U32>(PCI_BASE_ADDRESS_2),
            PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
  write<U32>(PCI_BASE_ADDRESS_0, ~0u);
  EXPECT_EQ(read<U32>(PCI_BASE_ADDRESS_0), 0xffff0000u);
  write<U64>(PCI_BASE_ADDRESS_2, ~U64{0});
  EXPECT_EQ(read<U64>(PCI_BASE_ADDRESS_2), 0xfffffffffff0000cu);
  write<U32>(PCI_BASE_ADDRESS_1, ~0u);
  EXPECT_EQ(read<U32>(PCI_BASE_ADDRESS_1), 0u);
  write<U32>(PCI_BASE_ADDRESS_0, 0xfebf0000);
  EXPECT_EQ(read<U32>(PCI_BASE_ADDRESS_0), 0xfebf0000u);
}

TEST_F(PciConfigTest, ListsItsCapabilities) {
  const auto found = capabilities();
  ASSERT_EQ(found.size(), 4u);
  EXPECT_TRUE(found.contains(PCI_CAP_ID_PM));
  EXPECT_TRUE(found.contains(PCI_CAP_ID_MSI));
  EXPECT_TRUE(found.contains(PCI_CAP_ID_EXP));
  EXPECT_TRUE(found.contains(PCI_CAP_ID_MSIX));
  EXPECT_EQ(read<U32>(PCI_CFG_SPACE_SIZE) & 0xffffu, PCI_EXT_CAP_ID_ERR);
}

TEST_F(PciConfigTest, MsixSaysWhereTheTableIs) {
  const std::size_t msix = capabilities()[PCI_CAP_ID_MSIX];
  EXPECT_EQ(read<U16>(msix + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE, 3);
  EXPECT_EQ(read<U32>(msix + PCI_MSIX_TABLE), 0x8000u);
  EXPECT_EQ(read<U32>(msix + PCI_MSIX_PBA), 0xc000u);
  write<U16>(msix + PCI_MSIX_FLAGS, 0xffff);
  EXPECT_EQ(read<U16>(msix + PCI_MSIX_FLAGS), PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | 3);
}

TEST_F(PciConfigTest, MsiOffersTwoVectors) {
  const std::size_t msi = capabilities()[PCI_CAP_ID_MSI];
  EXPECT_EQ((read<U16>(msi + PCI_MSI_FLAGS) & PCI_MSI_FLAGS_QMASK) >> 1, 1);
  write<U64>(msi + PCI_MSI_ADDRESS_LO, ~U64{0});
  EXPECT_EQ(read<U64>(msi + PCI_MSI_ADDRESS_LO), ~U64{3});
}

TEST_F(PciConfigTest, AbsentInterruptCapabilitiesAreNotListed) {
  chip_.pci().msi_vectors = 0;
  chip_.pci().msix_vectors = 0;
  chip_.pci().intx = false;
  config_ = PciConfig(chip_.pci());
  const auto found = capabilities();
  EXPECT_EQ(found.size(), 2u);
  EXPECT_FALSE(found.contains(PCI_CAP_ID_MSI));
  EXPECT_FALSE(found.contains(PCI_CAP_ID_MSIX));
  EXPECT_EQ(read<std::uint8_t>(PCI_INTERRUPT_PIN), 0);
}

TEST_F(PciConfigTest, CommandRegisterGates) {
  EXPECT_FALSE(config_.bus_master());
  EXPECT_FALSE(config_.memory_enabled());
  EXPECT_TRUE(config_.intx_enabled());
  EXPECT_FALSE(write<U16>(PCI_COMMAND, 0xffff));
  EXPECT_TRUE(config_.bus_master());
  EXPECT_TRUE(config_.memory_enabled());
  EXPECT_FALSE(config_.intx_enabled());
  EXPECT_EQ(read<U16>(PCI_COMMAND) & PCI_COMMAND_IO, 0);  // no I/O BAR
}

TEST_F(PciConfigTest, ByteWritesReachTheirByteOnly) {
  write<std::uint8_t>(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
  write<std::uint8_t>(PCI_COMMAND + 1, PCI_COMMAND_INTX_DISABLE >> 8);
  EXPECT_EQ(read<U16>(PCI_COMMAND),
            PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
  EXPECT_EQ(read<std::uint8_t>(PCI_COMMAND + 1), PCI_COMMAND_INTX_DISABLE >> 8);
}

TEST_F(PciConfigTest, PowerStatesAreD0AndD3hot) {
  const std::size_t control = capabilities()[PCI_CAP_ID_PM] + PCI_PM_CTRL;
  EXPECT_EQ(config_.power(), PowerState::kD0);
  write<U16>(control, 3);
  EXPECT_EQ(config_.power(), PowerState::kD3hot);
  EXPECT_EQ(read<U16>(control) & PCI_PM_CTRL_STATE_MASK, 3);
  write<U16>(control, 1);  // D1 does not exist: the write is ignored
  EXPECT_EQ(read<U16>(control) & PCI_PM_CTRL_STATE_MASK, 3);
  write<U16>(control, 2);  // nor D2
  EXPECT_EQ(read<U16>(control) & PCI_PM_CTRL_STATE_MASK, 3);
  write<U16>(control, 0);
  EXPECT_EQ(config_.power(), PowerState::kD0);
}

TEST_F(PciConfigTest, FunctionLevelResetIsOfferedAndReadsAsZero) {
  const std::size_t express = capabilities()[PCI_CAP_ID_EXP];
  EXPECT_NE(read<U32>(express + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR, 0u);
  EXPECT_FALSE(write<U16>(express + PCI_EXP_DEVCTL, 0x0010));
  EXPECT_TRUE(write<U16>(express + PCI_EXP_DEVCTL, 0x8010));
  EXPECT_EQ(read<U16>(express + PCI_EXP_DEVCTL), 0x0010);
  EXPECT_TRUE(write<std::uint8_t>(express + PCI_EXP_DEVCTL + 1, 0x80));
}

TEST_F(PciConfigTest, ResetRestoresEveryRegister) {
  Bytes before(PciConfig::kSize);
  config_.read(0, before);
  EXPECT_TRUE(config_.write(0, Bytes(PciConfig::kSize, std::byte{0xff})));
  Bytes changed(PciConfig::kSize);
  config_.read(0, changed);
  EXPECT_NE(before, changed);
  config_.reset();
  Bytes after(PciConfig::kSize);
  config_.read(0, after);
  EXPECT_EQ(before, after);
}

// --- Functions that cannot be
// ---------------------------------------------------------------------

struct BadInfo {
  const char* name;
  std::function<void(PciInfo&)> spoil;
  const char* message;
};

void PrintTo(const BadInfo& bad, std::ostream* out) {
  *out << bad.name;
}

class PciConfigRefuses : public testing::TestWithParam<BadInfo> {};

TEST_P(PciConfigRefuses, NamingTheField) {
  FakeChip chip;
  GetParam().spoil(chip.pci());
  try {
    const PciConfig config(chip.pci());
    FAIL() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Field, PciConfigRefuses,
    testing::Values(
        BadInfo{"BarNotPowerOfTwo", [](PciInfo& i) { i.bars[0].size = 0x18000; }, "BAR 0 size"},
        BadInfo{"BarSmall", [](PciInfo& i) { i.bars[4].size = 2048; }, "BAR 4 size"},
        BadInfo{"BarTooLarge", [](PciInfo& i) { i.bars[0].size = U64{1} << 32; },
                "BAR 0 is too large"},
        BadInfo{"Bar64Last", [](PciInfo& i) { i.bars[5] = {.size = 4096, .is_64bit = true}; },
                "BAR 5 is 64-bit"},
        BadInfo{"Bar64NextTaken", [](PciInfo& i) { i.bars[3].size = 4096; }, "BAR 2 is 64-bit"},
        BadInfo{"MsixVectors", [](PciInfo& i) { i.msix_vectors = 2049; }, "2048 MSI-X vectors"},
        BadInfo{"MsixBarNumber", [](PciInfo& i) { i.msix_bar = 6; }, "MSI-X BAR does not exist"},
        BadInfo{"MsixBarAbsent", [](PciInfo& i) { i.msix_bar = 1; }, "MSI-X BAR does not exist"},
        BadInfo{"MsixTableOutside", [](PciInfo& i) { i.msix_table_offset = 0xfff0; },
                "MSI-X table"},
        BadInfo{"MsixTableUnaligned", [](PciInfo& i) { i.msix_table_offset = 0x8004; },
                "MSI-X table"},
        BadInfo{"MsixPbaOutside", [](PciInfo& i) { i.msix_pba_offset = 0x10000; }, "MSI-X PBA"},
        BadInfo{"MsixOverlap", [](PciInfo& i) { i.msix_pba_offset = 0x8038; }, "overlap"},
        BadInfo{"MsiNotPowerOfTwo", [](PciInfo& i) { i.msi_vectors = 3; }, "MSI vectors"},
        BadInfo{"MsiTooMany", [](PciInfo& i) { i.msi_vectors = 64; }, "MSI vectors"},
        BadInfo{"ClassCode", [](PciInfo& i) { i.class_code = 0x1000000; }, "class code"}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace halyard::emu::vfio_user::test
