// SPDX-License-Identifier: MIT
// The C interface: timelines and waiting.
#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "api/points.hpp"

using namespace halyard::hal;

namespace {

void check_value(std::uint64_t value) {
  if (value == 0) throw Error(HALYARD_INVALID_ARGUMENT, "value is 0: points begin at 1");
}

}  // namespace

halyard_status halyard_timeline_create(halyard_device* device, halyard_timeline** out) {
  return guard([&] {
    auto& result = require(out, "out");
    result = wrap<halyard_timeline>(Timeline::create(share(device, "device")));
  });
}

HALYARD_DEFINE_REFERENCES(halyard_timeline);

halyard_status halyard_timeline_signal(halyard_timeline* timeline, uint64_t value) {
  return guard([&] {
    auto& object = unwrap(timeline, "timeline");
    check_value(value);
    object.signal(value);
  });
}

halyard_status halyard_timeline_query(halyard_timeline* timeline, uint64_t* value) {
  return guard([&] {
    auto& result = require(value, "value");
    result = unwrap(timeline, "timeline").query();
  });
}

halyard_status halyard_wait(const halyard_point* points, size_t count, int64_t deadline) {
  return guard([&] {
    const auto list = read_points(points, count, "points");
    if (count > 0) wait(list.span(), true, deadline);
  });
}

halyard_status halyard_wait_any(const halyard_point* points, size_t count, int64_t deadline,
                                size_t* index) {
  return guard([&] {
    auto& result = require(index, "index");
    if (count == 0) throw Error(HALYARD_INVALID_ARGUMENT, "count is 0: nothing can be reached");
    const auto list = read_points(points, count, "points");
    result = wait(list.span(), false, deadline);
  });
}

halyard_status halyard_timeline_notify(halyard_timeline* timeline, uint64_t value, int eventfd) {
  return guard([&] {
    auto& object = unwrap(timeline, "timeline");
    check_value(value);
    object.notify(value, eventfd);
  });
}

halyard_status halyard_timeline_export(halyard_timeline* timeline, int* fd) {
  return guard([&] {
    auto& result = require(fd, "fd");
    result = unwrap(timeline, "timeline").export_fd();
  });
}

halyard_status halyard_timeline_import(halyard_device* device, int fd, halyard_timeline** out) {
  return guard([&] {
    auto& result = require(out, "out");
    result = wrap<halyard_timeline>(Timeline::import(share(device, "device"), fd));
  });
}
