// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A BAR as a table: which registers there are, what may be done with them, and what a driver did
/// that it should not have.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "chips/judge.hpp"

namespace halyard::emu {

enum class Direction : std::uint8_t { kReadOnly, kReadWrite, kWriteOnly };

struct RegisterInfo {
  const char* name;
  std::uint32_t writable;  ///< bits that a driver may set
  std::uint16_t offset;    ///< in the block
  Direction direction;
  bool early = false;  ///< may be accessed while the card is not ready
};

/// Registers that repeat: `Block` is the chip's enumeration of its kinds.
template <typename Block>
struct BlockInfo {
  const char* name;  ///< before the index, null where there is one of the kind
  std::span<const RegisterInfo> registers;
  std::uint32_t base, stride, count;
  Block block;
};

/// A register; `info` is null when there is none at the offset.
template <typename Block>
struct RegisterRef {
  const RegisterInfo* info = nullptr;
  const BlockInfo<Block>* place = nullptr;
  Block block{};
  unsigned index = 0;  ///< of the block among those of its kind

  [[nodiscard]] std::string name() const {
    if (place->name == nullptr) return info->name;
    std::string text = place->name;
    if (place->count > 1) text += "(" + std::to_string(index) + ")";
    if (info->name[0] != '\0') text += std::string(".") + info->name;
    return text;
  }
};

/// `offset` is a multiple of 4.
template <typename Block>
RegisterRef<Block> find_register(std::span<const BlockInfo<Block>> blocks, std::uint64_t offset) {
  const auto block = std::ranges::find_if(blocks, [offset](const BlockInfo<Block>& b) {
    return offset >= b.base && offset < b.base + std::uint64_t{b.stride} * b.count;
  });
  if (block == blocks.end()) return {};
  const std::uint64_t inside = offset - block->base;
  const auto info =
      std::ranges::find(block->registers, inside % block->stride, &RegisterInfo::offset);
  if (info == block->registers.end()) return {};
  return {&*info, &*block, block->block, static_cast<unsigned>(inside / block->stride)};
}

/// As the findings write numbers.
std::string hex(std::uint64_t value);

/// The numbers of a chip's rules about register accesses.
struct RegisterRules {
  std::string_view width, undefined, direction, reserved, not_ready, asleep;
};

/// An access by the driver, and the state in which it met the card.
struct RegisterAccess {
  std::uint64_t offset = 0;
  std::size_t size = 0;
  bool write = false;
  bool asleep = false;
  const char* not_ready = nullptr;  ///< why only early registers may be accessed, or null
};

/// Whether the access reaches `ref`, what is at its offset. A breach goes into the judge's book.
template <typename Block>
bool accept_access(const RegisterAccess& access, const RegisterRules& rules,
                   const RegisterRef<Block>& ref, Judge& judge) {
  const std::string what = access.write ? "write of " : "read of ";
  const auto refuse = [&](std::string_view rule, const std::string& text) {
    judge.report(rule, what + text);
    return false;
  };
  if (access.asleep) return refuse(rules.asleep, hex(access.offset) + " in D3hot");
  if (access.size != sizeof(std::uint32_t) || access.offset % sizeof(std::uint32_t) != 0)
    return refuse(rules.width, std::to_string(access.size) + " bytes at " + hex(access.offset));
  if (ref.info == nullptr) return refuse(rules.undefined, hex(access.offset));
  if (access.not_ready != nullptr && !ref.info->early)
    return refuse(rules.not_ready, ref.name() + " while " + access.not_ready);
  const Direction forbidden = access.write ? Direction::kReadOnly : Direction::kWriteOnly;
  if (ref.info->direction == forbidden) return refuse(rules.direction, ref.name());
  return true;
}

/// The bits of `value` that may be written to the register. Others are a breach.
template <typename Block>
std::uint32_t accept_value(std::uint32_t value, const RegisterRules& rules,
                           const RegisterRef<Block>& ref, Judge& judge) {
  if ((value & ~ref.info->writable) != 0)
    judge.report(rules.reserved, hex(value) + " written to " + ref.name());
  return value & ref.info->writable;
}

// ---- Values of registers ------------------------------------------------------------------------

constexpr std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
constexpr std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}
constexpr void set_low(std::uint64_t& whole, std::uint32_t value) {
  whole = (whole & ~std::uint64_t{0xffffffff}) | value;
}
constexpr void set_high(std::uint64_t& whole, std::uint32_t value) {
  whole = (whole & 0xffffffff) | std::uint64_t{value} << 32;
}

/// Puts `value` into the field that `mask` covers.
constexpr std::uint32_t field(std::uint32_t mask, std::uint32_t value) {
  return value << std::countr_zero(mask) & mask;
}

/// Reading the low half latches the high one.
constexpr std::uint32_t latch(std::uint64_t value, std::uint32_t& high_half) {
  high_half = high(value);
  return low(value);
}

}  // namespace halyard::emu
