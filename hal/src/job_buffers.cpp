// SPDX-License-Identifier: MIT
#include "job_buffers.hpp"

#include <algorithm>
#include <string>

namespace halyard::hal {

std::size_t JobBuffers::slot_of(const Memory& memory, bool write) {
  const auto buffer = memory.handle();
  const auto it = std::find_if(uses_.begin(), uses_.end(),
                               [&](const BufferUse& use) { return use.buffer == buffer; });
  if (it != uses_.end()) {
    it->write |= write;
    it->shared |= memory.shared();
    return static_cast<std::size_t>(it - uses_.begin());
  }
  if (uses_.size() >= facts_.job_buffers_max) {
    throw Error(HALYARD_LIMIT, "a job of this device uses at most " +
                                   std::to_string(facts_.job_buffers_max) +
                                   " buffers, the library's own included: put several tensors into "
                                   "one buffer");
  }
  uses_.push_back({buffer, write, memory.shared()});
  return uses_.size() - 1;
}

}  // namespace halyard::hal
