// SPDX-License-Identifier: MIT
/// \file
/// DMA engines: copies and fills between card memory and scatter lists of the host.

#include <algorithm>
#include <numeric>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class TransferTest : public CardTest {
 protected:
  struct HostBuffer {
    slp_segment segment;
    std::vector<std::uint64_t> pages;
  };
  /// A segment of host pages in reverse order, each a piece of its own.
  HostBuffer host_buffer(std::uint64_t size, bool write) {
    const std::uint64_t count = (size + 4095) / 4096;
    const std::uint64_t list = machine_.pages(count * sizeof(slp_scatter));
    const std::uint64_t area = machine_.pages(count * 4096);
    HostBuffer buffer{.segment = {.base = list,
                                  .size = size,
                                  .flags = SLP_SEGMENT_HOST | (write ? SLP_SEGMENT_WRITE : 0U),
                                  .entries = static_cast<std::uint32_t>(count)},
                      .pages = {}};
    for (std::uint64_t i = 0; i < count; ++i) {
      buffer.pages.push_back(area + (count - 1 - i) * 4096);
      machine_.memory<slp_scatter>(list + i * sizeof(slp_scatter)) = {
          .address = buffer.pages.back(), .size = 4096, .reserved = 0};
    }
    return buffer;
  }
  std::byte& host_byte(const HostBuffer& buffer, std::uint64_t offset) {
    return machine_.memory<std::byte>(buffer.pages.at(offset / 4096) + offset % 4096);
  }
  static std::byte pattern(std::uint64_t i) {
    return static_cast<std::byte>((i * 2654435761U) >> 13);
  }

  TestQueue queue_{machine_, 0, {.engine_class = kDma}};
};

TEST_F(TransferTest, ToTheCardAndBack) {
  constexpr std::uint64_t kSize = (3 << 20) + 4096;
  const auto from = host_buffer(kSize, false);
  const auto back = host_buffer(kSize, true);
  const auto card = machine_.card_pages(kSize);
  for (std::uint64_t i = 0; i < kSize; ++i)
    host_byte(from, i) = pattern(i);
  ASSERT_EQ(
      queue_.run(copy_payload(at(0), at(1), kSize), {from.segment, card_segment(card, kSize)}),
      std::uint32_t{SLP_STATUS_OK});
  const auto memory = machine_.card->dram().at(card, kSize);
  for (std::uint64_t i = 0; i < kSize; ++i)
    ASSERT_EQ(memory[i], pattern(i)) << i;
  ASSERT_EQ(queue_.run(copy_payload(at(0), at(1), kSize),
                       {card_segment(card, kSize, false), back.segment}),
            std::uint32_t{SLP_STATUS_OK});
  for (std::uint64_t i = 0; i < kSize; ++i)
    ASSERT_EQ(host_byte(back, i), pattern(i)) << i;
}

TEST_F(TransferTest, AnyOffsetsAndSizes) {
  const auto from = host_buffer(3 * 4096, false);
  const auto card = machine_.card_pages(3 * 4096);
  for (std::uint64_t i = 0; i < 3 * 4096; ++i)
    host_byte(from, i) = pattern(i);
  const std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> cases[] = {
      {0, 1, 1}, {4095, 0, 2}, {5, 4093, 4100}, {8191, 7, 4097}};
  for (const auto& [source, target, size] : cases) {
    machine_.card->dram().clear();
    ASSERT_EQ(queue_.run(copy_payload(at(1, source), at(0, target), size),
                         {card_segment(card, 3 * 4096), from.segment}),
              std::uint32_t{SLP_STATUS_OK});
    const auto memory = machine_.card->dram().at(card, 3 * 4096);
    for (std::uint64_t i = 0; i < memory.size(); ++i) {
      const bool inside = i >= target && i - target < size;
      ASSERT_EQ(memory[i], inside ? pattern(i - target + source) : std::byte{0}) << i;
    }
  }
}

TEST_F(TransferTest, FromCardToCardBehindTheWindow) {
  const std::uint64_t far = Machine::kDram - 8192;
  std::ranges::fill(machine_.card->dram().at(far, 4096), std::byte{0x5a});
  ASSERT_EQ(queue_.run(copy_payload(at(0), at(0, 4096), 4096), {card_segment(far, 8192)}),
            std::uint32_t{SLP_STATUS_OK});
  EXPECT_EQ(machine_.card_memory<std::uint8_t>(Machine::kDram - 1), 0x5a);
}

TEST_F(TransferTest, FillsRepeatThePattern) {
  const auto host = host_buffer(8192, true);
  ASSERT_EQ(queue_.run(fill_payload(at(0, 4), 8192 - 8, 0x04030201), {host.segment}),
            std::uint32_t{SLP_STATUS_OK});
  EXPECT_EQ(host_byte(host, 3), std::byte{0});
  for (std::uint64_t i = 4; i < 8188; ++i)
    ASSERT_EQ(host_byte(host, i), static_cast<std::byte>(1 + i % 4)) << i;
  EXPECT_EQ(host_byte(host, 8188), std::byte{0});
}

