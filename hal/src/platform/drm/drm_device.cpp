// SPDX-License-Identifier: MIT
#include "platform/drm/drm_device.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <xf86drm.h>

#include <cerrno>
#include <utility>

#include "clock.hpp"
#include "platform/drm/errors.hpp"
#include "platform/drm/syncobj.hpp"

namespace halyard::hal::drm {

namespace {

drm_halyard_priority to_drm(halyard_priority priority) {
  switch (priority) {
    case HALYARD_PRIORITY_LOW:
      return DRM_HALYARD_PRIORITY_LOW;
    case HALYARD_PRIORITY_HIGH:
      return DRM_HALYARD_PRIORITY_HIGH;
    case HALYARD_PRIORITY_REALTIME:
      return DRM_HALYARD_PRIORITY_REALTIME;
    case HALYARD_PRIORITY_NORMAL:
      break;
  }
  return DRM_HALYARD_PRIORITY_NORMAL;
}

void check_syncobj(const Node& node) {
  std::uint64_t timelines = 0;
  // A device that goes just now has not answered.
  if (drmGetCap(node.fd(), DRM_CAP_SYNCOBJ_TIMELINE, &timelines) != 0 && errno == ENODEV) {
    throw call_error(node.path(), "the driver does not tell about its device", ENODEV);
  }
  if (timelines == 0) {
    throw Error(HALYARD_VERSION_MISMATCH, "the driver of " + node.path() + " has no timelines");
  }
}

Error firmware_error(const std::string& path, const std::string& problem, int error) {
  ErrorDetails details;
  details.system_error = error;
  details.device = path;
  return {HALYARD_DEVICE_LOST, "the firmware of " + path + " does not run: " + problem, details};
}

}  // namespace

DrmDevice::DrmDevice(const std::string& path, const std::string& bus)
    : node_(path), facts_(read_facts(node_, bus)), deferred_(node_) {
  check_syncobj(node_);
  if (const auto problem = read_firmware_error(node_); !problem.empty()) {
    throw firmware_error(path, problem, 0);
  }
  drm_halyard_vm_create request{};
  if (const int error = node_.try_call(DRM_IOCTL_HALYARD_VM_CREATE, &request)) {
    throw limit_error("address space", error);
  }
  vm_id_ = request.vm_id;
}

DrmDevice::~DrmDevice() {
  for (const auto& [handle, gem] : gems_) {
    if (!gem.mapping.empty()) munmap(gem.mapping.data(), gem.mapping.size());
  }
  // The kernel gives back the rest when the file is closed.
}

Error DrmDevice::limit_error(const char* what, int error) const {
  auto result = call_error(facts_.path, std::string("no ") + what + " can be made", error);
  if (error == EHOSTDOWN) return firmware_error(facts_.path, read_firmware_error(node_), error);
  if (error != EMFILE && error != ENOSPC) return result;
  const auto limits = node_.query<drm_halyard_query_limits>(DRM_HALYARD_QUERY_LIMITS);
  const bool queue = std::string_view(what) == "queue";
  const auto user = queue ? limits.queues_user_max : limits.vms_user_max;
  const auto device = queue ? limits.queues_max : limits.vms_max;
  const auto text =
      error == EMFILE
          ? "this user has all " + std::to_string(user) + " " + what + "s that one user may have"
          : "all " + std::to_string(device) + " " + what + "s of the device are in use";
  return {HALYARD_LIMIT, text, result.details()};
}

std::vector<MemoryUse> DrmDevice::memory_use() {
  return read_memory_use(node_);
}

DeviceTime DrmDevice::time() {
  const auto device = node_.query<drm_halyard_query_device>(DRM_HALYARD_QUERY_DEVICE);
  // Seconds and rest apart: the product of a long uptime and 10^9 does not fit.
  const auto hz = device.timestamp_hz != 0 ? device.timestamp_hz : 1'000'000'000;
  const auto ns =
      device.timestamp / hz * 1'000'000'000 + device.timestamp % hz * 1'000'000'000 / hz;
  return {ns, device.cpu_time};
}

// ---- buffers -------------------------------------------------------------------------------

PlatformDevice::Buffer DrmDevice::add_buffer(const Buffer& buffer, std::span<std::byte> wrapped) {
  try {
    const std::lock_guard lock(gems_mutex_);
    auto& gem = gems_[buffer.handle];
    ++gem.users;
    gem.wrapped = wrapped;
  } catch (...) {
    close_gem(buffer.handle);
    throw;
  }
  return buffer;
}

PlatformDevice::Buffer DrmDevice::buffer_create(std::uint64_t size, std::size_t region) {
  drm_halyard_bo_create request{};
  request.size = size;
  request.region = facts_.regions[region].number;
  if (const int error = node_.try_call(DRM_IOCTL_HALYARD_BO_CREATE, &request)) {
    const auto limits = node_.query<drm_halyard_query_limits>(DRM_HALYARD_QUERY_LIMITS);
    const bool too_large = size > limits.bo_size_max;
    const auto what = "no buffer of " + std::to_string(size) + " bytes in memory \"" +
                      facts_.regions[region].name + "\"";
    const auto limit =
        ", a buffer of this device has at most " + std::to_string(limits.bo_size_max);
    const auto reason = call_error(facts_.path, too_large ? what + limit : what, error);
    const bool memory = too_large || error == ENOSPC || error == ENOMEM;
    throw Error(memory ? HALYARD_OUT_OF_MEMORY : reason.status(), reason.what(), reason.details());
  }
  return add_buffer({request.handle, request.size, region});
}

PlatformDevice::Buffer DrmDevice::buffer_wrap(std::span<std::byte> memory, bool read_only) {
  drm_halyard_bo_from_userptr request{};
  request.address = reinterpret_cast<std::uintptr_t>(memory.data());
  request.size = memory.size();
  if (read_only) request.flags |= DRM_HALYARD_USERPTR_READONLY;
  const int error = node_.try_call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, &request);
  if (error == EOPNOTSUPP) {
    throw call_error(facts_.path,
                     "the device works on memory that its driver allocated, not on that of a "
                     "process",
                     error);
  }
  if (error != 0) throw call_error(facts_.path, "the memory cannot be wrapped", error);
  Buffer buffer{request.handle, memory.size()};
  try {
    buffer.region = describe(request.handle).region;
  } catch (...) {
    close_gem(request.handle);
    throw;
  }
  return add_buffer(buffer, memory);
}

