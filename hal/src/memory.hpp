// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Memory of a device: a platform's buffer, on a chip with MMU at a device address.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "platform/platform.hpp"
#include "plugin.hpp"
#include "ref.hpp"
#include "va_allocator.hpp"

namespace halyard::hal {

/// A device's address space. Outlives every Memory in it.
class Vm {
 public:
  explicit Vm(PlatformDevice& os);

  [[nodiscard]] PlatformDevice& os() const { return os_; }
  [[nodiscard]] std::uint64_t page_size() const { return os_.facts().page_size; }
  /// `bytes` in whole pages. Throws Error(HALYARD_OUT_OF_MEMORY) when 64 bits do not suffice.
  [[nodiscard]] std::uint64_t round_up(std::uint64_t bytes) const;

 private:
  friend class Memory;
  /// Index of the region of host memory. Throws Error(HALYARD_UNSUPPORTED) when there is none.
  [[nodiscard]] std::size_t host_region() const;

  PlatformDevice& os_;
  std::optional<VaAllocator> addresses_;  ///< of a chip with MMU
};

/// What the device may do with memory.
enum class DeviceAccess : std::uint8_t { kReadWrite, kReadOnly };

/// Where memory is.
enum class MemoryPlace : std::uint8_t {
  kJobs,  ///< where jobs work
  kHost,  ///< the host's own memory
};

/// A buffer, bound as long as it lives. Has no reference to its device: whoever holds one holds the
/// other, too. Thread-safe.
class Memory final : public Object {
 public:
  static Ref<Memory> create(Vm& vm, std::uint64_t bytes,
                            DeviceAccess access = DeviceAccess::kReadWrite,
                            MemoryPlace place = MemoryPlace::kJobs);
  /// Works on the caller's pages in place.
  static Ref<Memory> wrap(Vm& vm, std::span<std::byte> memory, DeviceAccess access);
  static Ref<Memory> import(Vm& vm, int dmabuf_fd);
  ~Memory() override;

  /// Whether it belongs to this address space, hence to this device.
  [[nodiscard]] bool is_in(const Vm& vm) const { return &vm == &vm_; }
  [[nodiscard]] Handle handle() const { return buffer_.handle; }
  [[nodiscard]] std::uint64_t size() const { return buffer_.size; }
  /// Its device address; 0 on a chip without MMU, where each job has addresses of its own.
  [[nodiscard]] std::uint64_t va() const { return va_; }
  [[nodiscard]] DeviceAccess access() const { return access_; }
  /// It is in the region that jobs work in.
  [[nodiscard]] bool in_job_region() const { return buffer_.region == 0; }
  [[nodiscard]] const DeviceFacts::Region& region() const {
    return vm_.os_.facts().regions[buffer_.region];
  }
  /// The host's view; stays as long as this object. Throws Error when there is none.
  std::span<std::byte> map();
  /// A new dma-buf descriptor.
  int export_fd();
  /// Others know this buffer: jobs on it take part in implicit synchronisation.
  [[nodiscard]] bool shared() const { return shared_.load(std::memory_order_relaxed); }

 private:
  Memory(Vm& vm, PlatformDevice::Buffer buffer, DeviceAccess access);
  static Ref<Memory> bind(Vm& vm, PlatformDevice::Buffer buffer, DeviceAccess access);

  Vm& vm_;
  PlatformDevice::Buffer buffer_;
  DeviceAccess access_;
  std::uint64_t va_ = 0;
  std::atomic<bool> shared_{false};
  std::mutex map_mutex_;
  std::optional<std::span<std::byte>> mapping_;  ///< protected by map_mutex_
};

}  // namespace halyard::hal
