// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The cost model that all chips have in common: cycles that a command takes, by the chip's rates.

#include <cstdint>

#include "chips/tensor/command.hpp"

namespace halyard::emu::tensor {

/// A chip's numbers; its manual states the same.
struct CostModel {
  std::uint64_t command;     ///< cycles of every command: fetch, decode, retire
  std::uint64_t bytes;       ///< per cycle, between an engine and memory
  std::uint64_t macs_f32;    ///< multiply-adds per cycle
  std::uint64_t macs_16bit;  ///< of F16 and BF16
  std::uint64_t macs_i8;
  std::uint64_t elements;         ///< per cycle, of simple elementwise operations
  std::uint64_t transcendentals;  ///< per cycle: exp, erf, tanh, division, roots
};

std::uint64_t matmul_cycles(const CostModel& model, const Command& command);
std::uint64_t conv2d_cycles(const CostModel& model, const Command& command);
std::uint64_t binary_cycles(const CostModel& model, const Command& command);
std::uint64_t activate_cycles(const CostModel& model, const Command& command);
std::uint64_t pool2d_cycles(const CostModel& model, const Command& command);
std::uint64_t function_cycles(const CostModel& model, const Command& command);
std::uint64_t order_cycles(const CostModel& model, const Command& command);
std::uint64_t scatter_cycles(const CostModel& model, const Command& command);
std::uint64_t elementwise_cycles(const CostModel& model, const Command& command);
std::uint64_t transcendental_cycles(const CostModel& model, const Command& command);

/// Of the whole command: CostModel::command and the longer of computation and memory traffic.
std::uint64_t command_cycles(const CostModel& model, const Command& command);

}  // namespace halyard::emu::tensor
