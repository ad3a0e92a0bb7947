// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A valid task of each kind, in as many variants as there are types and functions.

#include <cstdint>
#include <string>
#include <vector>

#include "stream.hpp"

namespace halyard::emu::test {

struct Sample {
  std::string name;
  Task task;
};

/// Operands lie one behind the other in binding 0, which has kSampleBytes; the output comes last.
inline constexpr std::uint64_t kSampleBytes = 1 << 16;
const std::vector<Sample>& samples();

}  // namespace halyard::emu::test
