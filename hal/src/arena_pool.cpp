// SPDX-License-Identifier: MIT
#include "arena_pool.hpp"

#include <algorithm>
#include <utility>

namespace halyard::hal {

void ArenaPool::add_chunk(std::size_t bytes) {
  const auto wanted =
      chunks_.empty() ? kFirstChunk : std::min(2 * chunks_.back().host.size(), kLargestChunk);
  auto memory = Memory::create(vm_, std::max(bytes, wanted));
  const auto host = memory->map();
  chunks_.push() = {std::move(memory), host, 0, 0};
}

ArenaSlot ArenaPool::take(std::size_t bytes, std::uint64_t number, std::uint64_t done) {
  bytes = (bytes + 63) / 64 * 64;
  if (chunks_.empty()) add_chunk(bytes);
  // An idle queue begins at the front again: that memory is in the cache.
  if (chunks_.back().last_job <= done) chunks_.back().used = 0;
  if (chunks_.back().host.size() - chunks_.back().used < bytes) {
    if (chunks_.front().last_job <= done && chunks_.front().host.size() >= bytes) {
      auto chunk = std::move(chunks_.front());
      chunks_.pop_front();
      chunk.used = 0;
      chunks_.push() = std::move(chunk);
    } else {
      add_chunk(bytes);
    }
  }
  auto& chunk = chunks_.back();
  const ArenaSlot slot{chunk.host.subspan(chunk.used, bytes), chunk.memory.get(), chunk.used};
  chunk.used += bytes;
  chunk.last_job = number;
  return slot;
}

}  // namespace halyard::hal
