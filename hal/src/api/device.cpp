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

HALYARD_DEFINE_REFERENCES(halyard_device);

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
    for (const auto& region : memory) {
      value.memory_size += region.size;
      value.memory_used += region.used;
    }
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

halyard_status halyard_device_get_memory(halyard_device* device, halyard_memory_info* infos,
                                         size_t* count) {
  return guard([&] {
    const auto& object = unwrap(device, "device");
    const auto use = object.os().memory_use();
    const auto& regions = object.facts().regions;
    std::vector<halyard_memory_info> all;
    for (std::size_t i = 0; i < regions.size() && i < use.size(); ++i) {
      auto& info = all.emplace_back();
      copy_string(info.name, regions[i].name);
      info.is_host = regions[i].host ? 1 : 0;
      info.mappable = regions[i].mappable ? 1 : 0;
      info.bytes = use[i].size;
      info.used = use[i].used;
    }
    write_list(infos, count, all, "halyard_memory_info");
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
