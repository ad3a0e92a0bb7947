// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "platform/platform.hpp"

namespace halyard::hal {

/// Devices behind the kernel driver: /dev/accel/accel*.
std::shared_ptr<Platform> make_drm_platform();

}  // namespace halyard::hal
