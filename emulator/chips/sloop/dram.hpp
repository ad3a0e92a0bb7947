// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The card's memory: a memfd, of which the first bytes are BAR 2.

#include <cstddef>
#include <cstdint>
#include <span>

namespace halyard::emu::sloop {

class Dram {
 public:
  /// Costs only what is touched. Throws std::system_error.
  explicit Dram(std::uint64_t size);
  ~Dram();
  Dram(const Dram&) = delete;
  Dram& operator=(const Dram&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  /// [address, address + size), which lies inside.
  [[nodiscard]] std::span<std::byte> at(std::uint64_t address, std::uint64_t size) const {
    return bytes_.subspan(address, size);
  }
  /// As after power-on: all zero.
  void clear();

 private:
  int fd_ = -1;
  std::span<std::byte> bytes_;
};

}  // namespace halyard::emu::sloop
