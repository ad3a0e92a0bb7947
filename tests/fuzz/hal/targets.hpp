// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the fuzzer of saved programs runs, for it and for the bounded test. Throws std::logic_error
/// when what must never happen happens.

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace halyard::test {

/// Loads the bytes as a saved program: the first byte chooses the device, one of each chip in
/// process; the second whether size and digest are made right first; the rest is the file. What is
/// accepted can be looked at, saved and loaded again. Returns whether it was accepted.
bool fuzz_program(std::span<const std::uint8_t> bytes);

/// A saved program with some of its bits and fields changed.
std::vector<std::uint8_t> mutated_program(std::minstd_rand& random);

}  // namespace halyard::test