/// Pieces of odd length: the pattern goes on across them.
TEST_F(TransferTest, FillsAcrossOddPieces) {
  const std::uint64_t list = machine_.pages(4096);
  const std::uint64_t area = machine_.pages(4096);
  std::uint64_t address = area;
  for (const std::uint32_t size : {5U, 1U, 2U, 24U}) {
    machine_.memory<slp_scatter>(list) = {.address = address, .size = size, .reserved = 0};
    address += size;
    machine_.memory<slp_scatter>(list + 16) = {
        .address = address, .size = 32 - size, .reserved = 0};
    ASSERT_EQ(queue_.run(fill_payload(at(0), 32, 0x04030201),
                         {{.base = list,
                           .size = 32,
                           .flags = SLP_SEGMENT_HOST | SLP_SEGMENT_WRITE,
                           .entries = 2}}),
              std::uint32_t{SLP_STATUS_OK});
    for (unsigned i = 0; i < 32; ++i)
      ASSERT_EQ(machine_.memory<std::uint8_t>(address - size + i), 1 + i % 4) << size << ' ' << i;
  }
}

TEST_F(TransferTest, LongTransfersShowProgress) {
  constexpr std::uint64_t kSize = 8 << 20;
  const auto card = machine_.card_pages(kSize);
  queue_.submit(fill_payload(at(0), kSize, 1), {card_segment(card, kSize)});
  const auto response = queue_.response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->command, 0U);
  EXPECT_EQ(queue_.status().commands, 8U);
}

TEST_F(TransferTest, BytesAreCounted) {
  const auto host = host_buffer(8192, true);
  const auto card = machine_.card_pages(8192);
  ASSERT_EQ(queue_.run(copy_payload(at(0), at(1), 8192), {host.segment, card_segment(card, 8192)}),
            std::uint32_t{SLP_STATUS_OK});
  ASSERT_EQ(queue_.run(copy_payload(at(1), at(0), 4096), {host.segment, card_segment(card, 8192)}),
            std::uint32_t{SLP_STATUS_OK});
  const std::uint64_t buffer = machine_.pages(4096);
  slp_admin_request request{};
  request.op = SLP_ADMIN_TELEMETRY;
  request.buffer.address = buffer;
  request.buffer.size = sizeof(slp_telemetry);
  ASSERT_TRUE(machine_.request(request));
  EXPECT_EQ(machine_.memory<slp_telemetry>(buffer).bytes_to_card, 8192U);
  EXPECT_EQ(machine_.memory<slp_telemetry>(buffer).bytes_to_host, 4096U);
}

// ---- Refusals
// ------------------------------------------------------------------------------------

TEST_F(TransferTest, PastTheEndOfTheTarget) {
  const auto host = host_buffer(4096, false);
  EXPECT_EQ(queue_.run(copy_payload(at(0), at(1, 1), 4096),
                       {host.segment, card_segment(machine_.card_pages(4096), 4096)}),
            std::uint32_t{SLP_STATUS_SEGMENT});
}

TEST_F(TransferTest, ReadOnlyTarget) {
  const auto host = host_buffer(4096, false);
  queue_.submit(copy_payload(at(1), at(0), 64),
                {host.segment, card_segment(machine_.card_pages(4096), 4096)});
  const auto response = queue_.response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, std::uint32_t{SLP_STATUS_PERMISSION});
  EXPECT_EQ(response->address, at(0));
  EXPECT_EQ(response->write, 1U);
}

TEST_F(TransferTest, AListThatEndsEarly) {
  auto host = host_buffer(4096, false);
  host.segment.size = 8192;
  EXPECT_EQ(queue_.run(copy_payload(at(0), at(1), 8192),
                       {host.segment, card_segment(machine_.card_pages(8192), 8192)}),
            std::uint32_t{SLP_STATUS_BUS});
}

TEST_F(TransferTest, AnEmptyPiece) {
  const auto host = host_buffer(4096, false);
  machine_.memory<slp_scatter>(host.segment.base).size = 0;
  EXPECT_EQ(queue_.run(copy_payload(at(0), at(1), 64),
                       {host.segment, card_segment(machine_.card_pages(4096), 4096)}),
            std::uint32_t{SLP_STATUS_BUS});
}

TEST_F(TransferTest, APieceWithReservedBits) {
  const auto host = host_buffer(4096, false);
  machine_.memory<slp_scatter>(host.segment.base).reserved = 1;
  EXPECT_EQ(queue_.run(copy_payload(at(0), at(1), 64),
                       {host.segment, card_segment(machine_.card_pages(4096), 4096)}),
            std::uint32_t{SLP_STATUS_BUS});
}

TEST_F(TransferTest, APieceThatIsNoMemory) {
  const auto host = host_buffer(4096, false);
  machine_.memory<slp_scatter>(host.segment.base).address = 4096;
  EXPECT_EQ(queue_.run(copy_payload(at(0), at(1), 64),
                       {host.segment, card_segment(machine_.card_pages(4096), 4096)}),
            std::uint32_t{SLP_STATUS_BUS});
  expect_broken({"SLP-D1"});
}

}  // namespace

}  // namespace halyard::emu::test
