// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Host memory that stands for the device's buffers.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "platform/platform.hpp"
#include "platform/sim/handle_table.hpp"

namespace halyard::hal::sim {

/// A buffer's memory, and the file behind it where there is one.
class HostMemory {
 public:
  /// Zeroed. Behind it is a memfd, so that it can be exported, as long as the process has
  /// descriptors to spare.
  static std::unique_ptr<HostMemory> create(std::uint64_t size);
  /// The caller's own.
  static std::unique_ptr<HostMemory> wrap(std::span<std::byte> memory);
  /// Of a memfd or a dma-buf that can be mapped; the descriptor stays the caller's.
  static std::unique_ptr<HostMemory> import(int fd);
  ~HostMemory();
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  /// A new descriptor: a dma-buf where the kernel can make one of a memfd (/dev/udmabuf), else the
  /// memfd.
  [[nodiscard]] int export_fd() const;

 private:
  enum class Origin : std::uint8_t { kOwn, kWrapped, kImported };
  HostMemory(std::span<std::byte> bytes, int fd, Origin origin)
      : bytes_(bytes), fd_(fd), origin_(origin) {}

  std::span<std::byte> bytes_;
  int fd_;  ///< -1: none
  Origin origin_;
};

/// The buffers of a device. Thread-safe.
class Buffers {
 public:
  PlatformDevice::Buffer add(std::unique_ptr<HostMemory> memory);
  void remove(Handle handle) noexcept;
  [[nodiscard]] std::span<std::byte> bytes(Handle handle);
  [[nodiscard]] int export_fd(Handle handle);
  /// Bytes in all buffers.
  [[nodiscard]] std::uint64_t used();

 private:
  std::mutex mutex_;
  HandleTable<std::unique_ptr<HostMemory>> table_{"buffer"};
  std::uint64_t used_ = 0;
};

}  // namespace halyard::hal::sim
