// SPDX-License-Identifier: MIT
#include "computer.hpp"

#include <cstring>

namespace halyard::test {

Computer::Computer(std::uint32_t priority)
    : queue(client.make_queue(DRM_HALYARD_SLOOP_ENGINE_COMPUTE, priority)),
      memory_(client.make_buffer(kBytes)) {}

Job Computer::job(const std::vector<Task>& tasks) {
  return job_on(memory_.handle, kBytes, tasks);
}

Job Computer::job_on(std::uint32_t handle, std::uint64_t size, const std::vector<Task>& tasks) {
  const std::size_t bytes = tasks.size() * sizeof(Task);
  streams_.push_back(client.make_buffer(bytes + sizeof(drm_halyard_sloop_binding)));
  std::memcpy(streams_.back().map.bytes().data(), tasks.data(), bytes);
  bindings_ = bytes;
  set_binding({.address = at(1), .size = size});
  Job job;
  job.queue = queue;
  job.payload = emu::test::compute_payload(at(0), tasks.size(), at(0, bytes), 1);
  job.uses(streams_.back().handle, 0).uses(handle, DRM_HALYARD_BUFFER_WRITE);
  return job;
}

void Computer::set_binding(const drm_halyard_sloop_binding& binding) {
  std::memcpy(streams_.back().map.bytes().data() + bindings_, &binding, sizeof(binding));
}

}  // namespace halyard::test
