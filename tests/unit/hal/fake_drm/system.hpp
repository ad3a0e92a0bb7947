// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A machine as libudev and libdrm would show it: this program defines the few functions of theirs
/// that discovery calls, so that any state of a machine can be tried.

#include <drm/halyard_accel.h>

#include <string>
#include <vector>

namespace halyard::test {

/// A device node of the subsystem "accel", and what its driver says.
struct FakeNode {
  std::string path = "/dev/null";  ///< is really opened
  std::string driver = "halyard";
  int version_major = DRM_HALYARD_VERSION_MAJOR, version_minor = DRM_HALYARD_VERSION_MINOR;
  std::string chip = "fake";
  std::string firmware_error = {};
};

/// A function on the PCI bus.
struct FakeCard {
  std::string bus = "0000:00:05.0";
  std::string vendor = "0x1234", device_class = "0x120000";
  bool has_driver = false;
};

struct FakeMachine {
  std::vector<FakeNode> nodes;
  std::vector<FakeCard> cards;
};

/// The machine that discovery sees.
FakeMachine& machine();

}  // namespace halyard::test
