// SPDX-License-Identifier: MIT
#include "chips/sloop/segments.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace halyard::emu::sloop {

namespace {

constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kSlotShift) - 1;
constexpr std::uint32_t kPageSize = 4096;

}  // namespace

std::string check_segment(const slp_segment& segment, std::uint64_t dram_size,
                          std::uint32_t reserved) {
  if ((segment.flags & ~std::uint32_t{SLP_SEGMENT_WRITE | SLP_SEGMENT_HOST}) != 0)
    return "unknown flags";
  if (segment.size == 0 || segment.size > kOffsetMask) return "the size is 0 or above 2^48";
  if ((segment.flags & SLP_SEGMENT_HOST) != 0) {
    if (segment.base % sizeof(slp_scatter) != 0) return "the scatter list is not 16-byte aligned";
    return segment.entries == 0 ? "an empty scatter list" : "";
  }
  if (segment.entries != 0) return "entries is not zero";
  if (segment.base % kPageSize != 0) return "the base is not a multiple of 4096";
  if (segment.base < reserved) return "the base is in the firmware's memory";
  if (segment.base > dram_size || segment.size > dram_size - segment.base)
    return "the end is behind card memory";
  return {};
}

void SegmentSpace::load(Host* host, Dram* dram, std::span<const slp_segment> segments,
                        bool allow_host, std::function<void(std::uint64_t)> unreachable) {
  host_ = host;
  dram_ = dram;
  allow_host_ = allow_host;
  count_ = static_cast<unsigned>(segments.size());
  std::ranges::copy(segments, segments_.begin());
  pieces_ = {};
  any_host_ = allow_host && std::ranges::any_of(segments, [](const slp_segment& segment) {
                return (segment.flags & SLP_SEGMENT_HOST) != 0;
              });
  unreachable_ = std::move(unreachable);
  last_status_ = SLP_STATUS_OK;
}

std::shared_lock<std::shared_mutex> SegmentSpace::pin() {
  return any_host_ ? host_->pin_dma() : std::shared_lock(unpinned_);
}

bool SegmentSpace::is_host(std::uint64_t address) const {
  const std::uint64_t slot = address >> kSlotShift;
  return slot < count_ && (segments_.at(slot).flags & SLP_SEGMENT_HOST) != 0;
}

std::span<std::byte> SegmentSpace::translate(std::uint64_t address, std::size_t size, Access access,
                                             Fault& fault) {
  const auto refuse = [&](std::uint32_t status, FaultCause cause) -> std::span<std::byte> {
    last_status_ = status;
    fault.cause = cause;
    fault.address = address;
    fault.access = access;
    return {};
  };
  const std::uint64_t slot = address >> kSlotShift;
  const std::uint64_t offset = address & kOffsetMask;
  if (slot >= count_ || offset >= segments_.at(slot).size)
    return refuse(SLP_STATUS_SEGMENT, FaultCause::kUnmapped);
  const slp_segment& segment = segments_.at(slot);
  const bool host = (segment.flags & SLP_SEGMENT_HOST) != 0;
  if ((access == Access::kWrite && (segment.flags & SLP_SEGMENT_WRITE) == 0) ||
      (host && !allow_host_))
    return refuse(SLP_STATUS_PERMISSION, FaultCause::kPermission);
  const auto inside = std::min<std::uint64_t>(size, segment.size - offset);
  if (!host) return dram_->at(segment.base + offset, inside);
  const auto memory = host_memory(static_cast<unsigned>(slot), offset, inside, access);
  return memory.empty() ? refuse(SLP_STATUS_BUS, FaultCause::kUnmapped) : memory;
}

std::span<std::byte> SegmentSpace::host_memory(unsigned slot, std::uint64_t offset,
                                               std::size_t size, Access access) {
  Piece& piece = pieces_.at(slot);
  if (!find_piece(segments_.at(slot), offset, piece)) return {};
  const std::uint64_t inside = offset - piece.start;
  const auto memory = host_->dma(piece.entry.address + inside,
                                 std::min<std::uint64_t>(size, piece.entry.size - inside), access);
  if (memory.empty()) unreachable_(piece.entry.address + inside);
  return memory;
}

bool SegmentSpace::find_piece(const slp_segment& segment, std::uint64_t offset, Piece& piece) {
  if (piece.list == 0 || offset < piece.start) {
    piece = {.list = segment.base, .index = 0, .start = 0, .entry = {}};
    if (!read_piece(segment, piece)) return false;
  }
  while (offset - piece.start >= piece.entry.size) {
    piece.start += piece.entry.size;
    ++piece.index;
    if (!read_piece(segment, piece)) return false;
  }
  return true;
}

bool SegmentSpace::read_piece(const slp_segment& segment, Piece& piece) {
  const std::uint64_t address = segment.base + std::uint64_t{piece.index} * sizeof(slp_scatter);
  const bool exists = piece.index < segment.entries;
  const auto memory =
      exists ? host_->dma(address, sizeof(slp_scatter), Access::kRead) : std::span<std::byte>{};
  if (memory.size() < sizeof(slp_scatter)) {
    if (exists) unreachable_(address);
    piece.list = 0;
    return false;
  }
  std::memcpy(&piece.entry, memory.data(), sizeof(piece.entry));
  if (piece.entry.size != 0 && piece.entry.reserved == 0) return true;
  piece.list = 0;
  return false;
}

}  // namespace halyard::emu::sloop
