// SPDX-License-Identifier: MIT
#include "platform/drm/drm_platform.hpp"

#include <string>
#include <utility>

#include "platform/drm/drm_device.hpp"
#include "platform/drm/udev.hpp"

namespace halyard::hal::drm {
namespace {

std::string code_of(halyard_status status) {
  switch (status) {
    case HALYARD_NO_PERMISSION:
      return "no-permission";
    case HALYARD_VERSION_MISMATCH:
      return "driver-too-old";
    default:
      return "no-node";
  }
}

void read_candidate(const Node& node, DeviceCandidate& candidate) {
  const auto facts = read_facts(node, candidate.bus);
  candidate.chip = facts.chip;
  candidate.name = facts.name;
  candidate.driver_version = facts.driver_version;
  candidate.firmware = facts.firmware;
  candidate.chip_revision = facts.chip_revision;
  for (const auto& region : read_memory_use(node)) {
    candidate.memory_size += region.size;
    candidate.memory_used += region.used;
  }
  candidate.problem = read_firmware_error(node);
  candidate.usable = candidate.problem.empty();
  if (!candidate.usable) candidate.status = HALYARD_DEVICE_LOST;
}

class DrmPlatform final : public Platform {
 public:
  [[nodiscard]] std::string_view name() const override { return "drm"; }

  std::vector<DeviceCandidate> enumerate() override {
    std::vector<DeviceCandidate> candidates;
    for (const auto& entry : list_nodes()) {
      DeviceCandidate candidate;
      candidate.path = entry.path;
      candidate.bus = entry.bus;
      try {
        read_candidate(Node(entry.path), candidate);
      } catch (const Error& error) {
        // A node of another driver is none of our business.
        if (error.status() == HALYARD_NO_DEVICE) continue;
        candidate.status = error.status();
        candidate.problem = error.what();
      }
      candidates.push_back(std::move(candidate));
    }
    return candidates;
  }

  std::unique_ptr<PlatformDevice> open(const std::string& path) override {
    std::string bus;
    for (const auto& entry : list_nodes()) {
      if (entry.path == path) bus = entry.bus;
    }
    return std::make_unique<DrmDevice>(path, bus);
  }

  std::vector<Diagnosis> diagnose() override {
    std::vector<Diagnosis> causes;
    for (const auto& candidate : enumerate()) {
      if (candidate.usable) return {};
      const bool firmware = candidate.status == HALYARD_DEVICE_LOST && !candidate.chip.empty();
      causes.push_back(
          {firmware ? "firmware" : code_of(candidate.status),
           firmware ? "The firmware of " + candidate.path + " does not run: " + candidate.problem
                    : candidate.problem});
    }
    for (const auto& card : list_driverless_cards()) {
      causes.push_back(
          {"module-not-loaded",
           "the card " + card +
               " has no driver: load the chip's kernel module (modprobe by its alias)"});
    }
    if (causes.empty()) {
      causes.push_back({"no-node",
                        "there is neither a device node of ours in /dev/accel nor a card on the "
                        "PCI bus that would want one"});
    }
    return causes;
  }

  std::unique_ptr<PlatformMonitor> monitor() override { return make_monitor(); }
};

}  // namespace
}  // namespace halyard::hal::drm

namespace halyard::hal {

std::shared_ptr<Platform> make_drm_platform() {
  return std::make_shared<drm::DrmPlatform>();
}

}  // namespace halyard::hal
