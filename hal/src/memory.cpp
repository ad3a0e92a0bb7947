// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <algorithm>
#include <string>

namespace halyard::hal {

Vm::Vm(PlatformDevice& os) : os_(os) {
  const auto& facts = os.facts();
  if (!facts.has_mmu) return;
  addresses_.emplace(facts.va_start, facts.va_end, facts.page_size, facts.large_page_size);
}

std::size_t Vm::host_region() const {
  const auto& regions = os_.facts().regions;
  const auto it = std::find_if(regions.begin(), regions.end(),
                               [](const DeviceFacts::Region& region) { return region.host; });
  if (it == regions.end()) throw Error(HALYARD_UNSUPPORTED, "the device has no host memory");
  return static_cast<std::size_t>(it - regions.begin());
}

std::uint64_t Vm::round_up(std::uint64_t bytes) const {
  const auto page = page_size();
  if (bytes > UINT64_MAX - (page - 1)) {
    throw Error(HALYARD_OUT_OF_MEMORY,
                std::to_string(bytes) + " bytes are more than there are addresses");
  }
  return (bytes + page - 1) / page * page;
}

Memory::Memory(Vm& vm, PlatformDevice::Buffer buffer, DeviceAccess access)
    : vm_(vm), buffer_(buffer), access_(access) {
  if (!vm_.addresses_) return;
  va_ = vm_.addresses_->allocate(buffer.size);
  try {
    vm_.os_.bind({.buffer = buffer.handle,
                  .offset = 0,
                  .va = va_,
                  .size = buffer.size,
                  .read_only = access == DeviceAccess::kReadOnly});
  } catch (...) {
    vm_.addresses_->free(va_, buffer.size);
    throw;
  }
}

Memory::~Memory() {
  if (vm_.addresses_) vm_.os_.unbind(va_, buffer_.size);
  vm_.os_.buffer_destroy(buffer_.handle);
  if (vm_.addresses_) vm_.addresses_->free(va_, buffer_.size);
}

Ref<Memory> Memory::bind(Vm& vm, PlatformDevice::Buffer buffer, DeviceAccess access) {
  try {
    return Ref<Memory>::adopt(new Memory(vm, buffer, access));
  } catch (...) {
    vm.os_.buffer_destroy(buffer.handle);
    throw;
  }
}

Ref<Memory> Memory::create(Vm& vm, std::uint64_t bytes, DeviceAccess access, MemoryPlace place) {
  const auto region = place == MemoryPlace::kHost ? vm.host_region() : 0;
  return bind(vm, vm.os_.buffer_create(vm.round_up(bytes), region), access);
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
