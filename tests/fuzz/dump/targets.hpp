// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the fuzzer of the kernel's dumps runs, for it and for the bounded test. Throws
/// std::logic_error when what must never happen happens.

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace halyard::test {

/// Reads the bytes as a dump and prints what was accepted: all of it lies in the file, and no
/// control character reaches the terminal. Returns whether it was accepted.
bool fuzz_dump(std::span<const std::uint8_t> bytes);

/// A dump with sections of each kind, some of its fields changed.
std::vector<std::uint8_t> mutated_dump(std::minstd_rand& random);

}  // namespace halyard::test
