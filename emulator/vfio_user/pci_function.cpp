// SPDX-License-Identifier: MIT
#include "vfio_user/pci_function.hpp"

#include <linux/vfio.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <type_traits>
#include <utility>

#include "vfio_user/log.hpp"

namespace halyard::emu::vfio_user {

namespace {

constexpr unsigned kBars = std::extent_v<decltype(PciInfo::bars)>;
constexpr std::size_t kMsixEntry = 16;

std::uint8_t trace_size(std::span<const std::byte> data) {
  return static_cast<std::uint8_t>(std::min<std::size_t>(data.size(), 8));
}

/// A register access as the trace stores it.
std::uint64_t trace_value(std::span<const std::byte> data) {
  std::uint64_t value = 0;
  std::memcpy(&value, data.data(), std::min(data.size(), sizeof(value)));
  return value;
}

std::uint64_t trace_bar(unsigned bar, std::uint64_t offset) {
  return std::uint64_t{bar} << 56 | offset;
}

std::string_view name_of(ResetKind kind) {
  switch (kind) {
    case ResetKind::kFunction:
      return "function level";
    case ResetKind::kBus:
      return "bus";
    case ResetKind::kPowerOn:
      return "power-on";
  }
  return "unknown";
}

bool inside(std::uint64_t offset, std::size_t count, std::uint64_t size) {
  return offset <= size && count <= size - offset;
}

bool is_register_width(std::size_t size) {
  return size == 1 || size == 2 || size == 4 || size == 8;
}

}  // namespace

/// A BAR's memory, for the accesses that QEMU traps although the BAR is mapped: all of them while
/// INTx is in use.
class PciFunction::BarMemory {
 public:
  BarMemory() = default;
  explicit BarMemory(const BarInfo& bar) {
    if (bar.size == 0 || bar.memory_fd < 0) return;
    void* memory = ::mmap(nullptr, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                          bar.memory_fd, 0);
    if (memory == MAP_FAILED)
      throw std::system_error(errno, std::generic_category(), "mapping BAR memory");
    bytes_ = {static_cast<std::byte*>(memory), bar.size};
  }
  BarMemory(BarMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  BarMemory& operator=(BarMemory&&) = delete;
  BarMemory(const BarMemory&) = delete;
  BarMemory& operator=(const BarMemory&) = delete;
  ~BarMemory() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

PciFunction::PciFunction(Chip& chip, Trace& trace)
    : chip_(chip),
      trace_(trace),
      info_(chip.pci()),
      config_(info_),
      interrupts_(info_.intx, info_.msi_vectors, info_.msix_vectors) {
  bar_memory_.reserve(kBars);
  for (const BarInfo& bar : info_.bars)
    bar_memory_.emplace_back(bar);
  chip_.attach(*this);
}

PciFunction::~PciFunction() {
  chip_.detach();
}

bool PciFunction::region_info(std::uint32_t region, RegionInfo& info) const {
  if (region >= VFIO_PCI_NUM_REGIONS) return false;
  info = {0, 0, -1};
  if (region == VFIO_PCI_CONFIG_REGION_INDEX) info.size = PciConfig::kSize;
  if (region < kBars) {
    info.size = info_.bars[region].size;
    info.memory_fd = info.size == 0 ? -1 : info_.bars[region].memory_fd;
  }
  if (info.size != 0) info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
  if (info.memory_fd >= 0) info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
  return true;
}

int PciFunction::read(std::uint32_t region, std::uint64_t offset, std::span<std::byte> data) {
  RegionInfo region_of{};
  if (!region_info(region, region_of) || !inside(offset, data.size(), region_of.size))
    return EINVAL;
  if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
    config_.read(offset, data);
    trace_.record(TraceKind::kConfigRead, offset, trace_value(data), trace_size(data));
    return 0;
  }
  tell_bus_master();
  bool answer = true;
  if (const int error = access_bar(region, offset, data.size(), answer); error != 0) return error;
  if (!answer) {
    std::fill(data.begin(), data.end(), std::byte{0xff});
  } else if (in_msix_area(region, offset)) {
    read_msix_area(offset, data);
  } else if (const auto memory = bar_memory_[region].bytes(); !memory.empty()) {
    std::memcpy(data.data(), memory.data() + offset, data.size());
  } else {
    chip_.bar_read(region, offset, data);
  }
  trace_.record(TraceKind::kBarRead, trace_bar(region, offset), trace_value(data),
                trace_size(data));
  return 0;
}

int PciFunction::write(std::uint32_t region, std::uint64_t offset,
                       std::span<const std::byte> data) {
  tell_bus_master();
  RegionInfo region_of{};
  if (!region_info(region, region_of) || !inside(offset, data.size(), region_of.size))
    return EINVAL;
  if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
    trace_.record(TraceKind::kConfigWrite, offset, trace_value(data), trace_size(data));
    const bool function_reset = config_.write(offset, data);
    if (function_reset) {
      reset(ResetKind::kFunction);
    } else {
      config_changed();
    }
    return 0;
  }
  bool answer = true;
  if (const int error = access_bar(region, offset, data.size(), answer); error != 0) return error;
  trace_.record(TraceKind::kBarWrite, trace_bar(region, offset), trace_value(data),
                trace_size(data));
  if (!answer || in_msix_area(region, offset)) return 0;  // the client keeps the MSI-X table itself
  if (const auto memory = bar_memory_[region].bytes(); !memory.empty()) {
    std::memcpy(memory.data() + offset, data.data(), data.size());
  } else {
    chip_.bar_write(region, offset, data);
  }
  return 0;
}

/// Whether the card answers at all: with memory space disabled or in D3hot it does not, as on a
/// bus.
int PciFunction::access_bar(unsigned bar, std::uint64_t offset, std::size_t size,
                            bool& answer) const {
  const bool registers = in_msix_area(bar, offset) || bar_memory_[bar].bytes().empty();
  if (registers && !is_register_width(size)) return EINVAL;
  answer = config_.memory_enabled() && config_.power() == PowerState::kD0;
  return 0;
}

bool PciFunction::in_msix_area(unsigned bar, std::uint64_t offset) const {
  if (info_.msix_vectors == 0 || bar != info_.msix_bar) return false;
  const std::uint64_t table = info_.msix_table_offset;
  const std::uint64_t pba = info_.msix_pba_offset;
  const std::uint64_t pba_size = std::uint64_t{(info_.msix_vectors + 63) / 64} * 8;
  return (offset >= table && offset - table < info_.msix_vectors * kMsixEntry) ||
         (offset >= pba && offset - pba < pba_size);
}

void PciFunction::read_msix_area(std::uint64_t offset, std::span<std::byte> data) const {
  std::fill(data.begin(), data.end(), std::byte{0});
  const std::uint64_t pba = info_.msix_pba_offset;
  if (offset < pba) return;  // the table, which the client keeps itself
  const std::uint64_t bits = interrupts_.pending_bits(static_cast<unsigned>((offset - pba) / 8));
  const std::size_t first = (offset - pba) % 8;
  std::memcpy(data.data(), reinterpret_cast<const std::byte*>(&bits) + first,
              std::min(data.size(), sizeof(bits) - first));
}

bool PciFunction::irq_info(std::uint32_t index, Interrupts::Info& info) const {
  return interrupts_.info(index, info);
}

int PciFunction::set_irqs(const SetIrqsRequest& request, std::span<UniqueFd> fds) {
  return interrupts_.set(request, fds);
}

int PciFunction::map_dma(const DmaMapRequest& request, int fd) {
  const int error = dma_.map(request, fd);
  if (error == 0) trace_.record(TraceKind::kDmaMap, request.address, request.size);
  return error;
}

int PciFunction::unmap_dma(const DmaUnmapRequest& request) {
  if (request.all) {
    dma_.unmap_all();
    trace_.record(TraceKind::kDmaUnmap, 0, UINT64_MAX);
    chip_.dma_unmapped(0, UINT64_MAX);
    return 0;
  }
  const int error = dma_.unmap(request.address, request.size);
  if (error != 0) return error;
  trace_.record(TraceKind::kDmaUnmap, request.address, request.size);
  chip_.dma_unmapped(request.address, request.size);
  return 0;
}

void PciFunction::reset(ResetKind kind) {
  log_line(std::string(name_of(kind)) + " reset");
  trace_.record(TraceKind::kReset, static_cast<std::uint64_t>(kind), 0);
  // The chip stops first, with its memory still reachable: what it had in flight is no fault of its
  // driver.
  chip_.reset(kind);
  config_.reset();
  config_changed();
  tell_bus_master();
}

void PciFunction::disconnect() {
  reset(ResetKind::kPowerOn);
  interrupts_.clear();
  unmap_dma({.address = 0, .size = 0, .all = true});
}

void PciFunction::config_changed() {
  const bool master = config_.bus_master();
  const PowerState power = config_.power();
  bus_master_.store(master);
  may_dma_.store(master && power == PowerState::kD0);
  interrupts_.set_intx_enabled(config_.intx_enabled());
  // QEMU switches it off by itself right before a bus reset, of which that is a part then: the chip
  // is told when something else than that reset follows.
  if (master) tell_bus_master();
  if (std::exchange(told_power_, power) != power) {
    log_line(power == PowerState::kD0 ? "awake (D0)" : "asleep (D3hot)");
    trace_.record(TraceKind::kPower, static_cast<std::uint64_t>(power), 0);
    chip_.set_power(power);
  }
}

void PciFunction::tell_bus_master() {
  const bool master = bus_master_.load();
  if (std::exchange(told_bus_master_, master) == master) return;
  trace_.record(TraceKind::kBusMaster, master ? 1 : 0, 0);
  chip_.set_bus_master(master);
}

std::span<std::byte> PciFunction::dma(std::uint64_t address, std::size_t size, Access access) {
  if (!may_dma_.load(std::memory_order_relaxed)) return {};
  const auto memory = dma_.find(address, size, access);
  trace_.record(access == Access::kRead ? TraceKind::kDmaRead : TraceKind::kDmaWrite, address,
                memory.size());
  return memory;
}

std::shared_lock<std::shared_mutex> PciFunction::pin_dma() {
  return dma_.pin();
}

void PciFunction::raise(unsigned vector) {
  const bool signalled = interrupts_.raise(vector, may_dma_.load(std::memory_order_relaxed));
  trace_.record(TraceKind::kInterrupt, vector, signalled ? 1 : 0);
}

bool PciFunction::bus_master() const {
  return bus_master_.load();
}

}  // namespace halyard::emu::vfio_user
