// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>

namespace halyard::hal::lowering {

/// Places intermediate tensors in scratch memory: first fit, and what is freed is used again.
class ScratchAllocator {
 public:
  static constexpr std::uint64_t kAlignment = 64;

  std::uint64_t allocate(std::uint64_t bytes) {
    const std::uint64_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
      if (hole->second < size) continue;
      const auto [offset, room] = *hole;
      holes_.erase(hole);
      if (room > size) holes_.emplace(offset + size, room - size);
      return offset;
    }
    const std::uint64_t offset = end_;
    end_ += size;
    return offset;
  }

  void release(std::uint64_t offset, std::uint64_t bytes) {
    std::uint64_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    auto next = holes_.lower_bound(offset);
    if (next != holes_.end() && offset + size == next->first) {
      size += next->second;
      next = holes_.erase(next);
    }
    if (next != holes_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        before->second += size;
        return;
      }
    }
    holes_.emplace(offset, size);
  }

  /// Bytes needed for all that was placed.
  [[nodiscard]] std::uint64_t size() const { return end_; }

 private:
  std::map<std::uint64_t, std::uint64_t> holes_;  ///< offset to size
  std::uint64_t end_ = 0;
};

}  // namespace halyard::hal::lowering
