// SPDX-License-Identifier: MIT
#include "vfio_user/pci_config.hpp"

#include <linux/pci_regs.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

namespace halyard::emu::vfio_user {

namespace {

// Where the capabilities stand. The order in the list is the order of definition.
constexpr std::size_t kPowerManagement = 0x40;
constexpr std::size_t kMsi = 0x48;
constexpr std::size_t kExpress = 0x60;
constexpr std::size_t kMsix = 0xa0;
constexpr std::size_t kErrorReporting = PCI_CFG_SPACE_SIZE;

constexpr unsigned kMaxMsiVectors = 32;
constexpr unsigned kMaxMsixVectors = 2048;
constexpr std::size_t kMsixEntry = 16;

// Link as a 16 GT/s card of 16 lanes reports it. Nothing in the emulated machine depends on it.
constexpr std::uint32_t kLinkSpeed = PCI_EXP_LNKCAP_SLS_16_0GB;
constexpr std::uint32_t kLinkWidth = 16u << 4;

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("PCI function: " + what);
}

void check_bars(const PciInfo& info) {
  for (unsigned i = 0; i < std::size(info.bars); ++i) {
    const BarInfo& bar = info.bars[i];
    if (bar.size == 0) continue;
    const std::string name = "BAR " + std::to_string(i);
    if (!std::has_single_bit(bar.size) || bar.size < 4096) {
      refuse(name + " size is not a power of two of at least 4096");
    }
    if (!bar.is_64bit) {
      if (bar.size > (std::uint64_t{1} << 31)) refuse(name + " is too large for 32 bits");
    } else if (i + 1 >= std::size(info.bars) || info.bars[i + 1].size != 0) {
      refuse(name + " is 64-bit but the next one is not free");
    }
  }
}

void check_msix(const PciInfo& info) {
  if (info.msix_vectors == 0) return;
  if (info.msix_vectors > kMaxMsixVectors) refuse("more than 2048 MSI-X vectors");
  if (info.msix_bar >= std::size(info.bars) || info.bars[info.msix_bar].size == 0) {
    refuse("MSI-X BAR does not exist");
  }
  const std::uint64_t bar = info.bars[info.msix_bar].size;
  const std::uint64_t table_end =
      info.msix_table_offset + std::uint64_t{info.msix_vectors} * kMsixEntry;
  const std::uint64_t pba_end =
      info.msix_pba_offset + std::uint64_t{(info.msix_vectors + 63) / 64} * 8;
  if (info.msix_table_offset % 8 != 0 || table_end > bar) refuse("MSI-X table is outside its BAR");
  if (info.msix_pba_offset % 8 != 0 || pba_end > bar) refuse("MSI-X PBA is outside its BAR");
  if (info.msix_table_offset < pba_end && info.msix_pba_offset < table_end) {
    refuse("MSI-X table and PBA overlap");
  }
}

void check(const PciInfo& info) {
  check_bars(info);
  check_msix(info);
  if (info.msi_vectors > kMaxMsiVectors ||
      (info.msi_vectors != 0 && !std::has_single_bit(info.msi_vectors))) {
    refuse("MSI vectors are not a power of two of at most 32");
  }
  if (info.class_code >= (1u << 24)) refuse("class code has more than 24 bits");
}

}  // namespace

PciConfig::PciConfig(const PciInfo& info) : last_link_(PCI_CAPABILITY_LIST) {
  check(info);
  define_header(info);
  define_bars(info);
  define_power_management();
  define_msi(info.msi_vectors);
  define_express();
  define_msix(info);
  define_error_reporting();
  reset();
}

void PciConfig::read(std::size_t offset, std::span<std::byte> data) const {
  std::memcpy(data.data(), bytes_.data() + offset, data.size());
}

bool PciConfig::write(std::size_t offset, std::span<const std::byte> data) {
  const auto old_power = get<std::uint16_t>(kPowerManagement + PCI_PM_CTRL);
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::byte& now = bytes_[offset + i];
    const std::byte mask = writable_[offset + i];
    now = (now & ~mask) | (data[i] & mask);
  }
  // D1 and D2 do not exist here; a request for them is ignored.
  const auto power = get<std::uint16_t>(kPowerManagement + PCI_PM_CTRL);
  const unsigned state = power & PCI_PM_CTRL_STATE_MASK;
  if (state == PCI_PM_CTRL_STATE_MASK - 1u || state == 1u) {
    set(bytes_, kPowerManagement + PCI_PM_CTRL, old_power);
  }
  // Initiate Function Level Reset reads as zero.
  const auto control = get<std::uint16_t>(kExpress + PCI_EXP_DEVCTL);
  const bool function_reset = (control & PCI_EXP_DEVCTL_BCR_FLR) != 0;
  set(bytes_, kExpress + PCI_EXP_DEVCTL,
      static_cast<std::uint16_t>(control & ~PCI_EXP_DEVCTL_BCR_FLR));
  return function_reset;
}

