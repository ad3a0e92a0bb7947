// SPDX-License-Identifier: MIT
#include "segment_memory.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "stream.hpp"

namespace halyard::emu::test {

SegmentMemory::SegmentMemory() {
  const std::array<slp_segment, 2> segments{
      {{.base = kPiece, .size = kPiece, .flags = 0, .entries = 0},
       {.base = 3 * kPiece, .size = kPiece, .flags = SLP_SEGMENT_WRITE, .entries = 0}}};
  space_.load(nullptr, &dram_, segments, false, [](std::uint64_t) {});
  const auto all = dram_.at(0, dram_.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<std::byte>(i * 2654435761U >> 11);
  mark();
}

void SegmentMemory::mark() {
  const auto all = dram_.at(0, dram_.size());
  before_.assign(all.begin(), all.end());
}

bool SegmentMemory::intact() {
  const auto all = dram_.at(0, dram_.size());
  const auto same = [&](std::size_t begin, std::size_t end) {
    return std::equal(all.begin() + static_cast<std::ptrdiff_t>(begin),
                      all.begin() + static_cast<std::ptrdiff_t>(end),
                      before_.begin() + static_cast<std::ptrdiff_t>(begin));
  };
  return same(0, 3 * kPiece) && same(4 * kPiece, 5 * kPiece);
}

Fault run_stream(SegmentMemory& memory, std::span<const drm_halyard_sloop_task> tasks) {
  static const sloop::JobExecution::Clock clock = [] { return std::uint64_t{0x123456789}; };
  const drm_halyard_sloop_binding binding{.address = at(1), .size = SegmentMemory::kPiece};
  const auto segment = memory.segment(0);
  std::memcpy(segment.data(), tasks.data(), tasks.size_bytes());
  std::memcpy(segment.data() + tasks.size_bytes(), &binding, sizeof(binding));
  memory.mark();
  sloop::JobExecution job;
  job.start(compute_payload(at(0), tasks.size(), at(0, tasks.size_bytes()), 1), memory.space(),
            clock);
  for (;;) {
    switch (job.step()) {
      case Outcome::kDone:
        return {};
      case Outcome::kFault:
        return job.fault();
      default:
        break;
    }
  }
}

}  // namespace halyard::emu::test
