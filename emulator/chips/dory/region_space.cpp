// SPDX-License-Identifier: MIT
#include "chips/dory/region_space.hpp"

#include <string>

#include "chips/common/registers.hpp"

namespace halyard::emu::dory {

namespace {

constexpr std::uint64_t kOffset = (std::uint64_t{1} << kSlotShift) - 1;

}  // namespace

void RegionSpace::load(const std::array<Region, DORY_NUM_REGIONS>& regions, const Region& stream) {
  regions_ = regions;
  stream_ = stream;
}

const Region& RegionSpace::region_of(std::uint64_t address) const {
  const std::uint64_t number = address >> kSlotShift;
  return number == kStream ? stream_ : regions_.at(number);
}

std::uint32_t RegionSpace::bus_address(std::uint64_t address) const {
  return low(region_of(address).base + (address & kOffset));
}

std::span<std::byte> RegionSpace::translate(std::uint64_t address, std::size_t size, Access access,
                                            Fault& fault) {
  const Region& region = region_of(address);
  const std::uint64_t offset = address & kOffset;
  const auto refuse = [&](FaultCause cause, const char* reason) -> std::span<std::byte> {
    fault.cause = cause;
    fault.address = address;
    fault.access = access;
    fault.text = std::to_string(size) + " bytes at " + hex(offset) + " of region " +
                 std::to_string(address >> kSlotShift) + reason;
    return {};
  };
  if (offset > region.limit || size > region.limit - offset)
    return refuse(FaultCause::kOutOfBounds, " are outside of it");
  if (access == Access::kWrite && !region.write)
    return refuse(FaultCause::kPermission, " are not to be written");
  const auto memory = host_->dma(region.base + offset, size, access);
  if (memory.empty()) {
    bus_errors_.report(region.base + offset, access == Access::kRead ? "read" : "write");
    return refuse(FaultCause::kUnmapped, " are not in memory");
  }
  (access == Access::kRead ? read_ : written_).fetch_add(memory.size(), std::memory_order_relaxed);
  return memory;
}

}  // namespace halyard::emu::dory
