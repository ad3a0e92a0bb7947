// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Makes command streams that are valid, and some that are so no longer.

#include <cstdint>
#include <random>
#include <vector>

namespace dory_test {

using Random = std::minstd_rand;
using Words = std::vector<std::uint32_t>;

/// Some operations, all valid on the regions of Containment.
Words valid_stream(Random& random);

/// Changes something: a word, a state register before some operation, the order.
void mutate(Words& words, Random& random);

}  // namespace dory_test
