// SPDX-License-Identifier: MIT
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <span>

namespace halyard::emu::test {

/// Zeroed, page-aligned memory that costs only what is touched: there is one for each test.
class TestMemory {
 public:
  explicit TestMemory(std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    bytes_ = {static_cast<std::byte*>(memory), size};
  }
  ~TestMemory() { ::munmap(bytes_.data(), bytes_.size()); }
  TestMemory(const TestMemory&) = delete;
  TestMemory& operator=(const TestMemory&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace halyard::emu::test
