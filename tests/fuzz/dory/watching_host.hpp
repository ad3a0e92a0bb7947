// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A machine that knows what the card may touch and notes everything else.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "chips/chip.hpp"

namespace dory_test {

/// Memory between pages that nobody may touch; its last byte is the last before such a page, so
/// that an access beyond it ends the program, with or without a sanitizer.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t size, std::size_t slack = 0);
  ~GuardedMemory();
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> mapping_;
  std::span<std::byte> bytes_;
};

/// Only what is mapped now may be accessed. Thread-safe, but for map() and clear().
class WatchingHost final : public halyard::emu::Host {
 public:
  void map(std::uint32_t bus, std::span<std::byte> memory, bool writable);
  void clear() { ranges_.clear(); }

  std::span<std::byte> dma(std::uint64_t address, std::size_t size,
                           halyard::emu::Access access) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin_dma() override {
    return std::shared_lock(pins_);
  }
  void raise(unsigned /*vector*/) override {}
  [[nodiscard]] bool bus_master() const override { return true; }

  /// The first access outside of what is mapped, if there was one.
  [[nodiscard]] std::optional<std::string> escape() const;

 private:
  struct Range {
    std::uint64_t bus;
    std::span<std::byte> memory;
    bool writable;
  };
  std::vector<Range> ranges_;
  std::shared_mutex pins_;
  mutable std::mutex mutex_;  ///< protects escape_
  std::optional<std::string> escape_;
};

}  // namespace dory_test
