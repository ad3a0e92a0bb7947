// SPDX-License-Identifier: MIT
#include "vfio_user/replay.hpp"

#include <linux/vfio.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

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
    while (result_.replayed < records_.size()) {
      const auto kind = static_cast<TraceKind>(records_[result_.replayed].kind);
      if (kind == TraceKind::kDmaRead || kind == TraceKind::kDmaWrite) break;
      result_.replayed += step(result_.replayed, kind);
    }
    return std::move(result_);
  }

 private:
  /// Replays the event at `index` and what belongs to it; how many records that were.
  std::size_t step(std::size_t index, TraceKind kind) {
    switch (kind) {
      case TraceKind::kBarRead:
      case TraceKind::kConfigRead: {
        const std::size_t count = run_length(index);
        poll(index + count - 1, kind == TraceKind::kConfigRead);
        return count;
      }
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
    return 1;
  }

  /// How many records from `index` on are the same access.
  [[nodiscard]] std::size_t run_length(std::size_t index) const {
    const TraceRecord& first = records_[index];
    const auto other = [&](const TraceRecord& record) {
      return record.kind != first.kind || record.where != first.where || record.size != first.size;
    };
    const auto rest = records_.subspan(index);
    return static_cast<std::size_t>(std::find_if(rest.begin(), rest.end(), other) - rest.begin());
  }

  /// Reads until the answer is the one of the record, or patience ends.
  void poll(std::size_t index, bool config) {
    constexpr auto kPatience = std::chrono::milliseconds(100);
    constexpr auto kPause = std::chrono::microseconds(100);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::uint64_t value = read(index, config);
    while (value != records_[index].value && !config &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kPause);
      value = read(index, config);
    }
    ++result_.compared;
    if (value != records_[index].value) result_.differences.push_back({index, value});
  }

  std::uint64_t read(std::size_t index, bool config) {
    const auto [region, offset] = access_of(records_[index], config);
    std::uint64_t value = 0;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1));
    check(function_.read(region, offset, bytes.first(width(index))), index);
    return value;
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
