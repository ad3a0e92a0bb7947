// SPDX-License-Identifier: MIT
// The module platform-sim.so: every chip that is linked in, in process.

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chips/chip.hpp>
#include <ctime>
#include <memory>

#include "platform/platform.hpp"
#include "platform/sim/device.hpp"

namespace halyard::hal::sim {
namespace {

constexpr std::string_view kPrefix = "sim:";

/// Chips in process neither come nor go.
class Monitor final : public PlatformMonitor {
 public:
  Monitor() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw Error(HALYARD_SYSTEM, "no descriptor for the monitor");
  }
  ~Monitor() override { close(fd_); }

  [[nodiscard]] int fd() const override { return fd_; }
  std::optional<DeviceEvent> next(std::int64_t deadline_ns) override {
    const timespec deadline{deadline_ns / 1'000'000'000, deadline_ns % 1'000'000'000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
    }
    return std::nullopt;
  }

 private:
  int fd_;
};

class SimPlatform final : public Platform {
 public:
  [[nodiscard]] std::string_view name() const override { return "sim"; }

  std::vector<DeviceCandidate> enumerate() override {
    std::vector<DeviceCandidate> candidates;
    for (const auto& kind : emu::chip_kinds()) {
      const auto processor = kind.make_processor();
      const auto facts = chip_facts(kind, *processor);
      auto& candidate = candidates.emplace_back();
      candidate.path = facts.path;
      candidate.chip = facts.chip;
      candidate.name = facts.name;
      candidate.driver_version = facts.driver_version;
      candidate.chip_revision = facts.chip_revision;
      for (const auto& region : processor->info().regions)
        candidate.memory_size += region_size(region);
      candidate.usable = true;
    }
    return candidates;
  }

  std::unique_ptr<PlatformDevice> open(const std::string& path) override {
    std::string_view name = path;
    if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
    const auto* kind = emu::find_chip_kind(name);
    if (kind == nullptr) {
      throw Error(HALYARD_NO_DEVICE,
                  "no chip " + std::string(name) + " is built in; there is " + known());
    }
    return std::make_unique<SimDevice>(*kind);
  }

  std::vector<Diagnosis> diagnose() override {
    if (!emu::chip_kinds().empty()) return {};
    return {{"no-node", "this build has no emulated chip: its configuration enables none"}};
  }

  std::unique_ptr<PlatformMonitor> monitor() override { return std::make_unique<Monitor>(); }

 private:
  static std::string known() {
    std::string text;
    for (const auto& kind : emu::chip_kinds()) {
      if (!text.empty()) text += ", ";
      text += kind.name;
    }
    return text.empty() ? "none" : text;
  }
};

std::unique_ptr<Platform> create() {
  return std::make_unique<SimPlatform>();
}

}  // namespace
}  // namespace halyard::hal::sim

// External linkage needs the declaration: const is internal without it.
extern "C" __attribute__((visibility("default")))
const halyard::hal::PlatformDescriptor halyard_platform;

const halyard::hal::PlatformDescriptor halyard_platform = {halyard::hal::kPlatformAbi, "sim",
                                                           halyard::hal::sim::create};
