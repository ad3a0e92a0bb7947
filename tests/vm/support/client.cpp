// SPDX-License-Identifier: MIT
#include "client.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/sync_file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <xf86drm.h>

namespace halyard::test {
namespace {

constexpr std::int64_t kNanosecondsPerMs = 1'000'000;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

template <typename T>
T query(const Client& client, drm_halyard_query_type type) {
  T answer{};
  drm_halyard_dev_query argument{
      .type = type, .size = sizeof(answer), .pointer = reinterpret_cast<std::uint64_t>(&answer)};
  require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  return answer;
}

}  // namespace

void require(int error, const char* what) {
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), what);
  }
}

std::int64_t deadline(unsigned ms) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNanosecondsPerSecond + now.tv_nsec + ms * kNanosecondsPerMs;
}

// ---- File, Mapping ----

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

File::~File() {
  close();
}

void File::close() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
}

Mapping::Mapping(std::size_t size, int fd, std::uint64_t offset, int prot) {
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* address = mmap(nullptr, size, prot, flags, fd, static_cast<off_t>(offset));
  if (address == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mmap");
  }
  bytes_ = {static_cast<std::byte*>(address), size};
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (!bytes_.empty()) {
    munmap(bytes_.data(), bytes_.size());
  }
}

// ---- Client ----

std::string device_node() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/accel", error)) {
    return entry.path();
  }
  throw std::runtime_error("no device in /dev/accel: is the module loaded?");
}

Client::Client() : file_(open(device_node().c_str(), O_RDWR | O_CLOEXEC)) {
  require(fd() < 0 ? errno : 0, "open");
  const drm_halyard_query_device about = device();
  has_mmu_ = (about.flags & DRM_HALYARD_DEVICE_HAS_MMU) != 0;
  next_va_ = about.va_start;
}

int Client::call_raw(unsigned long request, void* argument) const {
  return drmIoctl(fd(), request, argument) == 0 ? 0 : errno;
}

drm_halyard_query_limits Client::limits() const {
  return test::query<drm_halyard_query_limits>(*this, DRM_HALYARD_QUERY_LIMITS);
}

drm_halyard_query_device Client::device() const {
  return test::query<drm_halyard_query_device>(*this, DRM_HALYARD_QUERY_DEVICE);
}

std::uint64_t Client::memory_used() const {
  return test::query<drm_halyard_query_memory>(*this, DRM_HALYARD_QUERY_MEMORY).used;
}

drm_halyard_queue_query Client::query(std::uint32_t queue) const {
  drm_halyard_queue_query argument{};
  argument.queue_id = queue;
  require(call(DRM_IOCTL_HALYARD_QUEUE_QUERY, argument), "QUEUE_QUERY");
  return argument;
}

std::uint32_t Client::make_bo(std::uint64_t size, std::uint32_t region) const {
  drm_halyard_bo_create argument{};
  argument.size = size;
  argument.region = region;
  require(call(DRM_IOCTL_HALYARD_BO_CREATE, argument), "BO_CREATE");
  return argument.handle;
}

Mapping Client::map(std::uint32_t handle, std::uint64_t size) const {
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = handle;
  require(call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), "BO_MMAP_OFFSET");
  return {size, fd(), argument.offset, PROT_READ | PROT_WRITE};
}

Buffer Client::make_buffer(std::uint64_t size) {
  Buffer buffer;
  buffer.size = (size + kPage - 1) / kPage * kPage;
  buffer.handle = make_bo(buffer.size);
  buffer.map = map(buffer.handle, buffer.size);
  if (!has_mmu_) return buffer;
  const std::uint64_t va = reserve(buffer.size);
  require(map_at(vm(), buffer.handle, va, buffer.size), "VM_BIND");
  buffer.va = va;
  return buffer;
}

int Client::close_bo(std::uint32_t handle) const {
  drm_gem_close argument{};
  argument.handle = handle;
  return call(DRM_IOCTL_GEM_CLOSE, argument);
}

std::uint32_t Client::vm() {
  if (vm_ == 0) {
    vm_ = make_vm();
  }
  return vm_;
}

std::uint32_t Client::make_vm() const {
  drm_halyard_vm_create argument{};
  require(call(DRM_IOCTL_HALYARD_VM_CREATE, argument), "VM_CREATE");
  return argument.vm_id;
}

int Client::vm_destroy(std::uint32_t vm) const {
  drm_halyard_vm_destroy argument{};
  argument.vm_id = vm;
  return call(DRM_IOCTL_HALYARD_VM_DESTROY, argument);
}

int Client::vm_bind(std::uint32_t vm, const drm_halyard_bind_op& op) const {
  drm_halyard_vm_bind argument{};
  argument.vm_id = vm;
  argument.ops = array_of(std::span(&op, 1));
  return call(DRM_IOCTL_HALYARD_VM_BIND, argument);
}

int Client::map_at(std::uint32_t vm, std::uint32_t handle, std::uint64_t va, std::uint64_t size,
                   std::uint32_t flags, std::uint64_t bo_offset) const {
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_MAP;
  op.flags = flags;
  op.handle = handle;
  op.bo_offset = bo_offset;
  op.va = va;
  op.size = size;
  return vm_bind(vm, op);
}

