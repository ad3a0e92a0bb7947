// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace halyard::emu::vfio_user {

/// Writes one line to stderr, atomically. Thread-safe. Nothing when set_quiet(true).
void log_line(std::string_view text);

/// The same for what the person has to mend: written even when quiet.
void log_error(std::string_view text);

/// Thread-safe.
void set_quiet(bool quiet);

/// 0x1234
std::string hex(std::uint64_t value);

}  // namespace halyard::emu::vfio_user
