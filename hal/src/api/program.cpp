// SPDX-License-Identifier: MIT
// The C interface: programs.
#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "container.hpp"
#include "sized.hpp"

namespace halyard::hal {
namespace {

ChipIdentity identity(const Device& device) {
  return {device.facts().chip, device.facts().chip_revision};
}

}  // namespace
}  // namespace halyard::hal

using namespace halyard::hal;

halyard_status halyard_program_compile(halyard_device* device, const halyard_graph* graph,
                                       halyard_program** out) {
  return guard([&] {
    auto owner = share(device, "device");
    auto& result = require(out, "out");
    const auto& source = unwrap(graph, "graph").graph;
    if (source.outputs().empty()) throw Error(HALYARD_INVALID_ARGUMENT, "the graph has no output");
    auto data = owner->programs().compile(source);
    result = wrap<halyard_program>(make_ref<ProgramObject>(std::move(owner), std::move(data)));
  });
}

halyard_status halyard_program_save(const halyard_program* program, void* data, size_t* bytes) {
  return guard([&] {
    const auto& object = unwrap(program, "program");
    auto& size = require(bytes, "bytes");
    const auto code = object.data->code();
    const auto profiled = object.data->profiled_code();
    const std::span<std::byte> out{static_cast<std::byte*>(data), data != nullptr ? size : 0};
    size = write_container(identity(*object.device), {code->image(), code->constants()},
                           {profiled->image(), profiled->constants()}, out);
  });
}

halyard_status halyard_program_load(halyard_device* device, const void* data, size_t bytes,
                                    halyard_program** out) {
  return guard([&] {
    auto owner = share(device, "device");
    auto& result = require(out, "out");
    const auto* contents = static_cast<const std::byte*>(data);
    if (bytes > 0) require(contents, "data");
    auto loaded = read_container({contents, bytes}, identity(*owner));
    owner->plugin().check(loaded.plain);
    owner->plugin().check(loaded.profiled);
    auto program = make_ref<ProgramData>(owner->vm(), owner->plugin(), std::move(loaded.plain),
                                         std::move(loaded.profiled));
    result = wrap<halyard_program>(make_ref<ProgramObject>(std::move(owner), std::move(program)));
  });
}

halyard_status halyard_program_get_bindings(const halyard_program* program,
                                            halyard_binding_info* infos, size_t* count) {
  return guard([&] {
    std::vector<halyard_binding_info> all;
    for (const auto& slot : unwrap(program, "program").data->code()->image().bindings) {
      auto& info = all.emplace_back();
      copy_string(info.name, slot.name);
      info.desc = slot.desc;
      info.bytes = slot.bytes;
      info.is_output = slot.output ? 1 : 0;
    }
    write_list(infos, count, all, "halyard_binding_info");
  });
}

halyard_status halyard_program_get_info(const halyard_program* program,
                                        halyard_program_info* info) {
  return guard([&] {
    const auto& object = unwrap(program, "program");
    auto& result = require(info, "info");
    check_size(result.size, "halyard_program_info");
    const auto& code = *object.data->code();
    halyard_program_info value{};
    value.commands = static_cast<std::uint32_t>(code.image().command_names.size());
    value.constant_bytes = code.constants().size();
    value.scratch_bytes = code.image().scratch_bytes;
    write_sized(&result, value);
  });
}

const char* halyard_program_command_name(const halyard_program* program, uint32_t index) {
  const char* name = nullptr;
  guard([&] { name = unwrap(program, "program").data->code()->command_name(index); });
  return name;
}

HALYARD_DEFINE_REFERENCES(halyard_program);
