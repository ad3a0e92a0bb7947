// SPDX-License-Identifier: MIT
#include "watching_host.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "chips/common/registers.hpp"

namespace dory_test {

namespace emu = halyard::emu;

namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

GuardedMemory::GuardedMemory(std::size_t size, std::size_t slack) {
  const std::size_t inner = (size + slack + kPage - 1) / kPage * kPage;
  void* memory = ::mmap(nullptr, inner + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mapping_ = {static_cast<std::byte*>(memory), inner + 2 * kPage};
  const auto usable = mapping_.subspan(kPage, inner);
  if (!usable.empty() && ::mprotect(usable.data(), inner, PROT_READ | PROT_WRITE) != 0)
    throw std::bad_alloc();
  bytes_ = usable.last(size + slack).first(size);
}

GuardedMemory::~GuardedMemory() {
  ::munmap(mapping_.data(), mapping_.size());
}

void WatchingHost::map(std::uint32_t bus, std::span<std::byte> memory, bool writable) {
  ranges_.push_back({bus, memory, writable});
}

std::span<std::byte> WatchingHost::dma(std::uint64_t address, std::size_t size,
                                       emu::Access access) {
  const auto found = std::ranges::find_if(ranges_, [&](const Range& range) {
    return address >= range.bus && address - range.bus < range.memory.size();
  });
  const bool write = access == emu::Access::kWrite;
  if (found != ranges_.end() && (found->writable || !write) &&
      size <= found->memory.size() - (address - found->bus))
    return found->memory.subspan(address - found->bus, size);
  const std::scoped_lock guard(mutex_);
  if (!escape_)
    escape_ = std::string(write ? "write of " : "read of ") + std::to_string(size) + " bytes at " +
              emu::hex(address);
  return {};
}

std::optional<std::string> WatchingHost::escape() const {
  const std::scoped_lock guard(mutex_);
  return escape_;
}

}  // namespace dory_test