PlatformDevice::Buffer DrmDevice::describe(Handle handle) const {
  drm_halyard_bo_info info{};
  info.handle = handle;
  node_.call(DRM_IOCTL_HALYARD_BO_INFO, &info, "the buffer is not known");
  for (std::size_t i = 0; i < facts_.regions.size(); ++i) {
    if (facts_.regions[i].number == info.region) return {handle, info.size, i};
  }
  throw Error(HALYARD_SYSTEM,
              "the buffer is in the unknown memory region " + std::to_string(info.region));
}

namespace {

bool is_dmabuf(int fd) {
  struct statfs status {};
  return fstatfs(fd, &status) == 0 && status.f_type == DMA_BUF_MAGIC;
}

}  // namespace

Error DrmDevice::import_error(int dmabuf_fd, int error) const {
  auto reason = call_error(facts_.path, "the descriptor cannot be imported as a buffer", error);
  if (error != EINVAL || facts_.has_mmu || !is_dmabuf(dmabuf_fd)) return reason;
  return {HALYARD_UNSUPPORTED,
          "the device has no MMU, and the buffer behind the descriptor is not contiguous",
          reason.details()};
}

PlatformDevice::Buffer DrmDevice::buffer_import(int dmabuf_fd) {
  // Another thread may be closing the handle that this import finds: not in between.
  const std::lock_guard lock(gems_mutex_);
  std::uint32_t handle = 0;
  if (drmPrimeFDToHandle(node_.fd(), dmabuf_fd, &handle) != 0) {
    throw import_error(dmabuf_fd, errno);
  }
  const bool known = gems_.contains(handle);
  try {
    const auto buffer = describe(handle);
    ++gems_[handle].users;
    return buffer;
  } catch (...) {
    if (!known) {
      gems_.erase(handle);
      close_gem(handle);
    }
    throw;
  }
}

