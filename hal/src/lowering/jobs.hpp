// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the plug-ins' jobs have in common: the status cell, the binding table, copies in pieces,
/// and how a plug-in comes to know its chip.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "lowering/command.hpp"
#include "plugin.hpp"

namespace halyard::hal::lowering {

constexpr std::size_t round_up(std::size_t value, std::size_t to) {
  return (value + to - 1) / to * to;
}

/// An arena begins with the status cell: 64 bits, not zero when the stream was executed to its end.
inline constexpr std::size_t kStatusOffset = 0;
/// Behind it and the rest of its cache line.
inline constexpr std::size_t kArenaOffset = 64;

inline DeviceRange status_cell(const Arena& arena) {
  return {arena.va + kStatusOffset, sizeof(std::uint64_t)};
}
/// The submit that follows orders this before the device's write.
inline void clear_status(const Arena& arena) {
  const std::uint64_t zero = 0;
  std::memcpy(arena.host.subspan(kStatusOffset, sizeof(zero)).data(), &zero, sizeof(zero));
}
inline bool status_is_set(const Arena& arena) {
  auto* cell = std::bit_cast<std::uint64_t*>(arena.host.data() + kStatusOffset);
  return std::atomic_ref<std::uint64_t>(*cell).load(std::memory_order_acquire) != 0;
}

template <class Content>
void put_payload(const Content& content, std::vector<std::byte>& payload) {
  const auto bytes = std::as_bytes(std::span(&content, 1));
  payload.assign(bytes.begin(), bytes.end());
}

/// Where the fixed bindings and those of the graph are, in the order of their numbers.
template <class Add>
void for_each_binding(const Placement& placement, Add add) {
  static_assert(kBindConstants == 0 && kBindScratch == 1 && kBindStatus == 2 && kBindProfile == 3);
  add(placement.constants);
  add(placement.scratch);
  add(status_cell(placement.arena));
  add(placement.profile);
  for (const auto& range : placement.bindings)
    add(range);
}

/// A chip's binding table in memory; an entry is made of an address and a size.
template <class Entry>
class TableWriter {
 public:
  explicit TableWriter(std::span<std::byte> host) : host_(host) {}
  void add(DeviceRange range) {
    const Entry entry{range.va, range.size};
    std::memcpy(host_.subspan(count_ * sizeof(entry), sizeof(entry)).data(), &entry, sizeof(entry));
    ++count_;
  }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  std::span<std::byte> host_;
  std::uint32_t count_ = 0;
};

/// Elements of one copy or fill command, well inside the operands' 31 bits.
inline constexpr std::uint64_t kChunk = std::uint64_t{1} << 30U;

/// Calls `body` with the first byte and the elements of each piece of a copy or fill. Throws
/// Error(HALYARD_UNSUPPORTED) when there are more than `limit`.
template <class Body>
void for_each_chunk(std::uint64_t elements, std::uint64_t width, std::size_t limit, Body body) {
  if ((elements + kChunk - 1) / kChunk > limit) {
    throw Error(HALYARD_UNSUPPORTED, "one copy or fill of this chip moves at most " +
                                         std::to_string(limit * kChunk) + " elements of " +
                                         std::to_string(width) + " bytes");
  }
  for (std::uint64_t at = 0; at < elements; at += kChunk)
    body(at * width, static_cast<std::uint32_t>(std::min(kChunk, elements - at)));
}

/// Whether ranges can be moved in words of 32 bits, so that a command moves as much as possible.
inline bool in_words(DeviceRange range) {
  return (range.va | range.size) % sizeof(std::uint32_t) == 0;
}

/// The chip's struct from what the driver tells. Throws Error(HALYARD_VERSION_MISMATCH) when it is
/// too short or the chip of a major revision that the plug-in does not know.
template <class Info>
Info read_info(std::span<const std::byte> blob, std::uint32_t chip_revision,
               std::uint32_t known_major) {
  Info info{};
  if (blob.size() < sizeof(info)) {
    throw Error(HALYARD_VERSION_MISMATCH, "the driver tells " + std::to_string(blob.size()) +
                                              " bytes about the chip, this plug-in needs " +
                                              std::to_string(sizeof(info)));
  }
  std::memcpy(&info, blob.data(), sizeof(info));
  if (chip_revision >> 16U != known_major) {
    throw Error(HALYARD_VERSION_MISMATCH,
                "the chip is of revision " + std::to_string(chip_revision >> 16U) +
                    ", this plug-in knows " + std::to_string(known_major));
  }
  return info;
}

}  // namespace halyard::hal::lowering
