// SPDX-License-Identifier: MIT
#include "relocate.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "stream.hpp"

namespace halyard::hal::dory {
namespace {

constexpr std::uint32_t kRegionMask = DRM_HALYARD_DORY_FORMAT_REGION;
constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kSlotShift) - 1;

std::uint32_t load(std::span<const std::byte> stream, std::size_t word) {
  std::uint32_t value = 0;
  std::memcpy(&value, stream.subspan(word * sizeof(value), sizeof(value)).data(), sizeof(value));
  return value;
}

void store(std::span<std::byte> stream, std::size_t word, std::uint32_t value) {
  std::memcpy(stream.subspan(word * sizeof(value), sizeof(value)).data(), &value, sizeof(value));
}

/// A command's first word.
struct Head {
  explicit Head(std::uint32_t word)
      : opcode(word >> DRM_HALYARD_DORY_OPCODE_SHIFT),
        count((word & DRM_HALYARD_DORY_SET_COUNT_MASK) >> DRM_HALYARD_DORY_SET_COUNT_SHIFT),
        first(word & DRM_HALYARD_DORY_SET_FIRST_MASK) {}
  std::uint32_t opcode, count, first;
};

std::uint32_t binding_of(std::uint32_t format) {
  return (format & kRegionMask) >> 16;
}

[[noreturn]] void malformed(std::size_t word, const std::string& what) {
  throw Error(HALYARD_MALFORMED, "command stream: word " + std::to_string(word) + " " + what);
}

void check_set(std::span<const std::byte> stream, std::size_t at, const Head& head,
               std::size_t bindings) {
  const auto words = stream.size() / sizeof(std::uint32_t);
  if (head.count == 0 || head.count >= words - at) malformed(at, "sets more than there is");
  if (head.first + head.count > DRM_HALYARD_DORY_NUM_STATE) {
    malformed(at, "sets a state register that is not there");
  }
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const auto format = load(stream, at + 1 + i);
    if (operand_of_format(head.first + i) == DRM_HALYARD_DORY_NUM_OPERANDS || format == 0) continue;
    if (i + 1 == head.count) malformed(at, "gives an operand a place without its offset");
    if (binding_of(format) >= bindings) malformed(at, "names a binding that is not there");
  }
}

/// The words of one SET, with the operands where they are in this job.
void relocate_set(std::span<const std::byte> stream, std::size_t at, const Head& head,
                  std::span<const DeviceRange> bindings, std::span<std::byte> out) {
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const auto word = at + 1 + i;
    const auto value = load(stream, word);
    if (operand_of_format(head.first + i) == DRM_HALYARD_DORY_NUM_OPERANDS || value == 0) {
      store(out, word, value);
      continue;
    }
    const auto place = bindings[binding_of(value)].va;
    const auto offset = (place & kOffsetMask) + load(stream, word + 1);
    if (offset > std::numeric_limits<std::uint32_t>::max()) {
      throw Error(HALYARD_UNSUPPORTED, "a tensor lies beyond the first 4 GiB of its buffer");
    }
    const auto region = static_cast<std::uint32_t>(place >> kSlotShift);
    store(out, word, (value & ~kRegionMask) | region << 16);
    store(out, word + 1, static_cast<std::uint32_t>(offset));
    ++i;
  }
}

}  // namespace

std::size_t check_stream(std::span<const std::byte> stream, std::size_t bindings,
                         std::uint32_t opcodes) {
  const auto words = stream.size() / sizeof(std::uint32_t);
  if (words == 0 || stream.size() % sizeof(std::uint32_t) != 0) {
    throw Error(HALYARD_MALFORMED, "command stream: size " + std::to_string(stream.size()) +
                                       " is not that of a stream");
  }
  std::size_t operations = 0;
  bool ended = false;
  for (std::size_t at = 0; at < words; ++at) {
    const Head head(load(stream, at));
    if (head.opcode == DRM_HALYARD_DORY_OP_SET) {
      check_set(stream, at, head, bindings);
      at += head.count;
      continue;
    }
    if (head.opcode >= DRM_HALYARD_DORY_NUM_OPCODES || (opcodes >> head.opcode & 1) == 0) {
      malformed(at, "has the unknown opcode " + std::to_string(head.opcode));
    }
    ended = head.opcode == DRM_HALYARD_DORY_OP_END;
    if (ended != (at + 1 == words)) malformed(at, "is not where the stream ends");
    if (!ended) ++operations;
  }
  if (!ended) malformed(words - 1, "does not end the stream");
  return operations;
}

void relocate(std::span<const std::byte> stream, std::span<const DeviceRange> bindings,
              std::span<std::byte> out) {
  const auto words = stream.size() / sizeof(std::uint32_t);
  for (std::size_t at = 0; at < words; ++at) {
    const auto word = load(stream, at);
    store(out, at, word);
    const Head head(word);
    if (head.opcode != DRM_HALYARD_DORY_OP_SET) continue;
    relocate_set(stream, at, head, bindings, out);
    at += head.count;
  }
}

}  // namespace halyard::hal::dory
