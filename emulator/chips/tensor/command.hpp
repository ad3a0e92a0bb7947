// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A command in terms of the arithmetic, whatever the format that a chip read it from: copied,
/// checked, and never read again from the client.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/engine.hpp"

namespace halyard::emu::tensor {

/// Operands of the operation that takes the most.
inline constexpr unsigned kMaxOperands = 5;
/// Bytes from the first to the last element of one operand, and of all operands of a command.
inline constexpr std::uint64_t kMaxOperandBytes = std::uint64_t{1} << 31;
inline constexpr std::uint64_t kMaxCommandBytes = std::uint64_t{1} << 32;

/// A tensor in the job's address space, inside the piece of it that it was given.
struct Operand {
  engine::Tensor tensor;  ///< type and shape; `data` stays null
  bool present = false;
  std::uint64_t first = 0;  ///< address of element (0, ..., 0)
  std::uint64_t begin = 0;  ///< lowest address of an element
  std::uint64_t bytes = 0;  ///< from `begin` to the end of the highest element
  std::uint64_t elements = 0;
};

/// What commands do. The operands stand in this order, those in brackets may be absent.
enum class Op : std::uint8_t {
  kNone,        ///< nothing; no operands
  kWord,        ///< something of the chip's with a 64-bit word in memory: one operand
  kMatmul,      ///< a, b, [bias], [scale], out
  kConv2d,      ///< in, weight, [bias], [scale], out
  kBinary,      ///< a, b, out
  kActivate,    ///< in, out
  kPool2d,      ///< in, out
  kSoftmax,     ///< in, out
  kNorm,        ///< in, [gain], [bias], out
  kCopy,        ///< in, out
  kGather,      ///< in, index, out
  kQuantize,    ///< in, scale, out
  kDequantize,  ///< in, scale, out
  kRequantize,  ///< in, scale, out
  kFill,        ///< out
  kRotate,      ///< in, angle, out
  kScatter,     ///< in, index, out
  kUnpack,      ///< in, out
  kFunction,    ///< in, out
  kOrder,       ///< in, out
  kLinear,      ///< a, b, out
};

/// Of all operations together: each looks at its own. The epilogue's tensors are operands.
struct Params {
  engine::Activation activation = engine::Activation::kNone;
  std::int32_t zero_point = 0;
  engine::Conv2dParams conv2d;
  engine::PoolParams pool2d;
  engine::Binary binary = engine::Binary::kAdd;
  engine::Function function = engine::Function::kExp;
  bool descending = false;
  engine::Norm norm = engine::Norm::kLayer;
  float epsilon = 0;
  std::uint32_t axis = 0;
  std::uint32_t pattern = 0;
  float factor = 1;
  engine::Format format{};
};

struct Command;
struct CostModel;
using Tensors = std::array<engine::Tensor, kMaxOperands>;

/// What is known of an operation: one row of the table in operations.cpp.
struct Operation {
  const char* name;
  std::uint8_t operands;
  std::uint8_t optional;  ///< bit n: operand n may be absent
  std::uint8_t snapshot;  ///< bit n: operand n is copied before use, as its values are checked
  bool has_output;        ///< the last operand is written
  bool in_place;          ///< the output may be the very same view as an input
  bool picks_rows;        ///< the output's rows that operand 1 names are written, no others

  /// Relations that the arithmetic knows nothing of; a reason, or empty.
  std::string (*check)(const Command& command);
  /// Runs the command's arithmetic by `engine`, which may be one that only checks. Null for
  /// operations without any.
  std::string (*apply)(const engine::Arithmetic& engine, const Command& command,
                       const Tensors& tensors);
  /// Cycles of the computation alone; cost.hpp adds the rest. Null: none.
  std::uint64_t (*compute_cycles)(const CostModel& model, const Command& command);
};

const Operation& operation(Op op);

struct Command {
  Op op = Op::kNone;
  std::array<Operand, kMaxOperands> operands{};  ///< as many as the operation has
  Params params;

  [[nodiscard]] const Operation& info() const { return operation(op); }
};

}  // namespace halyard::emu::tensor
