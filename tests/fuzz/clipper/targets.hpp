// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the fuzzer runs, for it and for the bounded test. Throws std::logic_error when what must
/// never happen happens.

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace halyard::emu::test {

/// Decodes and runs the bytes as a command stream: the first byte chooses the engine's class, the
/// rest are commands. Memory that the job may not write must not change. Returns how many commands
/// were executed.
std::size_t fuzz_stream(std::span<const std::uint8_t> bytes);

/// Valid commands with some of their bits and fields changed.
std::vector<std::uint8_t> mutated_stream(std::minstd_rand& random);

}  // namespace halyard::emu::test
