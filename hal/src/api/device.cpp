// SPDX-License-Identifier: MIT
// The C interface: devices.
#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "discovery.hpp"
#include "sized.hpp"

using namespace halyard::hal;

halyard_status halyard_device_open(const char* path, halyard_device** out) {
  return guard([&] {
    auto& result = require(out, "out");
    result = wrap<halyard_device>(open_device(path != nullptr ? path : ""));
  });
}

halyard_device* halyard_device_retain(halyard_device* device) {
  return retain(device);
}
void halyard_device_release(halyard_device* device) {
  release(device);
}

halyard_status halyard_device_get_info(halyard_device* device, halyard_device_info* info) {
  return guard([&] {
    const auto& object = unwrap(device, "device");
    auto& result = require(info, "info");
    check_size(result.size, "halyard_device_info");
    const auto& facts = object.facts();
    const auto memory = object.os().memory_use();
    halyard_device_info value{};
    copy_string(value.path, facts.path);
    copy_string(value.chip, facts.chip);
    copy_string(value.name, facts.name);
    copy_string(value.platform, object.platform_name());
    copy_string(value.bus, facts.bus);
    copy_string(value.driver_version, facts.driver_version);
    copy_string(value.firmware, facts.firmware);
    value.chip_revision = facts.chip_revision;
    value.memory_size = memory.size;
    value.memory_used = memory.used;
    value.usable = 1;
    write_sized(&result, value);
  });
}

halyard_status halyard_device_get_engines(halyard_device* device, halyard_engine_info* infos,
                                          size_t* count) {
  return guard([&] {
    std::vector<halyard_engine_info> all;
    for (const auto& engine : unwrap(device, "device").facts().engines) {
      auto& info = all.emplace_back();
      copy_string(info.name, engine.name);
      info.engine_class = engine.engine_class;
      info.count = engine.count;
    }
    write_list(infos, count, all, "halyard_engine_info");
  });
}

halyard_status halyard_device_get_time(halyard_device* device, uint64_t* device_ns,
                                       uint64_t* host_ns) {
  return guard([&] {
    auto& device_time = require(device_ns, "device_ns");
    auto& host_time = require(host_ns, "host_ns");
    const auto time = unwrap(device, "device").os().time();
    device_time = time.device_ns;
    host_time = time.host_ns;
  });
}

halyard_status halyard_device_get_jobs(halyard_device* device, uint64_t* completed,
                                       uint64_t* failed) {
  return guard([&] {
    auto& completed_jobs = require(completed, "completed");
    auto& failed_jobs = require(failed, "failed");
    const auto counts = unwrap(device, "device").jobs();
    completed_jobs = counts.completed;
    failed_jobs = counts.failed;
  });
}
