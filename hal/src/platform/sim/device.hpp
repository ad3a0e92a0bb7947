// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// An emulated chip in this process as a platform's device.

#include <chips/chip.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "platform/platform.hpp"
#include "platform/sim/address_space.hpp"
#include "platform/sim/buffers.hpp"
#include "platform/sim/scheduler.hpp"

namespace halyard::hal::sim {

/// Bytes of a region.
std::uint64_t region_size(const emu::RegionInfo& region);

/// Facts about a kind of chip, as the kernel would report them.
DeviceFacts chip_facts(const emu::ChipKind& kind, emu::CommandProcessor& processor);

class SimDevice final : public PlatformDevice {
 public:
  explicit SimDevice(const emu::ChipKind& kind);

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
  /// Nanoseconds since the device was opened, never 0: chips write timestamps where 0 means none.
  [[nodiscard]] std::uint64_t device_ns() const;
  /// Where memory is that somebody else made. Throws Error(HALYARD_UNSUPPORTED) when there is no
  /// such place.
  [[nodiscard]] std::size_t foreign_region() const;
  [[nodiscard]] std::shared_ptr<emu::AddressSpace> space_of(std::span<const BufferUse> buffers);

  const std::int64_t opened_ns_;
  const std::unique_ptr<emu::CommandProcessor> processor_;
  const emu::ProcessorInfo info_;
  const DeviceFacts facts_;
  Buffers buffers_;
  AddressSpace space_;
  Scheduler scheduler_;  ///< last: its engines use all the others
};

}  // namespace halyard::hal::sim
