// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The smallest chip that uses everything the PCIe side offers, for tests.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chips/chip.hpp"
#include "vfio_user/unique_fd.hpp"

namespace halyard::emu::vfio_user::test {

/// BAR 0: registers; also MSI-X table and PBA. BAR 2: 1 MiB of memory that the client may map.
class FakeChip final : public Chip {
 public:
  static constexpr std::uint64_t kRegistersSize = 0x10000;
  static constexpr std::uint64_t kMemorySize = 0x100000;
  static constexpr std::uint64_t kMsixTable = 0x8000;
  static constexpr std::uint64_t kMsixPba = 0xc000;
  static constexpr unsigned kVectors = 4;

  // Registers of BAR 0. The rest is storage.
  static constexpr std::uint64_t kIdentity = 0x00;    ///< reads kIdentityValue
  static constexpr std::uint64_t kRaise = 0x08;       ///< write: raises that vector
  static constexpr std::uint64_t kDmaAddress = 0x10;  ///< 64 bits
  static constexpr std::uint64_t kDmaSize = 0x18;     ///< 32 bits, at most kMemorySize
  static constexpr std::uint64_t kDmaStart = 0x1c;    ///< write: adds its value to every byte there
  static constexpr std::uint64_t kDmaDone = 0x20;     ///< bytes changed by the last start
  static constexpr std::uint64_t kScratch = 0x40;
  static constexpr std::uint32_t kIdentityValue = 0x454b4146;

  FakeChip() : memory_(::memfd_create("fake BAR", MFD_CLOEXEC)) {
    if (!memory_ || ::ftruncate(memory_.get(), kMemorySize) != 0) std::abort();
    pci_.vendor = 0x1d0f;
    pci_.device = 0xfa4e;
    pci_.subsystem_vendor = 0x1d0f;
    pci_.subsystem = 0x0001;
    pci_.revision = 3;
    pci_.class_code = 0x120000;
    pci_.bars[0].size = kRegistersSize;
    pci_.bars[2] = {
        .size = kMemorySize, .is_64bit = true, .prefetchable = true, .memory_fd = memory_.get()};
    pci_.msix_vectors = kVectors;
    pci_.msix_bar = 0;
    pci_.msix_table_offset = kMsixTable;
    pci_.msix_pba_offset = kMsixPba;
    pci_.msi_vectors = 2;
    pci_.intx = true;
  }

  [[nodiscard]] const PciInfo& pci() const override { return pci_; }
  /// To be changed before a PciFunction is made.
  PciInfo& pci() { return pci_; }

  /// What the PCIe side told the chip, in order; cleared by the call.
  std::vector<std::string> take_events() {
    const std::scoped_lock guard(mutex_);
    return std::exchange(events_, {});
  }

  void attach(Host& host) override {
    host_ = &host;
    note("attach");
  }
  void detach() override {
    host_ = nullptr;
    note("detach");
  }
  void reset(ResetKind kind) override {
    static constexpr const char* kNames[] = {"reset function", "reset bus", "reset power-on"};
    note(kNames[static_cast<std::size_t>(kind)]);
    registers_ = {};
  }
  void set_power(PowerState state) override { note(state == PowerState::kD0 ? "D0" : "D3hot"); }
  void set_bus_master(bool enabled) override { note(enabled ? "master on" : "master off"); }
  void dma_unmapped(std::uint64_t address, std::uint64_t size) override {
    note("unmapped " + std::to_string(address) + "+" + std::to_string(size));
  }

  void bar_read(unsigned /*bar*/, std::uint64_t offset, std::span<std::byte> data) override {
    std::memcpy(registers_.data() + kIdentity, &kIdentityValue, sizeof(kIdentityValue));
    std::memcpy(data.data(), registers_.data() + offset, data.size());
  }
  void bar_write(unsigned /*bar*/, std::uint64_t offset, std::span<const std::byte> data) override {
    if (offset >= kMsixTable) note("write to " + std::to_string(offset));
    std::memcpy(registers_.data() + offset, data.data(), data.size());
    if (offset == kRaise) host_->raise(get<std::uint32_t>(kRaise));
    if (offset == kDmaStart) run_dma();
  }

 private:
  template <typename T>
  [[nodiscard]] T get(std::uint64_t offset) const {
    T value;
    std::memcpy(&value, registers_.data() + offset, sizeof(value));
    return value;
  }

  void run_dma() {
    auto address = get<std::uint64_t>(kDmaAddress);
    std::size_t left = std::min<std::size_t>(get<std::uint32_t>(kDmaSize), kMemorySize);
    const auto add = get<std::uint32_t>(kDmaStart);
    std::uint32_t done = 0;
    const auto pin = host_->pin_dma();
    while (left > 0) {
      const auto piece = host_->dma(address, left, Access::kWrite);
      if (piece.empty() || host_->dma(address, left, Access::kRead).empty()) break;
      for (std::byte& byte : piece) {
        byte = static_cast<std::byte>(std::to_integer<std::uint32_t>(byte) + add);
      }
      address += piece.size();
      left -= piece.size();
      done += static_cast<std::uint32_t>(piece.size());
    }
    std::memcpy(registers_.data() + kDmaDone, &done, sizeof(done));
  }

  void note(std::string event) {
    const std::scoped_lock guard(mutex_);
    events_.push_back(std::move(event));
  }

  UniqueFd memory_;
  PciInfo pci_;
  Host* host_ = nullptr;
  std::array<std::byte, kRegistersSize> registers_{};
  std::mutex mutex_;  ///< protects events_
  std::vector<std::string> events_;
};

}  // namespace halyard::emu::vfio_user::test
