// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <utility>

#include "chips/chip.hpp"
#include "vfio_user/protocol.hpp"
#include "vfio_user/unique_fd.hpp"

namespace halyard::emu::vfio_user {

/// Which bus addresses lead to which guest memory.
///
/// map() and unmap() come from the message thread, find() from any thread that holds a pin(). Each
/// file is mapped into this process once, however many ranges refer to it: with a virtual IOMMU
/// every 4 KiB page is a range of its own.
class DmaMap {
 public:
  DmaMap() = default;
  DmaMap(const DmaMap&) = delete;
  DmaMap& operator=(const DmaMap&) = delete;

  /// Adds a range. Without a file (`fd` < 0) the range is known but cannot be used: its memory can
  /// only be had by messages, which this server does not do. Returns 0 or an errno: EEXIST
  /// overlaps, ENOSPC too many, EINVAL not a regular file or beyond its end, else why mmap failed.
  int map(const DmaMapRequest& request, int fd);

  /// Removes every range inside [address, address + size), after the work that holds a pin has let
  /// it go. Returns 0, ENOENT when there is none, EINVAL when a border would cut one.
  int unmap(std::uint64_t address, std::uint64_t size);

  void unmap_all();

  /// Memory for at most `size` bytes at `address`, up to the end of its range. Empty when no usable
  /// range allows the access. Valid while the caller's pin is held.
  [[nodiscard]] std::span<std::byte> find(std::uint64_t address, std::size_t size,
                                          Access access) const;

  /// A thread may hold one pin at a time: a waiting unmap goes before later pins, so a second one
  /// would wait for the unmap, which waits for the first.
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin();

  /// Ranges at present. Message thread.
  [[nodiscard]] std::size_t size() const { return ranges_.size(); }

 private:
  class File;
  struct Range {
    std::uint64_t size;
    std::shared_ptr<File> file;  ///< keeps `memory` mapped
    std::byte* memory;           ///< null when the range cannot be used
    bool readable, writable;
  };
  using Ranges = std::map<std::uint64_t, Range>;  ///< by address, disjoint

  int open_file(int fd, std::uint64_t end, std::shared_ptr<File>& file);
  void warn_unusable(const DmaMapRequest& request);
  [[nodiscard]] std::unique_lock<std::shared_mutex> lock();

  std::mutex turnstile_;  ///< taken before mutex_; keeps a stream of pins from starving an unmap
  mutable std::shared_mutex mutex_;  ///< protects ranges_; shared by pins
  Ranges ranges_;
  std::map<std::pair<dev_t, ino_t>, std::weak_ptr<File>> files_;  ///< message thread only
  bool warned_unusable_ = false;                                  ///< message thread only
  mutable std::atomic<bool> warned_access_{false};
};

}  // namespace halyard::emu::vfio_user
