// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The card from the side: its injections and counters in debugfs, its place on the bus in sysfs.
/// The driver may be recovering it, or have lost it, whenever something is asked.

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cases.hpp"
#include "lost.hpp"

namespace halyard::faults {

/// Attempts of resets since the device was probed, by rung.
using Resets = std::array<std::uint64_t, kRungs>;

class Card {
 public:
  /// The first device, which must work.
  Card();

  [[nodiscard]] const std::string& chip() const { return chip_; }
  /// What the card offers, without "none".
  [[nodiscard]] std::vector<std::string> kinds() const;

  /// Writes to "inject"; waits while a recovery is under way. False when the device is gone.
  [[nodiscard]] bool inject(const std::string& line) const;
  /// Events spoilt since the last write; nothing when the card can't be asked right now.
  [[nodiscard]] std::optional<unsigned> fired() const;
  [[nodiscard]] Resets resets() const;
  /// Names of the threads that made the queues which are banned now.
  [[nodiscard]] std::vector<std::string> banned() const;

  /// Without progress for this long a job hangs. Lasts until the device is probed again.
  void set_timeout(unsigned ms) const;
  /// There is a device.
  [[nodiscard]] bool exists() const;
  /// False when it does not go within a while.
  [[nodiscard]] bool wait_gone() const;
  /// Gives back to the driver a card that it has lost, after a reset by the bus. Throws when that
  /// fails.
  void revive() const;

 private:
  /// What can be read right now.
  [[nodiscard]] std::string read(const std::string& name) const;

  std::string chip_;
  std::filesystem::path node_, debugfs_;
  test::Slot slot_;
};

}  // namespace halyard::faults
