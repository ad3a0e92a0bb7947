// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What can be chosen of a card on the command line: "name=value". All functions throw
/// std::invalid_argument that says what is wrong.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace halyard::emu {

std::vector<std::pair<std::string, std::string>> split_settings(
    const std::vector<std::string>& settings);

struct SizeRange {
  std::uint64_t min, max, step;
};

/// Bytes from "67108864", "65536K", "64M" or "1G": within the range, a multiple of its step.
std::uint64_t parse_size(const std::string& name, const std::string& value, const SizeRange& range);

/// For cards that have nothing to choose.
void refuse_settings(const std::vector<std::string>& settings);

}  // namespace halyard::emu
