// SPDX-License-Identifier: MIT
#include "chips/common/bus_errors.hpp"

#include <algorithm>
#include <string>

#include "chips/common/registers.hpp"

namespace halyard::emu {

void BusErrors::note_unmapped(std::uint64_t address, std::uint64_t size) {
  const std::scoped_lock guard(mutex_);
  if (unmapped_.size() == kMaxUnmapped) unmapped_.erase(unmapped_.begin());
  unmapped_.push_back({address, size});
}

bool BusErrors::was_unmapped(std::uint64_t bus) {
  const std::scoped_lock guard(mutex_);
  return std::ranges::any_of(unmapped_, [&](const Range& range) {
    return bus >= range.address && bus - range.address < range.size;
  });
}

void BusErrors::report(std::uint64_t bus, const char* what) {
  if (excused_.load(std::memory_order_relaxed)) return;
  const std::string where = std::string(what) + " at bus address " + hex(bus);
  if (!host_->bus_master()) {
    judge_.report(rules_.bus_master_off, where + " with bus mastering off");
  } else if (was_unmapped(bus)) {
    judge_.report(rules_.after_unmap, where + ", which was unmapped");
  } else {
    judge_.report(rules_.unmapped, where + ", where no memory is mapped for it");
  }
}

}  // namespace halyard::emu
