// SPDX-License-Identifier: MIT
#include "platform/sim/job_space.hpp"

#include <algorithm>

namespace halyard::hal::sim {

std::span<std::byte> JobSpace::translate(std::uint64_t address, std::size_t size,
                                         emu::Access access, emu::Fault& fault) {
  const auto slot = address >> emu::kSlotShift;
  const auto offset = address & ((std::uint64_t{1} << emu::kSlotShift) - 1);
  const bool known = slot < slots_.size() && offset < slots_[slot].memory->bytes().size();
  if (!known || (access == emu::Access::kWrite && !slots_[slot].write)) {
    fault.cause = known ? emu::FaultCause::kPermission : emu::FaultCause::kUnmapped;
    fault.address = address;
    fault.access = access;
    return {};
  }
  const auto memory = slots_[slot].memory->bytes().subspan(offset);
  return memory.first(std::min(size, memory.size()));
}

}  // namespace halyard::hal::sim
