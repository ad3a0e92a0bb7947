// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// An address space in this process, with pages where the test wants them.

#include <cstdint>
#include <map>
#include <shared_mutex>
#include <span>

#include "chips/chip.hpp"
#include "stream.hpp"
#include "test_memory.hpp"

namespace halyard::emu::test {

class FakeSpace final : public AddressSpace {
 public:
  static constexpr std::size_t kPage = 4096;

  explicit FakeSpace(std::size_t pages = 8192) : memory_(pages * kPage) {}

  // AddressSpace
  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                 Fault& fault) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override {
    return std::shared_lock(mutex_);
  }

  std::uint64_t allocate(std::size_t size, bool scattered, bool writable = true);
  /// The memory behind all addresses, pages in the order of their allocation.
  [[nodiscard]] std::span<std::byte> bytes() { return memory_.bytes(); }
  void copy_out(std::uint64_t address, std::span<std::byte> data);
  void copy_in(std::uint64_t address, std::span<const std::byte> data);

 private:
  struct Page {
    std::size_t index;
    bool writable;
  };
  [[nodiscard]] std::byte* page_memory(std::size_t index);

  TestMemory memory_;
  std::size_t next_page_ = 0;
  std::uint64_t next_address_ = 0x100000;
  std::map<std::uint64_t, Page> pages_;
  std::shared_mutex mutex_;
};

}  // namespace halyard::emu::test
