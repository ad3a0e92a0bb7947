// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A chip as a PCI function: what stands between the vfio-user messages and the model.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <shared_mutex>
#include <span>
#include <vector>

#include "chips/chip.hpp"
#include "chips/trace.hpp"
#include "vfio_user/dma_map.hpp"
#include "vfio_user/interrupts.hpp"
#include "vfio_user/pci_config.hpp"
#include "vfio_user/protocol.hpp"
#include "vfio_user/unique_fd.hpp"

namespace halyard::emu::vfio_user {

/// The public members other than Host's belong to the message thread. Those that return int return
/// 0 or a positive errno for the reply.
class PciFunction final : public Host {
 public:
  struct RegionInfo {
    std::uint32_t flags;  ///< VFIO_REGION_INFO_FLAG_*
    std::uint64_t size;
    int memory_fd;  ///< to be mapped by the client, -1 when every access is trapped
  };

  /// Attaches the chip; it stays attached, over any number of clients, as long as this object
  /// lives. Throws std::invalid_argument when the chip's PciInfo contradicts itself,
  /// std::system_error when BAR memory cannot be mapped.
  PciFunction(Chip& chip, Trace& trace);
  ~PciFunction() override;
  PciFunction(const PciFunction&) = delete;
  PciFunction& operator=(const PciFunction&) = delete;

  /// False when there is no such region.
  [[nodiscard]] bool region_info(std::uint32_t region, RegionInfo& info) const;
  int read(std::uint32_t region, std::uint64_t offset, std::span<std::byte> data);
  int write(std::uint32_t region, std::uint64_t offset, std::span<const std::byte> data);

  [[nodiscard]] bool irq_info(std::uint32_t index, Interrupts::Info& info) const;
  int set_irqs(const SetIrqsRequest& request, std::span<UniqueFd> fds);

  int map_dma(const DmaMapRequest& request, int fd);
  int unmap_dma(const DmaUnmapRequest& request);

  /// Bus reset and function reset keep what belongs to the client: DMA ranges and eventfds.
  void reset(ResetKind kind);

  /// The client has gone: power-on state, without memory and interrupts.
  void disconnect();

  // Host
  std::span<std::byte> dma(std::uint64_t address, std::size_t size, Access access) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin_dma() override;
  void raise(unsigned vector) override;
  [[nodiscard]] bool bus_master() const override;

 private:
  class BarMemory;

  [[nodiscard]] bool in_msix_area(unsigned bar, std::uint64_t offset) const;
  void read_msix_area(std::uint64_t offset, std::span<std::byte> data) const;
  int access_bar(unsigned bar, std::uint64_t offset, std::size_t size, bool& answer) const;
  void config_changed();
  void tell_bus_master();

  Chip& chip_;
  Trace& trace_;
  const PciInfo& info_;
  PciConfig config_;
  DmaMap dma_;
  Interrupts interrupts_;
  std::vector<BarMemory> bar_memory_;  ///< one per BAR, empty where accesses go to the chip
  bool told_bus_master_ = false;       ///< what the chip was last told
  PowerState told_power_ = PowerState::kD0;
  std::atomic<bool> bus_master_{false};
  std::atomic<bool> may_dma_{false};  ///< Bus Master Enable and D0
};

}  // namespace halyard::emu::vfio_user
