// SPDX-License-Identifier: MIT
// The C interface: buffers.
#include <halyard/halyard.h>

#include "api/handles.hpp"

namespace halyard::hal {
namespace {

void check_flags(std::uint32_t flags, std::uint32_t known) {
  if ((flags & ~known) == 0) return;
  throw Error(HALYARD_INVALID_ARGUMENT,
              "flags " + std::to_string(flags) + " has a bit that is not known");
}

halyard_buffer* make_buffer(Ref<Device> device, Ref<Memory> memory) {
  return wrap<halyard_buffer>(make_ref<BufferObject>(std::move(device), std::move(memory)));
}

}  // namespace
}  // namespace halyard::hal

using namespace halyard::hal;

halyard_status halyard_buffer_create(halyard_device* device, uint64_t bytes, uint32_t flags,
                                     halyard_buffer** out) {
  return guard([&] {
    auto owner = share(device, "device");
    auto& result = require(out, "out");
    check_flags(flags, HALYARD_BUFFER_HOST);
    if (bytes == 0) throw Error(HALYARD_INVALID_ARGUMENT, "bytes is 0");
    const bool host = (flags & HALYARD_BUFFER_HOST) != 0;
    auto memory = Memory::create(owner->vm(), bytes, DeviceAccess::kReadWrite,
                                 host ? MemoryPlace::kHost : MemoryPlace::kJobs);
    result = make_buffer(std::move(owner), std::move(memory));
  });
}

halyard_status halyard_buffer_wrap(halyard_device* device, void* memory, uint64_t bytes,
                                   uint32_t flags, halyard_buffer** out) {
  return guard([&] {
    auto owner = share(device, "device");
    auto& result = require(out, "out");
    require(memory, "memory");
    check_flags(flags, HALYARD_BUFFER_READ_ONLY);
    const auto page = owner->vm().page_size();
    if (bytes == 0 || bytes % page != 0) {
      throw Error(HALYARD_INVALID_ARGUMENT, "bytes " + std::to_string(bytes) +
                                                " is not a positive multiple of the page size " +
                                                std::to_string(page));
    }
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    if (address % page != 0) {
      throw Error(HALYARD_INVALID_ARGUMENT, "memory does not begin at a page");
    }
    if (bytes > UINT64_MAX - address) {
      throw Error(HALYARD_INVALID_ARGUMENT, "memory reaches past the last address");
    }
    const bool read_only = (flags & HALYARD_BUFFER_READ_ONLY) != 0;
    auto wrapped = Memory::wrap(owner->vm(), {static_cast<std::byte*>(memory), bytes},
                                read_only ? DeviceAccess::kReadOnly : DeviceAccess::kReadWrite);
    result = make_buffer(std::move(owner), std::move(wrapped));
  });
}

halyard_status halyard_buffer_import(halyard_device* device, int dmabuf_fd, halyard_buffer** out) {
  return guard([&] {
    auto owner = share(device, "device");
    auto& result = require(out, "out");
    auto memory = Memory::import(owner->vm(), dmabuf_fd);
    result = make_buffer(std::move(owner), std::move(memory));
  });
}

halyard_status halyard_buffer_export(halyard_buffer* buffer, int* dmabuf_fd) {
  return guard([&] {
    auto& result = require(dmabuf_fd, "dmabuf_fd");
    result = unwrap(buffer, "buffer").memory->export_fd();
  });
}

void* halyard_buffer_map(halyard_buffer* buffer) {
  void* memory = nullptr;
  guard([&] { memory = unwrap(buffer, "buffer").memory->map().data(); });
  return memory;
}

uint64_t halyard_buffer_size(const halyard_buffer* buffer) {
  uint64_t size = 0;
  guard([&] { size = unwrap(buffer, "buffer").memory->size(); });
  return size;
}

HALYARD_DEFINE_REFERENCES(halyard_buffer);
