// SPDX-License-Identifier: MIT
// The C interface: profiles.
#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "sized.hpp"

using namespace halyard::hal;

halyard_status halyard_profile_create(halyard_device* device, halyard_profile** out) {
  return guard([&] {
    auto& result = require(out, "out");
    result = wrap<halyard_profile>(make_ref<Profile>(share(device, "device")));
  });
}

halyard_status halyard_profile_get(halyard_profile* profile, halyard_profile_entry* entries,
                                   size_t* count) {
  return guard([&] {
    std::vector<halyard_profile_entry> all;
    for (const auto& entry : unwrap(profile, "profile").read()) {
      auto& value = all.emplace_back();
      value.command = entry.sample.command;
      value.begin_ns = entry.sample.begin_ns;
      value.end_ns = entry.sample.end_ns;
      copy_string(value.name, entry.name);
    }
    write_list(entries, count, all, "halyard_profile_entry");
  });
}

void halyard_profile_release(halyard_profile* profile) {
  release_handle(profile);
}
