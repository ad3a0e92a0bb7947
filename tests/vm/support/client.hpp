// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the tests of the uAPI share: an open device file and thin wrappers over its ioctls.
///
/// Functions named like the ioctl return 0 or the errno, so that a test can ask for a refusal. The
/// others (make_*, bind, load, ...) throw std::system_error when the kernel refuses, which
/// GoogleTest reports as a failure.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <drm/halyard_accel.h>

namespace halyard::test {

/// The first page that the device has for user space, and where tests bind what they don't bind
/// elsewhere.
inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::uint64_t kLargePage = 2U << 20U;

/// Owns a file descriptor.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  [[nodiscard]] int get() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
};

/// Owns a mapping of memory.
class Mapping {
 public:
  Mapping() = default;
  /// mmap() of a file, or of anonymous memory when `fd` is -1.
  Mapping(std::size_t size, int fd, std::uint64_t offset, int prot);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t address() const {
    return reinterpret_cast<std::uint64_t>(bytes_.data());
  }
  template <typename T>
  [[nodiscard]] std::span<T> as() const {
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

 private:
  std::span<std::byte> bytes_;
};

/// A buffer object, mapped for the CPU. Its handle lives as long as the client.
struct Buffer {
  std::uint32_t handle = 0;
  std::uint64_t size = 0;
  std::uint64_t va = 0;  ///< where it is bound, 0 when it is not
  Mapping map;

  template <typename T = std::uint32_t>
  [[nodiscard]] std::span<T> as() const {
    return map.as<T>();
  }
};

/// An array argument, of whatever is contiguous.
drm_halyard_obj_array array_of(const auto& elements) {
  return {.stride = sizeof(*std::data(elements)),
          .count = static_cast<std::uint32_t>(std::size(elements)),
          .array = reinterpret_cast<std::uint64_t>(std::data(elements))};
}

template <typename Payload>
std::span<const std::byte> payload_bytes(const Payload& payload) {
  return std::as_bytes(std::span(&payload, 1));
}
inline std::span<const std::byte> payload_bytes(const std::vector<std::byte>& payload) {
  return payload;
}

/// A job on its way to SUBMIT; the arrays that the kernel's struct points to are here. `Payload` is
/// the chip's.
template <typename Payload>
struct JobOf {
  std::uint32_t queue = 0;
  Payload payload{};
  std::vector<drm_halyard_buffer_ref> buffers;
  std::vector<drm_halyard_sync_op> syncs;

  JobOf& wait(std::uint32_t syncobj) { return sync(syncobj, 0, 0); }
  JobOf& wait(std::uint32_t syncobj, std::uint64_t point) {
    return sync(syncobj, DRM_HALYARD_SYNC_TIMELINE, point);
  }
  JobOf& signal(std::uint32_t syncobj) { return sync(syncobj, DRM_HALYARD_SYNC_SIGNAL, 0); }
  JobOf& signal(std::uint32_t syncobj, std::uint64_t point) {
    return sync(syncobj, DRM_HALYARD_SYNC_SIGNAL | DRM_HALYARD_SYNC_TIMELINE, point);
  }
  JobOf& uses(std::uint32_t handle, std::uint32_t flags) {
    buffers.push_back({.handle = handle, .flags = flags});
    return *this;
  }

  /// As the kernel takes it; valid while this object is unchanged.
  [[nodiscard]] drm_halyard_job raw() const {
    const auto bytes = payload_bytes(payload);
    drm_halyard_job raw{};
    raw.queue_id = queue;
    raw.payload_size = static_cast<std::uint32_t>(bytes.size());
    raw.payload = reinterpret_cast<std::uint64_t>(bytes.data());
    raw.buffers = array_of(buffers);
    raw.syncs = array_of(syncs);
    return raw;
  }

 private:
  JobOf& sync(std::uint32_t syncobj, std::uint32_t flags, std::uint64_t point) {
    syncs.push_back({.flags = flags, .handle = syncobj, .timeline_value = point});
    return *this;
  }
};

/// A job of whatever chip.
using AnyJob = JobOf<std::vector<std::byte>>;

template <typename Payload>
AnyJob any_job(const JobOf<Payload>& job) {
  const auto bytes = payload_bytes(job.payload);
  AnyJob any;
  any.queue = job.queue;
  any.payload.assign(bytes.begin(), bytes.end());
  any.buffers = job.buffers;
  any.syncs = job.syncs;
  return any;
}

/// An open device file, with one address space made on first use.
class Client {
 public:
  /// Opens the device; throws when there is none.
  Client();

  [[nodiscard]] int fd() const { return file_.get(); }
  void close() { file_.close(); }

  /// An ioctl: 0 or the errno.
  template <typename T>
  [[nodiscard]] int call(unsigned long request, T& argument) const {
    return call_raw(request, &argument);
  }
  [[nodiscard]] int call_raw(unsigned long request, void* argument) const;

  // Queries
  [[nodiscard]] drm_halyard_query_limits limits() const;
  [[nodiscard]] drm_halyard_query_device device() const;
  [[nodiscard]] std::uint64_t memory_used() const;
  [[nodiscard]] drm_halyard_queue_query query(std::uint32_t queue) const;

