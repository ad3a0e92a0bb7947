// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The address space of one job on a chip without MMU.

#include <chips/chip.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "platform/sim/buffers.hpp"

namespace halyard::hal::sim {

/// The job's buffers, each at its slot; immutable, so that nobody waits for a pin. Keeps the
/// buffers.
class JobSpace final : public emu::AddressSpace {
 public:
  struct Slot {
    std::shared_ptr<const HostMemory> memory;
    bool write = false;  ///< else the job may only read
  };
  explicit JobSpace(std::vector<Slot> slots) : slots_(std::move(slots)) {}

  std::span<std::byte> translate(std::uint64_t address, std::size_t size, emu::Access access,
                                 emu::Fault& fault) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override { return {}; }

 private:
  const std::vector<Slot> slots_;
};

}  // namespace halyard::hal::sim
