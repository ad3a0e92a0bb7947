// SPDX-License-Identifier: MIT
#include "platform/sim/buffers.hpp"

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>

namespace halyard::hal::sim {

namespace {

[[noreturn]] void fail(halyard_status status, const std::string& what, int error) {
  ErrorDetails details;
  details.system_error = error;
  throw Error(status, what + ": " + std::strerror(error), details);
}

/// Descriptors that buffers of this process hold.
std::atomic<std::uint64_t> held_descriptors{0};

/// Buffers may take a quarter of the process's descriptors; the rest is the application's.
bool may_hold_descriptor() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 && held_descriptors.load() < limit.rlim_cur / 4;
}

/// -1 when none is to be had: the memory is then anonymous.
int make_file(std::uint64_t size) {
  if (!may_hold_descriptor()) return -1;
  // Sealed against shrinking: nobody who imports it can make an engine run into SIGBUS, and udmabuf
  // asks for it.
  const int fd = memfd_create("halyard-sim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (ftruncate(fd, static_cast<off_t>(size)) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
    close(fd);
    return -1;
  }
  held_descriptors.fetch_add(1);
  return fd;
}

void drop_file(int fd) noexcept {
  if (fd < 0) return;
  close(fd);
  held_descriptors.fetch_sub(1);
}

std::span<std::byte> map_pages(std::uint64_t size, int fd) {
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (address == MAP_FAILED) return {};
  return {static_cast<std::byte*>(address), static_cast<std::size_t>(size)};
}

/// A dma-buf of all of a memfd, or -1 when this kernel has no udmabuf or we may not use it.
int make_dmabuf(int memfd, std::uint64_t size) {
  const int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
  if (device < 0) return -1;
  udmabuf_create request{};
  request.memfd = static_cast<std::uint32_t>(memfd);
  request.flags = UDMABUF_FLAGS_CLOEXEC;
  request.size = size;
  const int fd = ioctl(device, UDMABUF_CREATE, &request);
  close(device);
  return fd;
}

}  // namespace

std::unique_ptr<HostMemory> HostMemory::create(std::uint64_t size) {
  if (size > static_cast<std::uint64_t>(INT64_MAX)) {
    throw Error(HALYARD_OUT_OF_MEMORY, std::to_string(size) + " bytes are more than memory");
  }
  const int fd = make_file(size);
  const auto bytes = map_pages(size, fd);
  if (bytes.empty()) {
    const int error = errno;
    drop_file(fd);
    fail(HALYARD_OUT_OF_MEMORY, "no memory for " + std::to_string(size) + " bytes", error);
  }
  return std::unique_ptr<HostMemory>(new HostMemory(bytes, fd, Origin::kOwn));
}

std::unique_ptr<HostMemory> HostMemory::wrap(std::span<std::byte> memory) {
  return std::unique_ptr<HostMemory>(new HostMemory(memory, -1, Origin::kWrapped));
}

std::unique_ptr<HostMemory> HostMemory::import(int fd) {
  // A dma-buf tells its size by seeking only.
  const auto size = lseek(fd, 0, SEEK_END);
  if (size < 0) fail(HALYARD_INVALID_ARGUMENT, "the descriptor is no buffer", errno);
  const auto page = static_cast<off_t>(sysconf(_SC_PAGESIZE));
  if (size == 0 || size % page != 0) {
    throw Error(HALYARD_INVALID_ARGUMENT,
                "the descriptor is no buffer: it has " + std::to_string(size) + " bytes");
  }
  const auto bytes = map_pages(static_cast<std::uint64_t>(size), fd);
  if (bytes.empty()) fail(HALYARD_UNSUPPORTED, "the buffer cannot be mapped", errno);
  return std::unique_ptr<HostMemory>(new HostMemory(bytes, -1, Origin::kImported));
}

HostMemory::~HostMemory() {
  if (origin_ != Origin::kWrapped) munmap(bytes_.data(), bytes_.size());
  drop_file(fd_);
}

