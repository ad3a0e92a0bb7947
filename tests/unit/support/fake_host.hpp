// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The machine around a card under test: memory at bus addresses, and a record of the interrupts.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <span>

#include "chips/chip.hpp"
#include "test_memory.hpp"

namespace halyard::emu::test {

class FakeHost final : public Host {
 public:
  static constexpr std::uint64_t kBase = 0x10000000;  ///< bus address of the memory

  explicit FakeHost(std::size_t size) : memory_(size) { map(kBase, size); }

  // Host
  std::span<std::byte> dma(std::uint64_t address, std::size_t size, Access /*access*/) override {
    wait_at_barrier(address, size);
    if (!bus_master_) return {};
    auto range = ranges_.upper_bound(address);
    if (range == ranges_.begin()) return {};
    --range;
    const std::uint64_t offset = address - range->first;
    if (offset >= range->second) return {};
    return bytes().subspan(address - kBase, std::min<std::uint64_t>(size, range->second - offset));
  }
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin_dma() override {
    return std::shared_lock(mutex_);
  }
  void raise(unsigned vector) override {
    const std::scoped_lock guard(irq_mutex_);
    ++raised_.at(vector);
    irq_.notify_all();
  }
  [[nodiscard]] bool bus_master() const override { return bus_master_; }

  // The machine's side
  [[nodiscard]] std::span<std::byte> bytes() { return memory_.bytes(); }
  /// Memory at a bus address, mapped or not.
  [[nodiscard]] std::byte* at(std::uint64_t bus) { return bytes().data() + (bus - kBase); }
  void map(std::uint64_t address, std::uint64_t size) {
    const std::unique_lock guard(mutex_);
    ranges_[address] = size;
  }
  /// Splits what is mapped there.
  void unmap(std::uint64_t address, std::uint64_t size) {
    const std::unique_lock guard(mutex_);
    auto range = std::prev(ranges_.upper_bound(address));
    const std::uint64_t first = range->first;
    const std::uint64_t end = first + range->second;
    ranges_.erase(range);
    if (first < address) ranges_[first] = address - first;
    if (address + size < end) ranges_[address + size] = end - address - size;
  }
  void set_bus_master(bool enabled) { bus_master_ = enabled; }

  /// From now on whoever accesses this address waits in the midst of it.
  void block(std::uint64_t address) {
    const std::scoped_lock guard(irq_mutex_);
    barrier_ = address;
  }
  /// Waits until somebody does.
  void wait_blocked() {
    std::unique_lock lock(irq_mutex_);
    irq_.wait(lock, [&] { return blocked_; });
  }
  void unblock() {
    const std::scoped_lock guard(irq_mutex_);
    barrier_ = 0;
    irq_.notify_all();
  }

  [[nodiscard]] unsigned raised(unsigned vector) {
    const std::scoped_lock guard(irq_mutex_);
    return raised_.at(vector);
  }
  /// False when fewer than `count` came within the time.
  bool wait_raised(unsigned vector, unsigned count,
                   std::chrono::milliseconds time = std::chrono::seconds(20)) {
    std::unique_lock lock(irq_mutex_);
    return irq_.wait_for(lock, time, [&] { return raised_.at(vector) >= count; });
  }

 private:
  void wait_at_barrier(std::uint64_t address, std::size_t size) {
    std::unique_lock lock(irq_mutex_);
    if (barrier_ < address || barrier_ >= address + size) return;
    blocked_ = true;
    irq_.notify_all();
    irq_.wait(lock, [&] { return barrier_ == 0; });
    blocked_ = false;
  }

  TestMemory memory_;
  std::shared_mutex mutex_;  ///< the pins; protects ranges_
  std::map<std::uint64_t, std::uint64_t> ranges_;
  std::atomic<bool> bus_master_{true};
  std::mutex irq_mutex_;  ///< protects all below
  std::condition_variable irq_;
  std::array<unsigned, 8> raised_{};
  std::uint64_t barrier_ = 0;
  bool blocked_ = false;
};

}  // namespace halyard::emu::test
