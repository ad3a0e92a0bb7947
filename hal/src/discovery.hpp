// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Which devices there are, opening one, and why none is usable.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device.hpp"
#include "platform/platform.hpp"
#include "ref.hpp"

namespace halyard::hal {

/// The platform of that name, made once. Throws Error(HALYARD_UNSUPPORTED) when this build has
/// none.
std::shared_ptr<Platform> find_platform(std::string_view name);

/// By HALYARD_PLATFORM; without it drm. Throws Error(HALYARD_INVALID_ARGUMENT) when it names none.
std::shared_ptr<Platform> default_platform();

/// A device, and the platform that it is on.
struct Found {
  std::shared_ptr<Platform> platform;
  DeviceCandidate candidate;
};

/// The devices of the default platform. One without plug-in is not usable.
std::vector<Found> enumerate();

/// By path, "sim:<chip>" or kind of chip; empty: the first usable one.
Ref<Device> open_device(const std::string& path);

/// Why no device is usable, one entry per cause; empty when one is.
std::vector<Diagnosis> diagnose();

}  // namespace halyard::hal
