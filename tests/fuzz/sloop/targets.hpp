// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the fuzzers run, for them and for the bounded tests. Each throws std::logic_error when what
/// must never happen happens.

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace halyard::emu::test {

/// Decodes and runs the bytes as a stream of tasks; card memory that the job may not write must
/// not change.
void fuzz_tasks(std::span<const std::uint8_t> bytes);

/// Verifies the bytes as a firmware image; only the repository's may be accepted.
void fuzz_firmware(std::span<const std::uint8_t> bytes);

/// Valid tasks with some of their bits and fields changed.
std::vector<std::uint8_t> mutated_tasks(std::minstd_rand& random);
/// The valid image with some of its bytes changed, signed again or not.
std::vector<std::uint8_t> mutated_firmware(std::minstd_rand& random);

}  // namespace halyard::emu::test
