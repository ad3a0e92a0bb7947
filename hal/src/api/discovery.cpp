// SPDX-License-Identifier: MIT
// The C interface: discovery, diagnosis, hotplug.
#include "discovery.hpp"

#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "sized.hpp"

namespace halyard::hal {
namespace {

halyard_device_info describe(const Found& found) {
  const auto& candidate = found.candidate;
  halyard_device_info info{};
  copy_string(info.path, candidate.path);
  copy_string(info.chip, candidate.chip);
  copy_string(info.name, candidate.name);
  copy_string(info.platform, found.platform->name());
  copy_string(info.bus, candidate.bus);
  copy_string(info.driver_version, candidate.driver_version);
  copy_string(info.firmware, candidate.firmware);
  info.chip_revision = candidate.chip_revision;
  info.memory_size = candidate.memory_size;
  info.memory_used = candidate.memory_used;
  info.usable = candidate.usable ? 1 : 0;
  copy_string(info.problem, candidate.problem);
  return info;
}

}  // namespace
}  // namespace halyard::hal

using namespace halyard::hal;

struct halyard_monitor {
  std::unique_ptr<PlatformMonitor> events;
};

halyard_status halyard_enumerate(halyard_device_info* infos, size_t* count) {
  return guard([&] {
    std::vector<halyard_device_info> all;
    for (const auto& found : enumerate())
      all.push_back(describe(found));
    write_list(infos, count, all, "halyard_device_info");
  });
}

size_t halyard_diagnose(halyard_diagnose_fn report, void* user) {
  size_t count = 0;
  guard([&] {
    const auto causes = diagnose();
    count = causes.size();
    if (report == nullptr) return;
    for (const auto& cause : causes)
      report(cause.code.c_str(), cause.sentence.c_str(), user);
  });
  return count;
}

halyard_status halyard_monitor_create(halyard_monitor** out) {
  return guard([&] {
    auto& result = require(out, "out");
    auto monitor = std::make_unique<halyard_monitor>();
    monitor->events = default_platform()->monitor();
    result = monitor.release();
  });
}

int halyard_monitor_fd(halyard_monitor* monitor) {
  return monitor != nullptr ? monitor->events->fd() : -1;
}

halyard_status halyard_monitor_next(halyard_monitor* monitor, int64_t deadline,
                                    halyard_monitor_event* event) {
  return guard([&] {
    auto& result = require(event, "event");
    check_size(result.size, "halyard_monitor_event");
    const auto next = require(monitor, "monitor").events->next(deadline);
    if (!next) throw Error(HALYARD_TIMEOUT, "no device came or went before the deadline");
    halyard_monitor_event value{};
    value.added = next->added ? 1 : 0;
    copy_string(value.path, next->path);
    write_sized(&result, value);
  });
}

void halyard_monitor_release(halyard_monitor* monitor) {
  const std::unique_ptr<halyard_monitor> owned(monitor);
}