  // Memory
  [[nodiscard]] std::uint32_t make_bo(std::uint64_t size, std::uint32_t region = 0) const;
  /// Mapped; bound in vm() where the device has an MMU.
  [[nodiscard]] Buffer make_buffer(std::uint64_t size);
  [[nodiscard]] Mapping map(std::uint32_t handle, std::uint64_t size) const;
  int close_bo(std::uint32_t handle) const;

  // Address spaces
  [[nodiscard]] std::uint32_t vm();
  [[nodiscard]] std::uint32_t make_vm() const;
  [[nodiscard]] int vm_destroy(std::uint32_t vm) const;
  [[nodiscard]] int vm_bind(std::uint32_t vm, const drm_halyard_bind_op& op) const;
  [[nodiscard]] int map_at(std::uint32_t vm, std::uint32_t handle, std::uint64_t va,
                           std::uint64_t size, std::uint32_t flags = 0,
                           std::uint64_t bo_offset = 0) const;
  [[nodiscard]] int unmap(std::uint32_t vm, std::uint64_t va, std::uint64_t size) const;
  /// An unused range of vm(), apart from others by an unmapped page at least; aligned to 2 MiB.
  [[nodiscard]] std::uint64_t reserve(std::uint64_t size);

  // Queues and jobs
  [[nodiscard]] std::uint32_t make_queue(std::uint32_t engine_class = 0,
                                         std::uint32_t priority = DRM_HALYARD_PRIORITY_NORMAL);
  [[nodiscard]] int queue_destroy(std::uint32_t queue) const;
  template <typename Payload>
  [[nodiscard]] int submit(const JobOf<Payload>& job) const {
    const drm_halyard_job raw = job.raw();
    return submit(std::span(&raw, 1));
  }
  [[nodiscard]] int submit(std::span<const drm_halyard_job> jobs) const;

  // Syncobjs
  [[nodiscard]] std::uint32_t make_syncobj(bool signaled = false) const;
  /// 0 when it is signaled within `ms` (from now), ETIME when not. Binary, or a point of a
  /// timeline.
  [[nodiscard]] int wait(std::uint32_t syncobj, std::uint64_t point = 0, unsigned ms = 20000) const;
  /// Of a binary syncobj: 1 signaled without an error, 0 not signaled, or the negative errno of its
  /// fence.
  [[nodiscard]] int status(std::uint32_t syncobj) const;
  /// Submits and waits: 1, or the negative errno of the job's fence. A refusal throws.
  template <typename Payload>
  [[nodiscard]] int run(JobOf<Payload> job) const {
    const std::uint32_t done = make_syncobj();
    job.signal(done);
    return run_raw(job.raw(), done);
  }

 private:
  [[nodiscard]] int run_raw(const drm_halyard_job& job, std::uint32_t done) const;

  File file_;
  bool has_mmu_ = false;
  std::uint32_t vm_ = 0;
  std::uint64_t next_va_ = 0;
};

/// DRM_IOCTL_SYNCOBJ_EVENTFD, which kernels have since 6.6 and Debian 12's libdrm has not.
struct SyncobjEventfd {
  std::uint32_t handle, flags;
  std::uint64_t point;
  std::int32_t fd;
  std::uint32_t pad;
};
inline constexpr unsigned long kSyncobjEventfd = DRM_IOWR(0xCF, SyncobjEventfd);

/// 1: signalled without an error, 0: not signalled, or the negative errno of the fence.
int sync_file_status(const File& file);

/// Absolute CLOCK_MONOTONIC nanoseconds, `ms` from now.
std::int64_t deadline(unsigned ms);

/// Throws unless `error` is 0.
void require(int error, const char* what);

/// Path of the device node; throws when there is none.
std::string device_node();

/// The folder in debugfs with the files of the chip's own driver.
std::string debugfs_folder();

/// Writes to the card's error-injection file; see its own help text. `target` -1 is any.
void inject(const std::string& kind, int target = -1, unsigned skip = 0, unsigned count = 1,
            unsigned argument = 0);

/// How often what was injected last has happened.
unsigned injected();

/// Waits until what was injected last has happened; false when it does not.
bool wait_for_injection();

void sleep_ms(unsigned ms);

/// Value of a key in the fdinfo of a client, 0 when it is not there.
std::uint64_t fdinfo(const Client& client, const std::string& key);
std::string fdinfo_text(const Client& client);

/// Runs `body` in a child process, as an unprivileged user when asked; its exit status is returned.
template <typename Body>
int in_child(bool unprivileged, Body body);

/// uid and gid of in_child()'s unprivileged user.
inline constexpr unsigned kNobody = 65534;

/// fork(); in the child with the privileges dropped when asked. 0 in the child.
int fork_child(bool unprivileged);
/// Waits for a child: its exit status, or 128 and the signal's number.
int wait_child(int pid);

template <typename Body>
int in_child(bool unprivileged, Body body) {
  const int pid = fork_child(unprivileged);
  if (pid == 0) {
    _Exit(body());
  }
  return wait_child(pid);
}

}  // namespace halyard::test
