// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A device that goes away: how it is taken, and how what is under way ends.

#include <cstdint>
#include <filesystem>
#include <string>

#include "client.hpp"

namespace halyard::test {

/// Throws when it can't be done.
void write_file(const std::filesystem::path& path, const std::string& text);

/// The card's folder in sysfs.
std::filesystem::path pci_device();

/// False when none comes within ten seconds.
bool wait_for_device();

/// A syncobj's fence as a file: syncobjs are out of reach once the device is gone.
File export_fence(const Client& client, std::uint32_t syncobj);

/// Waits for a fence: 1, its negative errno, or 0 when it was not signalled within a minute.
int end_of(const File& fence);

}  // namespace halyard::test
