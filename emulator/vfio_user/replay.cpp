// SPDX-License-Identifier: MIT
#include "vfio_user/replay.hpp"

#include <linux/vfio.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "vfio_user/pci_function.hpp"

namespace halyard::emu::vfio_user {

namespace {

struct Access {
  std::uint32_t region;
  std::uint64_t offset;
};

Access access_of(const TraceRecord& record, bool config) {
  if (config) return {VFIO_PCI_CONFIG_REGION_INDEX, record.where};
  constexpr std::uint64_t kOffset = (std::uint64_t{1} << 56) - 1;
  return {static_cast<std::uint32_t>(record.where >> 56), record.where & kOffset};
}

void check(int error, std::size_t index) {
  if (error == 0) return;
  throw std::invalid_argument(
      "record " + std::to_string(index) +
      " is an access that this chip does not have: " + std::strerror(error));
}

class Replay {
 public:
  Replay(std::span<const TraceRecord> records, Chip& chip)
      : records_(records), function_(chip, trace_) {}

  ReplayResult run() {
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const auto kind = static_cast<TraceKind>(records_[i].kind);
      if (kind == TraceKind::kDmaRead || kind == TraceKind::kDmaWrite) break;
      step(i, kind);
      ++result_.replayed;
    }
    return std::move(result_);
  }

 private:
  void step(std::size_t index, TraceKind kind) {
    switch (kind) {
      case TraceKind::kBarRead:
      case TraceKind::kConfigRead:
        read(index, kind == TraceKind::kConfigRead);
        break;
      case TraceKind::kBarWrite:
      case TraceKind::kConfigWrite:
        write(index, kind == TraceKind::kConfigWrite);
        break;
      case TraceKind::kReset:
        reset(static_cast<ResetKind>(records_[index].where));
        break;
      default:
        break;  // follows from the accesses, or is the machine's side alone
    }
  }

  void read(std::size_t index, bool config) {
    const TraceRecord& record = records_[index];
    const auto [region, offset] = access_of(record, config);
    std::uint64_t value = 0;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1));
    check(function_.read(region, offset, bytes.first(width(index))), index);
    ++result_.compared;
    if (value != record.value) result_.differences.push_back({index, value});
  }

  void write(std::size_t index, bool config) {
    const TraceRecord& record = records_[index];
    const auto [region, offset] = access_of(record, config);
    const auto bytes = std::as_bytes(std::span(&record.value, 1));
    check(function_.write(region, offset, bytes.first(width(index))), index);
  }

  void reset(ResetKind kind) {
    if (kind == ResetKind::kBus) function_.reset(kind);
    if (kind == ResetKind::kPowerOn) function_.disconnect();
    // A function level reset is a consequence of the configuration write before it.
  }

  [[nodiscard]] std::size_t width(std::size_t index) const {
    const std::size_t size = records_[index].size;
    if (size == 0 || size > sizeof(TraceRecord::value)) {
      throw std::invalid_argument("record " + std::to_string(index) + " has no register width");
    }
    return size;
  }

  std::span<const TraceRecord> records_;
  Trace trace_;  ///< records nothing
  PciFunction function_;
  ReplayResult result_;
};

}  // namespace

ReplayResult replay(std::span<const TraceRecord> records, Chip& chip) {
  return Replay(records, chip).run();
}

}  // namespace halyard::emu::vfio_user
