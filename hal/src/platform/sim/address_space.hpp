// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A device's address space: ranges of device addresses and the host memory behind them.

#include <chips/chip.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <span>

namespace halyard::hal::sim {

/// Thread-safe. translate() is called with a pin() held.
class AddressSpace final : public emu::AddressSpace {
 public:
  std::span<std::byte> translate(std::uint64_t address, std::size_t size, emu::Access access,
                                 emu::Fault& fault) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override;

  /// False when part of the range is bound already.
  bool bind(std::uint64_t va, std::span<std::byte> memory, bool read_only);
  /// Removes what is bound in the range, splitting what reaches out of it. Afterwards nobody uses
  /// the memory behind it.
  void unbind(std::uint64_t va, std::uint64_t size) noexcept;

 private:
  struct Range {
    std::span<std::byte> memory;
    bool read_only = false;
  };
  using Ranges = std::map<std::uint64_t, Range>;

  /// For changes. Engines pin nearly always, and the lock alone would let them keep a writer out
  /// for ever: who wants to write closes the gate first, and later pins queue up there.
  class Writer {
   public:
    explicit Writer(AddressSpace& space) : gate_(space.gate_), lock_(space.mutex_) {}

   private:
    std::lock_guard<std::mutex> gate_;
    std::lock_guard<std::shared_mutex> lock_;
  };
  /// The first range that reaches past `va`.
  Ranges::iterator find(std::uint64_t va);

  std::mutex gate_;
  std::shared_mutex mutex_;  ///< protects ranges_
  Ranges ranges_;            ///< by first address
};

}  // namespace halyard::hal::sim
