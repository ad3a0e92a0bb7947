// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <string>

namespace halyard::hal {

Vm::Vm(PlatformDevice& os)
    : os_(os),
      addresses_(os.facts().va_start, os.facts().va_end, os.facts().page_size,
                 os.facts().large_page_size) {}

std::uint64_t Vm::round_up(std::uint64_t bytes) const {
  const auto page = page_size();
  if (bytes > UINT64_MAX - (page - 1)) {
    throw Error(HALYARD_OUT_OF_MEMORY,
                std::to_string(bytes) + " bytes are more than there are addresses");
  }
  return (bytes + page - 1) / page * page;
}

Memory::Memory(Vm& vm, PlatformDevice::Buffer buffer, DeviceAccess access)
    : vm_(vm), buffer_(buffer), access_(access), va_(vm.addresses_.allocate(buffer.size)) {
  if (!vm_.os_.facts().has_mmu) return;
  try {
    vm_.os_.bind({.buffer = buffer.handle,
                  .offset = 0,
                  .va = va_,
                  .size = buffer.size,
                  .read_only = access == DeviceAccess::kReadOnly});
  } catch (...) {
    vm_.addresses_.free(va_, buffer.size);
    throw;
  }
}

Memory::~Memory() {
  if (vm_.os_.facts().has_mmu) vm_.os_.unbind(va_, buffer_.size);
  vm_.os_.buffer_destroy(buffer_.handle);
  vm_.addresses_.free(va_, buffer_.size);
}

Ref<Memory> Memory::bind(Vm& vm, PlatformDevice::Buffer buffer, DeviceAccess access) {
  try {
    return Ref<Memory>::adopt(new Memory(vm, buffer, access));
  } catch (...) {
    vm.os_.buffer_destroy(buffer.handle);
    throw;
  }
}

Ref<Memory> Memory::create(Vm& vm, std::uint64_t bytes, DeviceAccess access) {
  return bind(vm, vm.os_.buffer_create(vm.round_up(bytes)), access);
}

Ref<Memory> Memory::wrap(Vm& vm, std::span<std::byte> memory, DeviceAccess access) {
  return bind(vm, vm.os_.buffer_wrap(memory, access == DeviceAccess::kReadOnly), access);
}

Ref<Memory> Memory::import(Vm& vm, int dmabuf_fd) {
  auto memory = bind(vm, vm.os_.buffer_import(dmabuf_fd), DeviceAccess::kReadWrite);
  memory->shared_.store(true, std::memory_order_relaxed);
  return memory;
}

std::span<std::byte> Memory::map() {
  const std::lock_guard lock(map_mutex_);
  if (!mapping_) mapping_ = vm_.os_.buffer_map(buffer_.handle);
  return *mapping_;
}

int Memory::export_fd() {
  const int fd = vm_.os_.buffer_export(buffer_.handle);
  shared_.store(true, std::memory_order_relaxed);
  return fd;
}

}  // namespace halyard::hal
