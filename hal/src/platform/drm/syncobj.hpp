// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Timeline syncobjs of the DRM core.

#include <cstdint>
#include <optional>
#include <span>

#include "platform/drm/node.hpp"
#include "platform/platform.hpp"
#include "small_vector.hpp"

namespace halyard::hal::drm {

/// Throws Error.
Handle syncobj_create(const Node& node);
void syncobj_destroy(const Node& node, Handle handle) noexcept;
void syncobj_signal(const Node& node, Handle handle, std::uint64_t value);
std::uint64_t syncobj_query(const Node& node, Handle handle);
int syncobj_export(const Node& node, Handle handle);
Handle syncobj_import(const Node& node, int fd);
void syncobj_eventfd(const Node& node, Handle handle, std::uint64_t value, int eventfd);

/// What a wait waits for.
enum class Until : std::uint8_t {
  kReached,    ///< the point's fence is signalled
  kAvailable,  ///< the point has a fence
};

/// False at the deadline. `index`, with any, tells which point it was; may be null.
bool syncobj_wait(const Node& node, std::span<const SyncPoint> points, bool all, Until until,
                  std::int64_t deadline_ns, std::size_t* index);

/// Error number that the fence of a reached point carries, 0 when none.
int syncobj_error(const Node& node, const SyncPoint& point);

}  // namespace halyard::hal::drm
