// SPDX-License-Identifier: MIT
#include "jobs.hpp"

#include <algorithm>
#include <array>

namespace halyard::test {

Job fill(std::uint32_t queue, std::uint32_t handle, std::uint64_t size, std::uint32_t pattern) {
  Job job;
  job.queue = queue;
  job.payload.job = DRM_HALYARD_SLOOP_JOB_FILL;
  job.payload.target = at(0);
  job.payload.size = size;
  job.payload.pattern = pattern;
  job.uses(handle, DRM_HALYARD_BUFFER_WRITE);
  return job;
}

Job copy(std::uint32_t queue, std::uint32_t from, std::uint32_t to, std::uint64_t size) {
  Job job;
  job.queue = queue;
  job.payload.job = DRM_HALYARD_SLOOP_JOB_COPY;
  job.payload.source = at(0);
  job.payload.target = at(1);
  job.payload.size = size;
  job.uses(from, 0).uses(to, DRM_HALYARD_BUFFER_WRITE);
  return job;
}

Mover::Mover() : queue_(make_queue(DRM_HALYARD_SLOOP_ENGINE_DMA)) {}

int Mover::fill_bo(std::uint32_t handle, std::uint64_t size, std::uint32_t pattern) const {
  return run(fill(queue_, handle, size, pattern));
}

drm_halyard_query_memory memory_region(const Client& client, std::uint32_t region) {
  std::array<drm_halyard_query_memory, 2> regions{};
  drm_halyard_dev_query argument{.type = DRM_HALYARD_QUERY_MEMORY,
                                 .size = sizeof(regions),
                                 .pointer = reinterpret_cast<std::uint64_t>(regions.data())};
  require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  return regions.at(region);
}

bool holds(std::span<const std::uint32_t> words, std::uint32_t pattern) {
  return std::ranges::all_of(words, [pattern](std::uint32_t word) { return word == pattern; });
}

}  // namespace halyard::test
