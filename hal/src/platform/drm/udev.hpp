// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Which nodes and PCI devices there are, by libudev.

#include <memory>
#include <string>
#include <vector>

#include "platform/platform.hpp"

namespace halyard::hal::drm {

/// A node /dev/accel/accel*.
struct NodeEntry {
  std::string path;  ///< "/dev/accel/accel0"
  std::string bus;   ///< of the device behind it, or empty
};

/// In the order of their numbers, whatever the driver.
std::vector<NodeEntry> list_nodes();

/// Bus ids of cards of ours that no driver has.
std::vector<std::string> list_driverless_cards();

std::unique_ptr<PlatformMonitor> make_monitor();

}  // namespace halyard::hal::drm