int DrmDevice::buffer_export(Handle buffer) {
  int fd = -1;
  if (drmPrimeHandleToFD(node_.fd(), buffer, DRM_CLOEXEC | DRM_RDWR, &fd) != 0) {
    throw call_error(facts_.path, "the buffer cannot be exported", errno);
  }
  return fd;
}

std::span<std::byte> DrmDevice::buffer_map(Handle buffer) {
  const std::lock_guard lock(gems_mutex_);
  auto& gem = gems_.at(buffer);
  if (!gem.wrapped.empty()) return gem.wrapped;
  if (!gem.mapping.empty()) return gem.mapping;
  drm_halyard_bo_mmap_offset request{};
  request.handle = buffer;
  node_.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, &request, "the buffer cannot be mapped");
  const auto size = describe(buffer).size;
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, node_.fd(),
                       static_cast<off_t>(request.offset));
  if (address == MAP_FAILED) throw call_error(facts_.path, "the buffer cannot be mapped", errno);
  gem.mapping = {static_cast<std::byte*>(address), size};
  return gem.mapping;
}

void DrmDevice::close_gem(Handle handle) const noexcept {
  drmCloseBufferHandle(node_.fd(), handle);
}

void DrmDevice::buffer_destroy(Handle buffer) noexcept {
  const std::lock_guard lock(gems_mutex_);
  const auto it = gems_.find(buffer);
  if (it == gems_.end() || --it->second.users > 0) return;
  if (!it->second.mapping.empty()) {
    munmap(it->second.mapping.data(), it->second.mapping.size());
  }
  gems_.erase(it);
  close_gem(buffer);
}

// ---- address space -------------------------------------------------------------------------

namespace {

int bind_one(const Node& node, __u32 vm_id, drm_halyard_bind_op op) {
  drm_halyard_vm_bind request{};
  request.vm_id = vm_id;
  request.ops.stride = sizeof(op);
  request.ops.count = 1;
  request.ops.array = reinterpret_cast<std::uintptr_t>(&op);
  return node.try_call(DRM_IOCTL_HALYARD_VM_BIND, &request);
}

}  // namespace

void DrmDevice::bind(const MapRequest& request) {
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_MAP;
  if (request.read_only) op.flags |= DRM_HALYARD_BIND_READONLY;
  op.handle = request.buffer;
  op.bo_offset = request.offset;
  op.va = request.va;
  op.size = request.size;
  if (const int error = bind_one(node_, vm_id_, op)) {
    throw call_error(facts_.path, "the buffer cannot be bound to a device address", error);
  }
}

void DrmDevice::unbind(std::uint64_t va, std::uint64_t size) noexcept {
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_UNMAP;
  op.va = va;
  op.size = size;
  // It fails only when the device is gone, and then nothing reaches the memory any more.
  static_cast<void>(bind_one(node_, vm_id_, op));
}

// ---- queues --------------------------------------------------------------------------------

Handle DrmDevice::queue_create(std::uint32_t engine_class, halyard_priority priority) {
  drm_halyard_queue_create request{};
  request.vm_id = vm_id_;
  request.engine_class = engine_class;
  request.priority = to_drm(priority);
  const int error = node_.try_call(DRM_IOCTL_HALYARD_QUEUE_CREATE, &request);
  if (error == EACCES) {
    const auto reason = call_error(
        facts_.path, "a queue of this priority needs the capability CAP_SYS_NICE", error);
    throw Error(HALYARD_NO_PERMISSION, reason.what(), reason.details());
  }
  if (error != 0) throw limit_error("queue", error);
  return request.queue_id;
}

