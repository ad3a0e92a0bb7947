// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Jobs of the DMA engines, as these tests need them.

#include <cstdint>

#include <drm/halyard_sloop.h>

#include "client.hpp"

namespace halyard::test {

using Job = JobOf<drm_halyard_sloop_payload>;

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

/// Regions of memory, as DEV_QUERY tells them.
inline constexpr std::uint32_t kCardMemory = 0;
inline constexpr std::uint32_t kHostMemory = 1;

/// Address of a byte in a job's buffer.
constexpr std::uint64_t at(std::uint64_t buffer, std::uint64_t offset = 0) {
  return buffer << DRM_HALYARD_SLOOP_SEGMENT_SHIFT | offset;
}

/// Repeats a pattern all over a buffer object.
Job fill(std::uint32_t queue, std::uint32_t handle, std::uint64_t size, std::uint32_t pattern);

/// Copies the first `size` bytes.
Job copy(std::uint32_t queue, std::uint32_t from, std::uint32_t to, std::uint64_t size);

/// A client with a queue of DMA jobs.
class Mover : public Client {
 public:
  Mover();
  [[nodiscard]] std::uint32_t queue() const { return queue_; }
  /// Runs a job that fills the object: 1, or the negative errno of its fence.
  [[nodiscard]] int fill_bo(std::uint32_t handle, std::uint64_t size, std::uint32_t pattern) const;

 private:
  std::uint32_t queue_ = 0;
};

/// What DEV_QUERY tells of a region.
drm_halyard_query_memory memory_region(const Client& client, std::uint32_t region);

/// Whether every word is this one.
bool holds(std::span<const std::uint32_t> words, std::uint32_t pattern);

}  // namespace halyard::test
