// SPDX-License-Identifier: MIT
#include "vfio_user/dma_map.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "vfio_user/log.hpp"

namespace halyard::emu::vfio_user {

/// A file of guest memory, mapped whole and shared.
class DmaMap::File {
 public:
  File(void* memory, std::uint64_t size, bool writable)
      : memory_(static_cast<std::byte*>(memory)), size_(size), writable_(writable) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::munmap(memory_, size_); }

  [[nodiscard]] std::byte* memory() const { return memory_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool writable() const { return writable_; }

 private:
  std::byte* memory_;
  std::uint64_t size_;
  bool writable_;
};

int DmaMap::open_file(int fd, std::uint64_t end, std::shared_ptr<File>& file) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return errno;
  // Only a regular file (a memfd is one) has a length to check against: beyond its end every access
  // is a SIGBUS.
  if (!S_ISREG(status.st_mode)) return EINVAL;
  const auto length = static_cast<std::uint64_t>(status.st_size);
  if (end > length) return EINVAL;

  std::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
  auto& known = files_[{status.st_dev, status.st_ino}];
  file = known.lock();
  if (file && file->size() >= end) return 0;

  bool writable = true;
  void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (memory == MAP_FAILED && (errno == EACCES || errno == EPERM)) {
    writable = false;
    memory = ::mmap(nullptr, length, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
  }
  if (memory == MAP_FAILED) return errno;
  file = std::make_shared<File>(memory, length, writable);
  known = file;
  return 0;
}

int DmaMap::map(const DmaMapRequest& request, int fd) {
  const std::uint64_t end = request.address + request.size;
  const auto next = ranges_.lower_bound(request.address);
  if (next != ranges_.end() && next->first < end) return EEXIST;
  if (next != ranges_.begin()) {
    const auto& [address, range] = *std::prev(next);
    if (address + range.size > request.address) return EEXIST;
  }
  if (ranges_.size() >= kMaxDmaMaps) return ENOSPC;

  Range range{request.size, nullptr, nullptr, request.readable, request.writable};
  if (fd >= 0) {
    if (const int error = open_file(fd, request.offset + request.size, range.file); error != 0)
      return error;
    if (range.writable && !range.file->writable()) return EACCES;
    range.memory = range.file->memory() + request.offset;
  } else {
    warn_unusable(request);
  }
  const auto guard = lock();
  ranges_.emplace_hint(next, request.address, std::move(range));
  return 0;
}

void DmaMap::warn_unusable(const DmaMapRequest& request) {
  // ROMs and the BARs of peers come without a file in every machine. Writable memory before any
  // shared memory is the guest's RAM itself.
  const bool shared_memory = std::any_of(ranges_.begin(), ranges_.end(),
                                         [](const auto& entry) { return entry.second.file; });
  if (shared_memory || !request.writable || warned_unusable_) return;
  warned_unusable_ = true;
  log_error("guest memory at " + hex(request.address) +
            " is not shared, the card cannot reach it: start QEMU with "
            "-object memory-backend-memfd,id=m0,size=...,share=on -machine ...,memory-backend=m0");
}

int DmaMap::unmap(std::uint64_t address, std::uint64_t size) {
  const std::uint64_t last = address + (size - 1);
  const auto first = ranges_.lower_bound(address);
  const auto end = ranges_.upper_bound(last);
  if (first != ranges_.begin()) {
    const auto& [before, range] = *std::prev(first);
    if (before + range.size > address) return EINVAL;
  }
  if (first == end) return ENOENT;
  const auto& [final_address, final_range] = *std::prev(end);
  if (final_address + (final_range.size - 1) > last) return EINVAL;

  const auto guard = lock();
  ranges_.erase(first, end);
  return 0;
}

void DmaMap::unmap_all() {
  const auto guard = lock();
  ranges_.clear();
}

std::span<std::byte> DmaMap::find(std::uint64_t address, std::size_t size, Access access) const {
  auto found = ranges_.upper_bound(address);
  if (found == ranges_.begin()) return {};
  const auto& [start, range] = *--found;
  const std::uint64_t offset = address - start;
  if (offset >= range.size) return {};
  if (!(access == Access::kWrite ? range.writable : range.readable)) return {};
  if (range.memory == nullptr) {
    if (!warned_access_.exchange(true)) {
      log_error("DMA to " + hex(address) + ": that memory is not shared with the card");
    }
    return {};
  }
  return {range.memory + offset,
          static_cast<std::size_t>(std::min<std::uint64_t>(size, range.size - offset))};
}

std::shared_lock<std::shared_mutex> DmaMap::pin() {
  const std::scoped_lock guard(turnstile_);
  return std::shared_lock(mutex_);
}

std::unique_lock<std::shared_mutex> DmaMap::lock() {
  const std::scoped_lock guard(turnstile_);
  return std::unique_lock(mutex_);
}

}  // namespace halyard::emu::vfio_user