int Client::unmap(std::uint32_t vm, std::uint64_t va, std::uint64_t size) const {
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_UNMAP;
  op.va = va;
  op.size = size;
  return vm_bind(vm, op);
}

std::uint64_t Client::reserve(std::uint64_t size) {
  const std::uint64_t va = next_va_;
  next_va_ = (va + size + kPage + kLargePage - 1) / kLargePage * kLargePage;
  return va;
}

std::uint32_t Client::make_queue(std::uint32_t engine_class, std::uint32_t priority) {
  drm_halyard_queue_create argument{};
  argument.vm_id = vm();
  argument.engine_class = engine_class;
  argument.priority = priority;
  require(call(DRM_IOCTL_HALYARD_QUEUE_CREATE, argument), "QUEUE_CREATE");
  return argument.queue_id;
}

int Client::queue_destroy(std::uint32_t queue) const {
  drm_halyard_queue_destroy argument{};
  argument.queue_id = queue;
  return call(DRM_IOCTL_HALYARD_QUEUE_DESTROY, argument);
}

int Client::submit(std::span<const drm_halyard_job> jobs) const {
  drm_halyard_submit argument{};
  argument.jobs = array_of(jobs);
  return call(DRM_IOCTL_HALYARD_SUBMIT, argument);
}

std::uint32_t Client::make_syncobj(bool signaled) const {
  std::uint32_t handle = 0;
  require(
      drmSyncobjCreate(fd(), signaled ? DRM_SYNCOBJ_CREATE_SIGNALED : 0, &handle) == 0 ? 0 : errno,
      "SYNCOBJ_CREATE");
  return handle;
}

int Client::wait(std::uint32_t syncobj, std::uint64_t point, unsigned ms) const {
  const unsigned flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
  const int result =
      point == 0 ? drmSyncobjWait(fd(), &syncobj, 1, deadline(ms), flags, nullptr)
                 : drmSyncobjTimelineWait(fd(), &syncobj, &point, 1, deadline(ms), flags, nullptr);
  return -result;
}

int Client::status(std::uint32_t syncobj) const {
  int fd_out = -1;
  require(drmSyncobjExportSyncFile(fd(), syncobj, &fd_out) == 0 ? 0 : errno,
          "SYNCOBJ_HANDLE_TO_FD");
  return sync_file_status(File(fd_out));
}

int Client::run_raw(const drm_halyard_job& job, std::uint32_t done) const {
  require(submit(std::span(&job, 1)), "SUBMIT");
  require(wait(done), "SYNCOBJ_WAIT");
  const int result = status(done);
  drmSyncobjDestroy(fd(), done);
  return result;
}

// ---- The system around it ----

int sync_file_status(const File& file) {
  sync_file_info info{};
  require(drmIoctl(file.get(), SYNC_IOC_FILE_INFO, &info) == 0 ? 0 : errno, "SYNC_IOC_FILE_INFO");
  return info.status;
}

std::string debugfs_folder() {
  const std::string node = device_node();
  return "/sys/kernel/debug/accel/" + node.substr(node.find_last_not_of("0123456789") + 1);
}

void inject(const std::string& kind, int target, unsigned skip, unsigned count, unsigned argument) {
  std::ofstream file(debugfs_folder() + "/inject");
  file << kind << ' ' << target << ' ' << skip << ' ' << count << ' ' << argument << std::flush;
  if (!file) {
    throw std::runtime_error("can't inject " + kind + " at " + debugfs_folder());
  }
}

unsigned injected() {
  std::ifstream file(debugfs_folder() + "/inject");
  std::string word;
  unsigned count = 0;
  if (!(file >> word >> count) || word != "fired") {
    throw std::runtime_error("can't read " + debugfs_folder() + "/inject");
  }
  return count;
}

bool wait_for_injection() {
  for (int i = 0; i < 4000; ++i) {
    if (injected() != 0) {
      return true;
    }
    sleep_ms(5);
  }
  return false;
}

void sleep_ms(unsigned ms) {
  timespec pause{.tv_sec = ms / 1000, .tv_nsec = static_cast<long>(ms % 1000) * kNanosecondsPerMs};
  nanosleep(&pause, nullptr);
}

std::string fdinfo_text(const Client& client) {
  const std::ifstream file("/proc/self/fdinfo/" + std::to_string(client.fd()));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::uint64_t fdinfo(const Client& client, const std::string& key) {
  std::istringstream text(fdinfo_text(client));
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(key + ":")) {
      return std::stoull(line.substr(key.size() + 1));
    }
  }
  return 0;
}

int fork_child(bool unprivileged) {
  const int pid = fork();
  require(pid < 0 ? errno : 0, "fork");
  if (pid == 0 && unprivileged) {
    if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) {
      _Exit(EXIT_FAILURE);
    }
  }
  return pid;
}

int wait_child(int pid) {
  int status = 0;
  require(waitpid(pid, &status, 0) == pid ? 0 : errno, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace halyard::test
