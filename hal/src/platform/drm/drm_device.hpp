// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A device behind the kernel driver.

#include <mutex>
#include <string>
#include <unordered_map>

#include "platform/drm/deferred.hpp"
#include "platform/drm/node.hpp"
#include "platform/platform.hpp"

namespace halyard::hal::drm {

class DrmDevice final : public PlatformDevice {
 public:
  /// `bus` is for people. Throws Error.
  DrmDevice(const std::string& path, const std::string& bus);
  ~DrmDevice() override;

  [[nodiscard]] const DeviceFacts& facts() const override { return facts_; }
  [[nodiscard]] std::vector<MemoryUse> memory_use() override;
  [[nodiscard]] DeviceTime time() override;

  Buffer buffer_create(std::uint64_t size, std::size_t region) override;
  Buffer buffer_wrap(std::span<std::byte> memory, bool read_only) override;
  Buffer buffer_import(int dmabuf_fd) override;
  int buffer_export(Handle buffer) override;
  std::span<std::byte> buffer_map(Handle buffer) override;
  void buffer_destroy(Handle buffer) noexcept override;

  void bind(const MapRequest& request) override;
  void unbind(std::uint64_t va, std::uint64_t size) noexcept override;

  Handle queue_create(std::uint32_t engine_class, halyard_priority priority) override;
  void queue_destroy(Handle queue) noexcept override;
  QueueStatus queue_status(Handle queue) override;
  void submit(std::span<const JobRequest> jobs) override;

  Handle timeline_create() override;
  void timeline_destroy(Handle timeline) noexcept override;
  void timeline_signal(Handle timeline, std::uint64_t value) override;
  std::uint64_t timeline_query(Handle timeline) override;
  bool wait(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
            std::size_t* index) override;
  halyard_status point_status(const SyncPoint& point) override;
  void timeline_notify(Handle timeline, std::uint64_t value, int eventfd) override;
  int timeline_export(Handle timeline) override;
  Handle timeline_import(int fd) override;

 private:
  /// A GEM handle: the same buffer imported twice has one handle, which is to be closed once.
  struct Gem {
    unsigned users = 0;
    std::span<std::byte> mapping, wrapped;
  };

  Buffer add_buffer(const Buffer& buffer, std::span<std::byte> wrapped = {});
  /// What the kernel knows of a buffer.
  [[nodiscard]] Buffer describe(Handle handle) const;
  void close_gem(Handle handle) const noexcept;
  [[nodiscard]] Error import_error(int dmabuf_fd, int error) const;
  [[nodiscard]] Error submit_error(int error) const;
  [[nodiscard]] Error limit_error(const char* what, int error) const;

  const Node node_;
  const DeviceFacts facts_;
  __u32 vm_id_ = 0;
  std::mutex gems_mutex_;  ///< protects gems_, and imports against the closing of the handle that
                           ///< they may find
  std::unordered_map<Handle, Gem> gems_;
  Deferred deferred_;
};

}  // namespace halyard::hal::drm