int HostMemory::export_fd() const {
  switch (origin_) {
    case Origin::kWrapped:
      throw Error(HALYARD_UNSUPPORTED, "memory of the process itself cannot be exported");
    case Origin::kImported:
      throw Error(HALYARD_UNSUPPORTED, "an imported buffer is exported by who made it");
    case Origin::kOwn:
      break;
  }
  if (fd_ < 0) {
    throw Error(HALYARD_UNSUPPORTED,
                "the buffer was made when buffers already held a quarter of this process's "
                "descriptors (RLIMIT_NOFILE), and has none to export");
  }
  int fd = make_dmabuf(fd_, bytes_.size());
  if (fd < 0) fd = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) fail(HALYARD_SYSTEM, "the buffer cannot be exported", errno);
  return fd;
}

namespace {

/// What the kernel knows by itself: whose memory is behind a descriptor. Thread-safe.
class Exports {
 public:
  struct Origin {
    std::string chip;
    std::weak_ptr<HostMemory> memory;
    std::size_t region = 0;
  };

  void add(int fd, Origin origin) {
    const auto key = key_of(fd);
    const std::lock_guard lock(mutex_);
    std::erase_if(origins_, [](const auto& entry) { return entry.second.memory.expired(); });
    origins_.insert_or_assign(key, std::move(origin));
  }
  /// Null when the memory is somebody else's.
  Buffers::Entry find(int fd, std::string_view chip) {
    const auto key = key_of(fd);
    const std::lock_guard lock(mutex_);
    const auto it = origins_.find(key);
    if (it == origins_.end() || it->second.chip != chip) return {};
    return {it->second.memory.lock(), it->second.region, true};
  }

 private:
  /// The file behind a descriptor.
  using Key = std::pair<dev_t, ino_t>;
  static Key key_of(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0) fail(HALYARD_INVALID_ARGUMENT, "the descriptor is none", errno);
    return {status.st_dev, status.st_ino};
  }

  std::mutex mutex_;
  std::map<Key, Origin> origins_;  ///< protected by mutex_
};

Exports& exports() {
  static Exports all;
  return all;
}

}  // namespace

PlatformDevice::Buffer Buffers::add(Entry entry) {
  const auto size = entry.memory->bytes().size();
  const auto region = entry.region;
  const std::lock_guard lock(mutex_);
  if (!entry.imported) used_[region] += size;
  return {table_.add(std::move(entry)), size, region};
}

PlatformDevice::Buffer Buffers::add(std::unique_ptr<HostMemory> memory, std::size_t region) {
  return add(Entry{std::move(memory), region, false});
}

PlatformDevice::Buffer Buffers::import(int fd, std::size_t foreign_region, bool take_foreign) {
  if (auto own = exports().find(fd, chip_)) return add(std::move(own));
  auto memory = HostMemory::import(fd);
  if (!take_foreign) {
    throw Error(HALYARD_UNSUPPORTED,
                "the device has no MMU, and the buffer behind the descriptor is not contiguous");
  }
  return add(std::move(memory), foreign_region);
}

void Buffers::remove(Handle handle) noexcept {
  Entry entry;
  const std::lock_guard lock(mutex_);
  entry = table_.remove(handle);
  if (entry && !entry.imported) used_[entry.region] -= entry.memory->bytes().size();
}

std::span<std::byte> Buffers::bytes(Handle handle) {
  return entry(handle).memory->bytes();
}

int Buffers::export_fd(Handle handle) {
  const auto exported = entry(handle);
  const int fd = exported.memory->export_fd();
  exports().add(fd, {chip_, exported.memory, exported.region});
  return fd;
}

Buffers::Entry Buffers::entry(Handle handle) {
  const std::lock_guard lock(mutex_);
  return table_.at(handle);
}

std::vector<std::uint64_t> Buffers::used() {
  const std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace halyard::hal::sim