void DrmDevice::queue_destroy(Handle queue) noexcept {
  deferred_.cancel(queue);
  drm_halyard_queue_destroy request{};
  request.queue_id = queue;
  static_cast<void>(node_.try_call(DRM_IOCTL_HALYARD_QUEUE_DESTROY, &request));
}

QueueStatus DrmDevice::queue_status(Handle queue) {
  drm_halyard_queue_query request{};
  request.queue_id = queue;
  node_.call(DRM_IOCTL_HALYARD_QUEUE_QUERY, &request, "the queue's state is not known");
  const auto deferred = deferred_.counts(queue);
  QueueStatus status;
  switch (static_cast<drm_halyard_queue_state>(request.state)) {
    case DRM_HALYARD_QUEUE_ACTIVE:
      status.state = QueueStatus::State::kActive;
      break;
    case DRM_HALYARD_QUEUE_BANNED:
      status.state = QueueStatus::State::kBanned;
      break;
    case DRM_HALYARD_QUEUE_LOST:
      status.state = QueueStatus::State::kLost;
      break;
  }
  status.submitted = request.submitted + deferred.pending + deferred.failed;
  status.completed = request.completed;
  status.failed = request.failed + deferred.failed;
  status.busy_ns = request.busy_ns;
  status.fault = status_of_fault(request.fault_cause);
  status.fault_job = request.fault_job;
  status.fault_address = request.fault_address;
  status.fault_write = request.fault_access != 0;
  status.fault_command = request.fault_command;
  status.fault_tag = request.fault_tag;
  return status;
}

Error DrmDevice::submit_error(int error) const {
  return call_error(facts_.path, "the job was refused", error);
}

void DrmDevice::submit(std::span<const JobRequest> jobs) {
  bool defer = false;
  for (const auto& job : jobs)
    defer |= deferred_.must_follow(job);
  if (!defer) {
    const int error = submit_jobs(node_, jobs);
    if (error == 0) return;
    // EINVAL also says that a point to wait for has no fence yet.
    if (error == EINVAL) {
      for (const auto& job : jobs)
        defer |= deferred_.must_wait(job);
    }
    if (!defer) throw submit_error(error);
  }
  // Where the jobs wait nobody would refuse them when the device is gone.
  static_cast<void>(node_.query<drm_halyard_query_firmware>(DRM_HALYARD_QUERY_FIRMWARE));
  for (const auto& job : jobs)
    deferred_.add(job);
}

// ---- timelines -----------------------------------------------------------------------------

Handle DrmDevice::timeline_create() {
  return syncobj_create(node_);
}

void DrmDevice::timeline_destroy(Handle timeline) noexcept {
  if (!deferred_.keep(timeline)) syncobj_destroy(node_, timeline);
}

void DrmDevice::timeline_signal(Handle timeline, std::uint64_t value) {
  if (deferred_.must_follow(timeline)) {
    deferred_.add_signal({timeline, value});
  } else {
    syncobj_signal(node_, timeline, value);
  }
}

std::uint64_t DrmDevice::timeline_query(Handle timeline) {
  return syncobj_query(node_, timeline);
}

bool DrmDevice::wait(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
                     std::size_t* index) {
  return syncobj_wait(node_, points, all, Until::kReached, deadline_ns, index);
}

halyard_status DrmDevice::point_status(const SyncPoint& point) {
  if (const auto status = deferred_.status(point); status != HALYARD_OK) return status;
  return status_of_fence(syncobj_error(node_, point));
}

void DrmDevice::timeline_notify(Handle timeline, std::uint64_t value, int eventfd) {
  deferred_.listen({timeline, value}, eventfd);
  syncobj_eventfd(node_, timeline, value, eventfd);
}

int DrmDevice::timeline_export(Handle timeline) {
  return syncobj_export(node_, timeline);
}
Handle DrmDevice::timeline_import(int fd) {
  return syncobj_import(node_, fd);
}

}  // namespace halyard::hal::drm
