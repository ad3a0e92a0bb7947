// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A device that goes away: how it is taken, and how what is under way ends.

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "client.hpp"

namespace halyard::test {

/// Throws when it can't be done.
void write_file(const std::filesystem::path& path, const std::string& text);

/// The card's folder in sysfs.
std::filesystem::path pci_device();

/// Rungs of recovery that reset something, from the queue to the PCI function.
inline constexpr unsigned kRungs = 4;
/// How often each was tried.
using Resets = std::array<unsigned, kRungs>;
Resets resets();

/// The rung at which the recovery of a queue begins; kRungs: nothing is tried.
void set_recovery_from(unsigned rung);
/// How long a job may go without progress.
void set_timeout_ms(unsigned ms);

/// There is one, whatever its number.
bool has_device();

/// False when none comes within ten seconds.
bool wait_for_device();

/// Where the card is and who drives it: an administrator's view of it, which outlives the device.
class Slot {
 public:
  /// Of the device that there is.
  Slot() : device_(pci_device()), driver_(std::filesystem::canonical(device_ / "driver")) {}

  void unbind() const { write_file(driver_ / "unbind", device_.filename()); }
  void bind() const { write_file(driver_ / "bind", device_.filename()); }
  /// The rung above all of the driver's: a reset of the function does not arrive at a card without
  /// a link.
  void reset_bus() const;

 private:
  std::filesystem::path device_, driver_;
};

/// A syncobj's fence as a file: syncobjs are out of reach once the device is gone.
File export_fence(const Client& client, std::uint32_t syncobj);

/// Waits for a fence: 1, its negative errno, or 0 when it was not signalled within a minute.
int end_of(const File& fence);

}  // namespace halyard::test
