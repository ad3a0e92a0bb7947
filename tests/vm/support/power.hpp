// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A card that sleeps: how the kernel sees it, and how the card itself does.

#include <chrono>
#include <filesystem>
#include <string>

namespace halyard::test {

/// The card's folder "power" in sysfs.
std::filesystem::path power_folder();

/// "active", "suspended", ...: what the kernel thinks.
std::string runtime_status();

/// What the card tells in its configuration space: it is in D3hot. Does not wake it.
bool card_sleeps();

/// Waits until both say so; false when they do not.
bool wait_for_sleep();

/// After how long without use the card is to fall asleep.
void set_sleep_after(std::chrono::milliseconds delay);

/// Keeps the card awake, as an administrator can.
class Awake {
 public:
  Awake();
  ~Awake();
  Awake(const Awake&) = delete;
  Awake& operator=(const Awake&) = delete;

 private:
  std::filesystem::path control_;
};

}  // namespace halyard::test
