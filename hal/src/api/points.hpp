// SPDX-License-Identifier: MIT
#pragma once

#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "small_vector.hpp"

namespace halyard::hal {

using Points = SmallVector<Point, 8>;

/// Throws Error(HALYARD_INVALID_ARGUMENT) that names the point that is not one.
inline Points read_points(const halyard_point* points, std::size_t count, const char* what) {
  Points result;
  if (count > 0) require(points, what);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& point = points[i];
    if (point.timeline == nullptr || point.value == 0) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  std::string(what) + "[" + std::to_string(i) + "] " +
                      (point.timeline == nullptr ? "has no timeline" : "has value 0"));
    }
    result.push_back({&unwrap(point.timeline, what), point.value});
  }
  return result;
}

}  // namespace halyard::hal
