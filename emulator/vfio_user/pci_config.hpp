// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "chips/chip.hpp"

namespace halyard::emu::vfio_user {

/// The configuration space of an endpoint: type 0 header, power management, MSI, PCI Express,
/// MSI-X, and Advanced Error Reporting in the extended part. Registers only; what a write sets off
/// is its caller's. Not thread-safe.
class PciConfig {
 public:
  static constexpr std::size_t kSize = 4096;

  /// Throws std::invalid_argument when `info` cannot be a PCIe function, naming the field.
  explicit PciConfig(const PciInfo& info);

  /// [offset, offset + data.size()) lies within kSize.
  void read(std::size_t offset, std::span<std::byte> data) const;

  /// Likewise. True when the write asks for a function level reset, which is not carried out here.
  [[nodiscard]] bool write(std::size_t offset, std::span<const std::byte> data);

  /// Every register as after power-on.
  void reset() { bytes_ = initial_; }

  [[nodiscard]] bool bus_master() const;
  [[nodiscard]] bool memory_enabled() const;
  [[nodiscard]] bool intx_enabled() const;
  [[nodiscard]] PowerState power() const;

 private:
  using Bytes = std::array<std::byte, kSize>;

  template <typename T>
  [[nodiscard]] T get(std::size_t offset) const;
  template <typename T>
  void set(Bytes& bytes, std::size_t offset, T value);
  /// A register with its value after reset and the bits that software can write.
  template <typename T>
  void define(std::size_t offset, T value, T writable = 0);

  void define_header(const PciInfo& info);
  void define_bars(const PciInfo& info);
  void define_power_management();
  void define_msi(unsigned vectors);
  void define_msix(const PciInfo& info);
  void define_express();
  void define_error_reporting();
  /// Puts a capability at `offset` into the list.
  void link(std::size_t offset, std::uint8_t id);

  Bytes initial_{};
  Bytes writable_{};  ///< bit set: software can write it
  Bytes bytes_{};
  std::size_t last_link_;  ///< where the next capability's offset goes
};

}  // namespace halyard::emu::vfio_user
