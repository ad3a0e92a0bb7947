// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A graph as commands that no chip has and every chip's encoder understands.

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "graph.hpp"
#include "plugin.hpp"

namespace halyard::hal::lowering {

/// A strided tensor in a binding. Rank 0: absent.
struct Operand {
  std::uint64_t offset = 0;  ///< bytes from the binding's start to the first element
  std::uint32_t binding = 0;
  halyard_dtype dtype{};
  std::uint32_t rank = 0;
  std::array<std::uint32_t, HALYARD_MAX_RANK> dims{};    ///< beyond the rank 0
  std::array<std::int32_t, HALYARD_MAX_RANK> strides{};  ///< elements; beyond the rank 0
};

/// Bindings of every program, before those of the graph.
enum FixedBinding : std::uint32_t {
  kBindConstants = 0,
  kBindScratch = 1,
  kBindStatus = 2,  ///< a cell in the arena: not zero when the stream was executed to its end
  kBindProfile = 3,
  kFixedBindings = 4
};

/// What a command does; operands in this order, [x] may be absent.
enum class Opcode : std::uint8_t {
  kMatmul,      ///< a, b, [bias], [scale], out; Epilogue
  kConv2d,      ///< in, weight, [bias], [scale], out; Conv2d
  kBinary,      ///< a, b, out, dims equal or 1 with stride 0; BinaryOp
  kActivate,    ///< in, out; Activation
  kPool2d,      ///< in, out; Pool2d
  kSoftmax,     ///< in, out
  kNorm,        ///< in, gain, [bias], out; Norm
  kCopy,        ///< in, out of equal dims; strides transpose, types convert
  kGather,      ///< in, index, out
  kQuantize,    ///< in, scale, out; Quantize
  kDequantize,  ///< as kQuantize
  kRequantize,  ///< as kQuantize
  kRotate,      ///< in, angle, out; Rotate
  kScatter,     ///< in, index, out
  kUnpack,      ///< in, out; halyard_format
  kFunction,    ///< in, out; Function
  kOrder,       ///< in, out; Order
  kLinear,      ///< a, b, out; halyard_format
  kTimestamp,   ///< a cell: two neighbouring i32 that take the device's time in ns
};

enum class Activation : std::uint8_t { kNone, kRelu, kGelu, kSilu, kSigmoid, kTanh };
enum class BinaryOp : std::uint8_t { kAdd, kSub, kMul, kDiv, kMax, kMin };

enum class Function : std::uint8_t {
  kExp,
  kExpm1,
  kLog,
  kSqrt,
  kSin,
  kCos,
  kFloor,
  kCeil,
  kRound,
  kTrunc,
  kSign
};

/// End of a product: bias, scale, activation, zero point, rounding, saturation.
struct Epilogue {
  Activation activation = Activation::kNone;
  std::int32_t zero_point = 0;
};
struct Conv2d {
  Epilogue epilogue;
  halyard_conv2d_params window{};
};
struct Pool2d {
  bool average = false;
  halyard_pool2d_params window{};  ///< count_padding is 0 for maxima
};
struct Norm {
  bool rms = false;  ///< then without bias
  float epsilon = 0;
};
struct Quantize {
  std::uint32_t axis = 0;
  std::int32_t zero_point = 0;
};
struct Rotate {
  float factor = 1;
};
struct Order {
  bool descending = false;
};
using Params = std::variant<std::monostate, Epilogue, Conv2d, BinaryOp, Activation, Pool2d, Norm,
                            Quantize, Rotate, halyard_format, Function, Order>;

struct Command {
  Opcode opcode{};
  halyard_tensor node = 0;  ///< that it came from
  Params params;
  std::vector<Operand> operands;
};

/// "matmul" and so on, for messages.
std::string_view to_string(Opcode opcode);
std::string_view to_string(halyard_dtype dtype);

/// A lowered graph. The image lacks its stream, which is the chip's; command_names has one name per
/// command.
struct Lowered {
  std::vector<Command> commands;
  ProgramImage image;
};

}  // namespace halyard::hal::lowering
