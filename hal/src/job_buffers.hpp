// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The buffers of a job under construction, and with them the addresses of what it uses.

#include <cstdint>
#include <span>
#include <vector>

#include "memory.hpp"
#include "platform/platform.hpp"
#include "plugin.hpp"

namespace halyard::hal {

/// On a chip with MMU memory has its address, and the list is of buffers that others know, too.
/// Without, the list is of all buffers, and addresses follow from it. Keeps its storage from job to
/// job. Not synchronised.
class JobBuffers {
 public:
  explicit JobBuffers(const DeviceFacts& facts) : facts_(facts) {}

  void clear() { uses_.clear(); }

  /// The job uses a part of `memory`. Throws Error(HALYARD_LIMIT) when it has too many buffers.
  DeviceRange add(const Memory& memory, std::uint64_t offset, std::uint64_t size, bool write) {
    if (facts_.has_mmu) {
      if (memory.shared()) static_cast<void>(slot_of(memory, write));
      return {memory.va() + offset, size};
    }
    const std::uint64_t slot = slot_of(memory, write);
    return {slot << kSlotShift | offset, size};
  }

  [[nodiscard]] std::span<const BufferUse> uses() const { return uses_; }

 private:
  /// Each buffer once; a write to any part of it is one to the buffer.
  std::size_t slot_of(const Memory& memory, bool write);

  const DeviceFacts& facts_;
  std::vector<BufferUse> uses_;
};

}  // namespace halyard::hal
