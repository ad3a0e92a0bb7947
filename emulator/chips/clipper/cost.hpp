// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The cost model: cycles that a command takes. The manual states the same numbers.

#include <cstdint>

#include "chips/clipper/command.hpp"

namespace halyard::emu::clipper {

inline constexpr std::uint64_t kCommandCycles = 64;  ///< of every command: fetch, decode, retire
inline constexpr std::uint64_t kBytesPerCycle = 64;  ///< between an engine and memory
inline constexpr std::uint64_t kMacsPerCycleF32 = 256;
inline constexpr std::uint64_t kMacsPerCycle16Bit = 1024;
inline constexpr std::uint64_t kMacsPerCycleI8 = 2048;
inline constexpr std::uint64_t kElementsPerCycle = 64;         ///< simple elementwise operations
inline constexpr std::uint64_t kTranscendentalsPerCycle = 16;  ///< exp, erf, tanh, division, roots

std::uint64_t matmul_cycles(const Command& command);
std::uint64_t conv2d_cycles(const Command& command);
std::uint64_t binary_cycles(const Command& command);
std::uint64_t activate_cycles(const Command& command);
std::uint64_t pool2d_cycles(const Command& command);
std::uint64_t elementwise_cycles(const Command& command);
std::uint64_t transcendental_cycles(const Command& command);

/// Of the whole command: kCommandCycles and the longer of computation and memory traffic.
std::uint64_t command_cycles(const Command& command);

}  // namespace halyard::emu::clipper
