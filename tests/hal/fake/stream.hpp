// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The command stream of "fake", a chip that exists for the HAL's tests: as little as makes every
/// path of the library run.

#include <cstddef>
#include <cstdint>

namespace halyard::fake {

enum class Opcode : std::uint32_t {
  kAdd = 1,  ///< f32: out = a + b
  kMul,      ///< f32: out = a * b
  kRelu,     ///< f32: out = max(a, 0)
  kGather,   ///< rows of `width` f32 of a by the i32 indices b
  kCopy,     ///< bytes
  kFill,     ///< `pattern`, 32 bits each
  kStamp,    ///< the time in ns, 64 bits
};

/// A range in one of the job's bindings.
struct Operand {
  std::uint32_t binding = 0;
  std::uint32_t pad = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct Command {
  Opcode opcode{};
  std::uint32_t width = 0;    ///< gather: elements of a row
  std::uint32_t pattern = 0;  ///< fill
  std::uint32_t pad = 0;
  Operand a, b, out;
};

/// An entry of the binding table.
struct Binding {
  std::uint64_t address = 0, size = 0;
};

struct Payload {
  std::uint64_t stream = 0, bindings = 0;
  std::uint32_t commands = 0, binding_count = 0;
};

/// The chip blob.
struct Info {
  std::uint32_t revision = 0;
  std::uint32_t pad = 0;
};

// Of the card.
inline constexpr std::uint64_t kCardMemory = std::uint64_t{64} << 20U;
inline constexpr std::uint32_t kCardBuffers = 8;

inline constexpr std::uint32_t kRevision = 2U << 16U | 1U;
inline constexpr std::uint32_t kComputeClass = 0, kCopyClass = 1;

}  // namespace halyard::fake