bool PciConfig::bus_master() const {
  return (get<std::uint16_t>(PCI_COMMAND) & PCI_COMMAND_MASTER) != 0;
}

bool PciConfig::memory_enabled() const {
  return (get<std::uint16_t>(PCI_COMMAND) & PCI_COMMAND_MEMORY) != 0;
}

bool PciConfig::intx_enabled() const {
  return (get<std::uint16_t>(PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) == 0;
}

PowerState PciConfig::power() const {
  const auto control = get<std::uint16_t>(kPowerManagement + PCI_PM_CTRL);
  return (control & PCI_PM_CTRL_STATE_MASK) == 0 ? PowerState::kD0 : PowerState::kD3hot;
}

template <typename T>
T PciConfig::get(std::size_t offset) const {
  T value;
  std::memcpy(&value, bytes_.data() + offset, sizeof(value));
  return value;
}

template <typename T>
void PciConfig::set(Bytes& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

template <typename T>
void PciConfig::define(std::size_t offset, T value, T writable) {
  set(initial_, offset, value);
  set(writable_, offset, writable);
}

void PciConfig::define_header(const PciInfo& info) {
  define<std::uint16_t>(PCI_VENDOR_ID, info.vendor);
  define<std::uint16_t>(PCI_DEVICE_ID, info.device);
  define<std::uint16_t>(PCI_COMMAND, 0,
                        PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
                            PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
  define<std::uint16_t>(PCI_STATUS, PCI_STATUS_CAP_LIST);
  define<std::uint32_t>(PCI_CLASS_REVISION, info.class_code << 8 | info.revision);
  define<std::uint8_t>(PCI_CACHE_LINE_SIZE, 0, 0xff);
  define<std::uint16_t>(PCI_SUBSYSTEM_VENDOR_ID, info.subsystem_vendor);
  define<std::uint16_t>(PCI_SUBSYSTEM_ID, info.subsystem);
  define<std::uint8_t>(PCI_INTERRUPT_LINE, 0, 0xff);
  define<std::uint8_t>(PCI_INTERRUPT_PIN, info.intx ? 1 : 0);
}

void PciConfig::define_bars(const PciInfo& info) {
  for (unsigned i = 0; i < std::size(info.bars); ++i) {
    const BarInfo& bar = info.bars[i];
    if (bar.size == 0) continue;
    const std::size_t offset = PCI_BASE_ADDRESS_0 + i * std::size_t{4};
    std::uint32_t type = PCI_BASE_ADDRESS_SPACE_MEMORY;
    if (bar.is_64bit) type |= PCI_BASE_ADDRESS_MEM_TYPE_64;
    if (bar.prefetchable) type |= PCI_BASE_ADDRESS_MEM_PREFETCH;
    const std::uint64_t address_bits = ~(bar.size - 1);
    define<std::uint32_t>(offset, type, static_cast<std::uint32_t>(address_bits));
    if (bar.is_64bit) {
      define<std::uint32_t>(offset + 4, 0, static_cast<std::uint32_t>(address_bits >> 32));
    }
  }
}

void PciConfig::link(std::size_t offset, std::uint8_t id) {
  define<std::uint8_t>(last_link_, static_cast<std::uint8_t>(offset));
  define<std::uint8_t>(offset + PCI_CAP_LIST_ID, id);
  last_link_ = offset + PCI_CAP_LIST_NEXT;
}

void PciConfig::define_power_management() {
  link(kPowerManagement, PCI_CAP_ID_PM);
  constexpr std::uint16_t kVersion3 = 3;
  define<std::uint16_t>(kPowerManagement + PCI_PM_PMC, kVersion3);
  // Registers keep their values over D3hot, so leaving it is no reset.
  define<std::uint16_t>(kPowerManagement + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET,
                        PCI_PM_CTRL_STATE_MASK);
}

void PciConfig::define_msi(unsigned vectors) {
  if (vectors == 0) return;
  link(kMsi, PCI_CAP_ID_MSI);
  const auto log2 = static_cast<unsigned>(std::countr_zero(vectors));
  define<std::uint16_t>(kMsi + PCI_MSI_FLAGS,
                        static_cast<std::uint16_t>(PCI_MSI_FLAGS_64BIT | log2 << 1),
                        PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
  define<std::uint32_t>(kMsi + PCI_MSI_ADDRESS_LO, 0, 0xfffffffc);
  define<std::uint32_t>(kMsi + PCI_MSI_ADDRESS_HI, 0, 0xffffffff);
  define<std::uint16_t>(kMsi + PCI_MSI_DATA_64, 0, 0xffff);
}

void PciConfig::define_express() {
  link(kExpress, PCI_CAP_ID_EXP);
  constexpr std::uint16_t kVersion2 = 2;
  define<std::uint16_t>(kExpress + PCI_EXP_FLAGS, kVersion2 | PCI_EXP_TYPE_ENDPOINT << 4);
  define<std::uint32_t>(kExpress + PCI_EXP_DEVCAP,
                        PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
  constexpr std::uint16_t kControl = PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_EXT_TAG |
                                     PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B;
  define<std::uint16_t>(kExpress + PCI_EXP_DEVCTL, kControl, 0xffff);
  define<std::uint32_t>(kExpress + PCI_EXP_LNKCAP, kLinkSpeed | kLinkWidth);
  define<std::uint16_t>(
      kExpress + PCI_EXP_LNKCTL, 0,
      PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
  define<std::uint16_t>(kExpress + PCI_EXP_LNKSTA, kLinkSpeed | kLinkWidth);
  define<std::uint32_t>(kExpress + PCI_EXP_DEVCAP2, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS);
  define<std::uint16_t>(kExpress + PCI_EXP_DEVCTL2, 0,
                        PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS);
  define<std::uint32_t>(kExpress + PCI_EXP_LNKCAP2,
                        PCI_EXP_LNKCAP2_SLS_2_5GB | PCI_EXP_LNKCAP2_SLS_5_0GB |
                            PCI_EXP_LNKCAP2_SLS_8_0GB | PCI_EXP_LNKCAP2_SLS_16_0GB);
  define<std::uint16_t>(kExpress + PCI_EXP_LNKCTL2, kLinkSpeed, PCI_EXP_LNKCTL2_TLS);
}

void PciConfig::define_msix(const PciInfo& info) {
  if (info.msix_vectors == 0) return;
  link(kMsix, PCI_CAP_ID_MSIX);
  define<std::uint16_t>(kMsix + PCI_MSIX_FLAGS, static_cast<std::uint16_t>(info.msix_vectors - 1),
                        PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
  define<std::uint32_t>(kMsix + PCI_MSIX_TABLE, info.msix_table_offset | info.msix_bar);
  define<std::uint32_t>(kMsix + PCI_MSIX_PBA, info.msix_pba_offset | info.msix_bar);
}

void PciConfig::define_error_reporting() {
  constexpr std::uint32_t kVersion2 = 2u << 16;
  define<std::uint32_t>(kErrorReporting, PCI_EXT_CAP_ID_ERR | kVersion2);
  // No error is ever logged: the masks and severities are there for software that sets them up.
  constexpr std::uint32_t kUncorrectable =
      PCI_ERR_UNC_DLP | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_COMP_TIME |
      PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP | PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP |
      PCI_ERR_UNC_ECRC | PCI_ERR_UNC_UNSUP;
  constexpr std::uint32_t kFatal =
      PCI_ERR_UNC_DLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP;
  constexpr std::uint32_t kCorrectable = PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP |
                                         PCI_ERR_COR_BAD_DLLP | PCI_ERR_COR_REP_ROLL |
                                         PCI_ERR_COR_REP_TIMER | PCI_ERR_COR_ADV_NFAT;
  define<std::uint32_t>(kErrorReporting + PCI_ERR_UNCOR_MASK, 0, kUncorrectable);
  define<std::uint32_t>(kErrorReporting + PCI_ERR_UNCOR_SEVER, kFatal, kUncorrectable);
  define<std::uint32_t>(kErrorReporting + PCI_ERR_COR_MASK, PCI_ERR_COR_ADV_NFAT, kCorrectable);
}

}  // namespace halyard::emu::vfio_user
