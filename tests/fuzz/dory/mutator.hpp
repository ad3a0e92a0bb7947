// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Makes command streams that are valid, and some that are so no longer.

#include <cstdint>
#include <random>
#include <vector>

#include "regions.hpp"

namespace dory_test {

using Random = std::minstd_rand;
using Words = std::vector<std::uint32_t>;

/// Some operations, all valid where region 0 may be read and region 1 written, 16 KiB each.
Words valid_stream(Random& random);

/// Changes something: a word, a state register before some operation, the order; places an operand
/// at the border of one of `regions`.
void mutate(Words& words, const Regions& regions, Random& random);

}  // namespace dory_test
