// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Host memory that stands for the device's buffers.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

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
  /// `chip` names the kind of chip: opened twice it is the same card to its buffers.
  Buffers(std::string chip, std::size_t regions) : chip_(std::move(chip)), used_(regions) {}

  /// In that region.
  PlatformDevice::Buffer add(std::unique_ptr<HostMemory> memory, std::size_t region);
  /// What this process exported from the same kind of chip is the same memory again, where it was;
  /// all else is in `foreign_region`, or refused.
  PlatformDevice::Buffer import(int fd, std::size_t foreign_region, bool take_foreign);
  void remove(Handle handle) noexcept;
  [[nodiscard]] std::span<std::byte> bytes(Handle handle);
  [[nodiscard]] int export_fd(Handle handle);
  /// Bytes in all buffers, by region.
  [[nodiscard]] std::vector<std::uint64_t> used();

  struct Entry {
    std::shared_ptr<HostMemory> memory;
    std::size_t region = 0;
    bool imported = false;
    explicit operator bool() const { return memory != nullptr; }
  };
  /// For a job, which keeps the memory beyond the handle.
  [[nodiscard]] Entry entry(Handle handle);

 private:
  PlatformDevice::Buffer add(Entry entry);

  const std::string chip_;
  std::mutex mutex_;  ///< protects what follows
  HandleTable<Entry> table_{"buffer"};
  std::vector<std::uint64_t> used_;
};

}  // namespace halyard::hal::sim
