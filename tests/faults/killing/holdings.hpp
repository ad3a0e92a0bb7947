// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the kernel holds for clients: objects of the device, files, memory.

#include <cstdint>
#include <string>

namespace halyard::faults {

struct Holdings {
  /// debugfs of the device: buffer objects, address spaces, limits, bytes of each region, and the
  /// rows of queues. Without clients it says that there is nothing, in the same words each time.
  std::string objects;
  std::uint64_t dmabufs = 0;
  std::uint64_t files = 0;     ///< open in the whole system
  std::uint64_t slab_kib = 0;  ///< that cannot be reclaimed
  std::uint64_t resets = 0;    ///< of device and function since it was probed

  /// Of the first device.
  static Holdings now();
};

}  // namespace halyard::faults
