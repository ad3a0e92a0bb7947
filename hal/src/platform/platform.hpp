// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The boundary to the operating system: everything that the library asks of a kernel driver. Two
/// implementations, `drm` (ioctls through libdrm) and `sim` (in process); tracing and fault tests
/// wrap it.
///
/// Handles are small integers of the PlatformDevice that gave them. All functions are thread-safe
/// and throw hal::Error.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "error.hpp"

namespace halyard::hal {

using Handle = std::uint32_t;

/// Facts about an opened device, constant while it is open.
struct DeviceFacts {
  std::string path, chip, name, bus, driver_version, firmware;
  std::uint32_t chip_revision = 0;
  std::uint64_t va_start = 0, va_end = 0;
  std::uint32_t page_size = 4096, large_page_size = 0;
  bool has_mmu = true;  ///< else jobs bring their buffers, and nothing is bound
  /// A region of memory that buffers are made in; jobs work in the first.
  struct Region {
    std::string name;
    std::uint32_t number = 0;  ///< of the platform's
    bool host = true;          ///< the host's own memory
    bool mappable = true;
  };
  std::vector<Region> regions;
  std::uint32_t job_buffers_max = 0;  ///< that one JobRequest may have
  struct Engine {
    std::string name;
    std::uint32_t engine_class, count;
  };
  std::vector<Engine> engines;
  std::uint32_t payload_max = 0;
  std::vector<std::byte> chip_blob;  ///< for the chip's plug-in
};

/// Of one region.
struct MemoryUse {
  std::uint64_t size = 0, used = 0;
};

struct DeviceTime {
  std::uint64_t device_ns = 0, host_ns = 0;
};

struct QueueStatus {
  enum class State : std::uint8_t { kActive, kBanned, kLost };
  State state = State::kActive;
  std::uint64_t submitted = 0, completed = 0, failed = 0, busy_ns = 0;
  halyard_status fault = HALYARD_OK;  ///< of the first failed job
  std::uint64_t fault_job = 0;        ///< its number in the queue, from 1
  std::uint64_t fault_address = 0;
  bool fault_write = false;
  std::uint32_t fault_command = 0, fault_tag = 0;
};

struct SyncPoint {
  Handle timeline = 0;
  std::uint64_t value = 0;
};

struct BufferUse {
  Handle buffer = 0;
  bool write = false;
  bool shared = false;  ///< others know it: the job awaits their fences, and they the job's
};

struct JobRequest {
  Handle queue = 0;
  std::span<const std::byte> payload;
  /// Each at most once. Shared with others, for implicit fences; on a chip without MMU all, and the
  /// position is the slot in the job's addresses.
  std::span<const BufferUse> buffers;
  std::span<const SyncPoint> waits;
  std::span<const SyncPoint> signals;
};

struct MapRequest {
  Handle buffer = 0;
  std::uint64_t offset = 0, va = 0, size = 0;
  bool read_only = false;
};

/// An open device with one address space.
class PlatformDevice {
 public:
  virtual ~PlatformDevice() = default;

  [[nodiscard]] virtual const DeviceFacts& facts() const = 0;
  /// Of each of the facts' regions, in that order.
  [[nodiscard]] virtual std::vector<MemoryUse> memory_use() = 0;
  [[nodiscard]] virtual DeviceTime time() = 0;

  struct Buffer {
    Handle handle = 0;
    std::uint64_t size = 0;
    std::size_t region = 0;  ///< index into the facts' regions
  };
  virtual Buffer buffer_create(std::uint64_t size, std::size_t region) = 0;
  virtual Buffer buffer_wrap(std::span<std::byte> memory, bool read_only) = 0;
  virtual Buffer buffer_import(int dmabuf_fd) = 0;
  virtual int buffer_export(Handle buffer) = 0;
  /// The host's view; stays until buffer_destroy().
  virtual std::span<std::byte> buffer_map(Handle buffer) = 0;
  virtual void buffer_destroy(Handle buffer) noexcept = 0;

  virtual void bind(const MapRequest& request) = 0;
  virtual void unbind(std::uint64_t va, std::uint64_t size) noexcept = 0;

  virtual Handle queue_create(std::uint32_t engine_class, halyard_priority priority) = 0;
  virtual void queue_destroy(Handle queue) noexcept = 0;
  virtual QueueStatus queue_status(Handle queue) = 0;
  /// All jobs are accepted or none.
  virtual void submit(std::span<const JobRequest> jobs) = 0;

  virtual Handle timeline_create() = 0;
  virtual void timeline_destroy(Handle timeline) noexcept = 0;
  virtual void timeline_signal(Handle timeline, std::uint64_t value) = 0;
  virtual std::uint64_t timeline_query(Handle timeline) = 0;
  /// Waits for all of `points`, or any; false at the deadline. A point that failed counts as
  /// reached. `index` of the one that was reached, with any.
  virtual bool wait(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
                    std::size_t* index) = 0;
  /// How the point ended, when it has been reached: HALYARD_OK, or why it failed. For points of
  /// others.
  virtual halyard_status point_status(const SyncPoint& point) = 0;
  virtual void timeline_notify(Handle timeline, std::uint64_t value, int eventfd) = 0;
  virtual int timeline_export(Handle timeline) = 0;
  virtual Handle timeline_import(int fd) = 0;
};

/// A device that is there, usable or not.
struct DeviceCandidate {
  std::string path, chip, name, bus, driver_version, firmware;
  std::uint32_t chip_revision = 0;
  std::uint64_t memory_size = 0, memory_used = 0;
  bool usable = false;
  halyard_status status = HALYARD_OK;  ///< that opening would fail with
  std::string problem;                 ///< why it is not usable, one sentence
};

struct Diagnosis {
  std::string code, sentence;
};

struct DeviceEvent {
  bool added = false;
  std::string path;
};

/// Watches devices come and go. One thread at a time.
class PlatformMonitor {
 public:
  virtual ~PlatformMonitor() = default;
  /// For poll(): readable when next() may have an event.
  [[nodiscard]] virtual int fd() const = 0;
  /// Nothing at the deadline.
  virtual std::optional<DeviceEvent> next(std::int64_t deadline_ns) = 0;
};

class Platform {
 public:
  virtual ~Platform() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual std::vector<DeviceCandidate> enumerate() = 0;
  virtual std::unique_ptr<PlatformDevice> open(const std::string& path) = 0;
  /// Why no device is usable: one entry per cause found; empty when one is.
  virtual std::vector<Diagnosis> diagnose() = 0;
  virtual std::unique_ptr<PlatformMonitor> monitor() = 0;
};

/// Raised whenever this header changes: library and platform module must agree exactly.
inline constexpr std::uint32_t kPlatformAbi = 2;

/// What a platform in a shared object of its own exports: `platform-<name>.so` in the plug-in
/// directory.
struct PlatformDescriptor {
  std::uint32_t abi;  ///< kPlatformAbi it was built with; the first member for ever
  const char* name;
  std::unique_ptr<Platform> (*create)();
};

inline constexpr const char* kPlatformSymbol = "halyard_platform";

}  // namespace halyard::hal
