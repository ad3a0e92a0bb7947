// SPDX-License-Identifier: MIT
// The C interface: command lists.
#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "api/params.hpp"
#include "sized.hpp"

namespace halyard::hal {
namespace {

/// The first one's size is the distance between them.
std::vector<halyard_view> read_views(const halyard_view* views, std::size_t count) {
  std::vector<halyard_view> result;
  if (count == 0) return result;
  const auto stride = require(views, "views").size;
  check_size(stride, "halyard_view");
  if (stride % alignof(halyard_view) != 0) {
    throw Error(HALYARD_INVALID_ARGUMENT,
                "halyard_view: size is not a multiple of " + std::to_string(alignof(halyard_view)));
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(views);
  for (std::size_t i = 0; i < count; ++i)
    result.push_back(
        read_sized(reinterpret_cast<const halyard_view*>(bytes + i * stride), "halyard_view"));
  return result;
}

bool read_access(std::uint32_t access) {
  if (access != HALYARD_ACCESS_READ && access != HALYARD_ACCESS_READ_WRITE) {
    throw Error(HALYARD_INVALID_ARGUMENT, "there is no access " + std::to_string(access));
  }
  return access == HALYARD_ACCESS_READ_WRITE;
}

}  // namespace
}  // namespace halyard::hal

using namespace halyard::hal;

halyard_status halyard_command_list_create(halyard_command_list** out) {
  return guard([&] {
    auto& result = require(out, "out");
    result = wrap<halyard_command_list>(make_ref<CommandListObject>());
  });
}

HALYARD_DEFINE_REFERENCES(halyard_command_list);

halyard_status halyard_command_list_bind(halyard_command_list* list, const char* name,
                                         uint64_t bytes, uint32_t access, uint32_t* index) {
  return guard([&] {
    auto& result = require(index, "index");
    auto& object = unwrap(list, "list").list;
    result = object.bind(&require(name, "name"), bytes, read_access(access));
  });
}

halyard_status halyard_command_list_constant(halyard_command_list* list, const void* data,
                                             size_t bytes, uint32_t* index) {
  return guard([&] {
    auto& result = require(index, "index");
    const auto* contents = static_cast<const std::byte*>(data);
    if (bytes > 0) require(contents, "data");
    result = unwrap(list, "list").list.add_constant({contents, bytes});
  });
}

halyard_status halyard_command_list_scratch(halyard_command_list* list, uint64_t bytes,
                                            uint32_t* index) {
  return guard([&] {
    auto& result = require(index, "index");
    result = unwrap(list, "list").list.add_scratch(bytes);
  });
}

halyard_status halyard_command_list_add(halyard_command_list* list, halyard_op op,
                                        const halyard_view* views, size_t count, const void* params,
                                        const char* name) {
  return guard([&] {
    auto& object = unwrap(list, "list").list;
    object.add(op, read_views(views, count), read_params(op, params), name != nullptr ? name : "");
  });
}

halyard_status halyard_device_supports(halyard_device* device, halyard_op op,
                                       const halyard_view* views, size_t count,
                                       const void* params) {
  return guard([&] {
    const auto& object = unwrap(device, "device");
    ListCommand command{op, read_views(views, count), read_params(op, params), {}};
    check_command(op, command.views, command.params);
    if (const auto reason = object.plugin().why_not(command); !reason.empty()) {
      throw Error(HALYARD_UNSUPPORTED, std::string(to_string(op)) + ": " + reason);
    }
  });
}

halyard_status halyard_program_record(halyard_device* device, const halyard_command_list* list,
                                      halyard_program** out) {
  return guard([&] {
    auto owner = share(device, "device");
    auto& result = require(out, "out");
    const auto& source = unwrap(list, "list").list;
    if (source.commands().empty()) {
      throw Error(HALYARD_INVALID_ARGUMENT, "the list has no command");
    }
    auto data = make_ref<ProgramData>(owner->vm(), owner->plugin(), source);
    result = wrap<halyard_program>(make_ref<ProgramObject>(std::move(owner), std::move(data)));
  });
}
