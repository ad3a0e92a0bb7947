// SPDX-License-Identifier: MIT
#include "vfio_user/protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <ostream>
#include <string>

#include "wire.hpp"

namespace halyard::emu::vfio_user::test {
namespace {

Header header_for(Command command, std::span<const std::byte> payload) {
  return {.id = 7,
          .command = static_cast<U16>(command),
          .size = static_cast<U32>(kHeaderSize + payload.size()),
          .flags = 0,
          .error = 0};
}

Request parse(Command command, const Bytes& payload, std::size_t fds = 0) {
  return parse_request(header_for(command, payload), payload, fds);
}

Bytes cut(Bytes payload) {
  payload.pop_back();
  return payload;
}
Bytes grown(Bytes payload) {
  payload.push_back(std::byte{0});
  return payload;
}

// --- What is taken ------------------------------------------------------------------------------

TEST(Protocol, TakesAVersionOffer) {
  const Bytes payload = version_payload("{}");
  const auto request = std::get<VersionRequest>(parse(Command::kVersion, payload));
  EXPECT_EQ(request.major, 0);
  EXPECT_EQ(request.minor, 0);
  EXPECT_EQ(request.capabilities, "{}");
  EXPECT_TRUE(
      std::holds_alternative<VersionRequest>(parse(Command::kVersion, pack(U16{0}, U16{1}))));
}

TEST(Protocol, TakesADmaMap) {
  const auto request = std::get<DmaMapRequest>(
      parse(Command::kDmaMap, dma_map_payload(0x100000, 0x7ff00000, 0x2000, 1), 1));
  EXPECT_EQ(request.address, 0x100000u);
  EXPECT_EQ(request.size, 0x7ff00000u);
  EXPECT_EQ(request.offset, 0x2000u);
  EXPECT_TRUE(request.readable);
  EXPECT_FALSE(request.writable);
}

TEST(Protocol, TakesBothFormsOfDmaUnmap) {
  const auto some =
      std::get<DmaUnmapRequest>(parse(Command::kDmaUnmap, dma_unmap_payload(0x1000, 0x3000)));
  EXPECT_EQ(some.address, 0x1000u);
  EXPECT_EQ(some.size, 0x3000u);
  EXPECT_FALSE(some.all);
  const auto all = std::get<DmaUnmapRequest>(
      parse(Command::kDmaUnmap, dma_unmap_payload(0, 0, VFIO_DMA_UNMAP_FLAG_ALL)));
  EXPECT_TRUE(all.all);
}

TEST(Protocol, TakesTheQueries) {
  EXPECT_TRUE(std::holds_alternative<DeviceInfoRequest>(
      parse(Command::kDeviceGetInfo, device_info_payload())));
  const auto region =
      std::get<RegionInfoRequest>(parse(Command::kDeviceGetRegionInfo, region_info_payload(7, 64)));
  EXPECT_EQ(region.index, 7u);
  EXPECT_EQ(region.argsz, 64u);
  EXPECT_EQ(std::get<IrqInfoRequest>(parse(Command::kDeviceGetIrqInfo, irq_info_payload(2))).index,
            2u);
  EXPECT_TRUE(std::holds_alternative<DeviceResetRequest>(parse(Command::kDeviceReset, {})));
}

TEST(Protocol, TakesEveryFormOfSetIrqsThatQemuSends) {
  const auto arm = std::get<SetIrqsRequest>(
      parse(Command::kDeviceSetIrqs, set_irqs_payload(kTriggerEventFd, 2, 1, 3), 3));
  EXPECT_EQ(arm.data, IrqData::kEventFd);
  EXPECT_EQ(arm.action, IrqAction::kTrigger);
  EXPECT_EQ(arm.index, 2u);
  EXPECT_EQ(arm.start, 1u);
  EXPECT_EQ(arm.count, 3u);
  const auto forms = {set_irqs_payload(kTriggerEventFd, 2, 0, 3),
                      set_irqs_payload(kDisable, 2, 0, 0), set_irqs_payload(kUnmask, 0, 0, 1),
                      set_irqs_payload(kMask, 0, 0, 1)};
  for (const Bytes& form : forms) {
    EXPECT_TRUE(std::holds_alternative<SetIrqsRequest>(parse(Command::kDeviceSetIrqs, form)));
  }
}

TEST(Protocol, TakesSetIrqsWithBooleans) {
  Bytes payload = set_irqs_payload(VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 2);
  append(payload, pack(std::uint8_t{0}, std::uint8_t{1}));
  const auto request = std::get<SetIrqsRequest>(parse(Command::kDeviceSetIrqs, payload));
  EXPECT_EQ(request.data, IrqData::kBool);
  ASSERT_EQ(request.bools.size(), 2u);
  EXPECT_EQ(request.bools[1], std::byte{1});
}

TEST(Protocol, TakesRegionAccesses) {
  const auto read =
      std::get<RegionReadRequest>(parse(Command::kRegionRead, read_payload(7, 0x10, 4096)));
  EXPECT_EQ(read.region, 7u);
  EXPECT_EQ(read.offset, 0x10u);
  EXPECT_EQ(read.count, 4096u);
  const Bytes payload = write_payload(0, 0x20, pack(U32{0x12345678}));
  const auto write = std::get<RegionWriteRequest>(parse(Command::kRegionWrite, payload));
  EXPECT_EQ(write.offset, 0x20u);
  EXPECT_EQ(load<U32>(write.data), 0x12345678u);
}

TEST(Protocol, TakesManyWritesInOneMessage) {
  const MultiWrite writes[] = {{0x40, 0, 4, 0x11}, {0x48, 1, 8, 0x22}};
  const Bytes payload = write_multi_payload(writes);
  const auto request =
      std::get<RegionWriteMultiRequest>(parse(Command::kRegionWriteMulti, payload));
  ASSERT_EQ(request.size(), 2u);
  EXPECT_EQ(request[0].data.size(), 4u);
  EXPECT_EQ(request[1].offset, 0x48u);
  EXPECT_EQ(request[1].region, 1u);
  EXPECT_EQ(load<U64>(request[1].data), 0x22u);
}

// --- What is refused: one row per field
// -----------------------------------------------------------

struct BadRequest {
  const char* name;
  Command command;
  Bytes payload;
  std::size_t fds;
  int error;
  const char* reason;
};

void PrintTo(const BadRequest& bad, std::ostream* out) {
  *out << bad.name;
}

class ProtocolRefuses : public testing::TestWithParam<BadRequest> {};

TEST_P(ProtocolRefuses, WithTheReason) {
  const BadRequest& bad = GetParam();
  const Request request = parse(bad.command, bad.payload, bad.fds);
  ASSERT_TRUE(std::holds_alternative<Refusal>(request));
  EXPECT_EQ(std::get<Refusal>(request).error, bad.error);
  EXPECT_EQ(std::get<Refusal>(request).reason, bad.reason);
}

constexpr const char* kSize = "message size does not fit the command";
constexpr const char* kArgsz = "argsz is smaller than the structure";
constexpr const char* kFds = "wrong number of file descriptors";
constexpr U64 kTop = ~U64{0xfff};  // the last page

template <typename T>
Bytes with(Bytes payload, std::size_t offset, T value) {
  std::memcpy(payload.data() + offset, &value, sizeof(value));
  return payload;
}

std::vector<BadRequest> bad_requests() {
  using enum Command;
  const Bytes map = dma_map_payload(0, 0x1000);
  const Bytes unmap = dma_unmap_payload(0, 0x1000);
  const Bytes irqs = set_irqs_payload(kTriggerEventFd, 2, 0, 1);
  const Bytes word = pack(U32{0});
  const MultiWrite one[] = {{0, 0, 4, 0}};
  const Bytes multi = write_multi_payload(one);
  Bytes irqs_bool = set_irqs_payload(VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 2);
  append(irqs_bool, pack(std::uint8_t{1}));
  Bytes large = pack(U64{0}, U32{0}, kMaxDataTransfer + 1);
  large.resize(large.size() + kMaxDataTransfer + 1);
  return {
      {"VersionShort", kVersion, pack(U16{0}), 0, EINVAL, kSize},
      {"VersionMajor", kVersion, pack(U16{1}, U16{0}), 0, ENOTSUP, "unknown major version"},
      {"VersionUnterminated", kVersion, pack(U16{0}, U16{0}, '{', '}'), 0, EINVAL,
       "version data do not end in NUL"},
      {"VersionNulInside", kVersion, pack(U16{0}, U16{0}, '{', '\0', '}', '\0'), 0, EINVAL,
       "version data contain NUL"},
      {"VersionFds", kVersion, version_payload(), 1, EINVAL, kFds},

      {"MapShort", kDmaMap, cut(map), 1, EINVAL, kSize},
      {"MapLong", kDmaMap, grown(map), 1, EINVAL, kSize},
      {"MapArgsz", kDmaMap, with(map, 0, U32{31}), 1, EINVAL, kArgsz},
      {"MapFlags", kDmaMap, with(map, 4, U32{4}), 1, EINVAL, "unknown DMA map flags"},
      {"MapOffsetUnaligned", kDmaMap, with(map, 8, U64{1}), 1, EINVAL,
       "DMA range is not page-aligned"},
      {"MapOffsetWraps", kDmaMap, dma_map_payload(0, 0x2000, kTop), 1, EINVAL,
       "DMA file range wraps"},
      {"MapAddressUnaligned", kDmaMap, with(map, 16, U64{0x800}), 1, EINVAL,
       "DMA range is not page-aligned"},
      {"MapAddressWraps", kDmaMap, dma_map_payload(kTop, 0x2000), 1, EINVAL, "DMA range wraps"},
      {"MapSizeZero", kDmaMap, with(map, 24, U64{0}), 1, EINVAL, "empty DMA range"},
      {"MapSizeUnaligned", kDmaMap, with(map, 24, U64{0x1001}), 1, EINVAL,
       "DMA range is not page-aligned"},
      {"MapFds", kDmaMap, map, 2, EINVAL, kFds},

      {"UnmapShort", kDmaUnmap, cut(unmap), 0, EINVAL, kSize},
      {"UnmapLong", kDmaUnmap, grown(unmap), 0, EINVAL, kSize},
      {"UnmapArgsz", kDmaUnmap, with(unmap, 0, U32{0}), 0, EINVAL, kArgsz},
      {"UnmapFlags", kDmaUnmap, with(unmap, 4, U32{1}), 0, EINVAL, "unknown DMA unmap flags"},
      {"UnmapAllAddress", kDmaUnmap, dma_unmap_payload(0x1000, 0, 2), 0, EINVAL,
       "unmap of everything names a range"},
      {"UnmapAllSize", kDmaUnmap, dma_unmap_payload(0, 0x1000, 2), 0, EINVAL,
       "unmap of everything names a range"},
      {"UnmapSizeZero", kDmaUnmap, dma_unmap_payload(0x1000, 0), 0, EINVAL, "empty DMA range"},
      {"UnmapWraps", kDmaUnmap, dma_unmap_payload(kTop, 0x2000), 0, EINVAL, "DMA range wraps"},
      {"UnmapFds", kDmaUnmap, unmap, 1, EINVAL, kFds},

      {"InfoShort", kDeviceGetInfo, cut(device_info_payload()), 0, EINVAL, kSize},
      {"InfoArgsz", kDeviceGetInfo, with(device_info_payload(), 0, U32{15}), 0, EINVAL, kArgsz},
      {"InfoFds", kDeviceGetInfo, device_info_payload(), 1, EINVAL, kFds},

      {"RegionInfoShort", kDeviceGetRegionInfo, cut(region_info_payload(0)), 0, EINVAL, kSize},
      {"RegionInfoLong", kDeviceGetRegionInfo, grown(region_info_payload(0)), 0, EINVAL, kSize},
      {"RegionInfoArgsz", kDeviceGetRegionInfo, region_info_payload(0, 31), 0, EINVAL, kArgsz},

      {"IrqInfoShort", kDeviceGetIrqInfo, cut(irq_info_payload(0)), 0, EINVAL, kSize},
      {"IrqInfoArgsz", kDeviceGetIrqInfo, with(irq_info_payload(0), 0, U32{0}), 0, EINVAL, kArgsz},

      {"IrqsShort", kDeviceSetIrqs, cut(irqs), 1, EINVAL, kSize},
      {"IrqsLong", kDeviceSetIrqs, grown(irqs), 1, EINVAL, kSize},
      {"IrqsArgsz", kDeviceSetIrqs, with(irqs, 0, U32{19}), 1, EINVAL, kArgsz},
      {"IrqsFlags", kDeviceSetIrqs, with(irqs, 4, U32{0x124}), 1, EINVAL,
       "unknown interrupt flags"},
      {"IrqsNoData", kDeviceSetIrqs, with(irqs, 4, U32{0x20}), 0, EINVAL,
       "not exactly one interrupt data type"},
      {"IrqsTwoData", kDeviceSetIrqs, with(irqs, 4, U32{0x26}), 1, EINVAL,
       "not exactly one interrupt data type"},
      {"IrqsNoAction", kDeviceSetIrqs, with(irqs, 4, U32{4}), 1, EINVAL,
       "not exactly one interrupt action"},
      {"IrqsTwoActions", kDeviceSetIrqs, with(irqs, 4, U32{0x19}), 0, EINVAL,
       "not exactly one interrupt action"},
      {"IrqsWrap", kDeviceSetIrqs, set_irqs_payload(kTriggerEventFd, 2, 2, ~0u), 0, EINVAL,
       "interrupt range wraps"},
      {"IrqsCountZero", kDeviceSetIrqs, set_irqs_payload(kMask, 0, 0, 0), 0, EINVAL,
       "empty interrupt range"},
      {"IrqsFewFds", kDeviceSetIrqs, set_irqs_payload(kTriggerEventFd, 2, 0, 3), 2, EINVAL,
       "number of eventfds differs from the interrupt count"},
      {"IrqsManyFds", kDeviceSetIrqs, irqs, 2, EINVAL,
       "number of eventfds differs from the interrupt count"},
      {"IrqsFdsWithoutData", kDeviceSetIrqs, set_irqs_payload(kMask, 0, 0, 1), 1, EINVAL,
       "file descriptors without eventfd data"},
      {"IrqsMaskByEventfd", kDeviceSetIrqs, with(irqs, 4, U32{0x0c}), 1, ENOTSUP,
       "(un)mask by eventfd"},
      {"IrqsFewBools", kDeviceSetIrqs, irqs_bool, 0, EINVAL, kSize},

      {"ReadShort", kRegionRead, cut(read_payload(0, 0, 4)), 0, EINVAL, kSize},
      {"ReadLong", kRegionRead, grown(read_payload(0, 0, 4)), 0, EINVAL, kSize},
      {"ReadCountZero", kRegionRead, read_payload(0, 0, 0), 0, EINVAL, "empty region access"},
      {"ReadCountLarge", kRegionRead, read_payload(0, 0, kMaxDataTransfer + 1), 0, E2BIG,
       "region access is too large"},
      {"ReadWraps", kRegionRead, read_payload(0, ~U64{0}, 2), 0, EINVAL, "region access wraps"},
      {"ReadFds", kRegionRead, read_payload(0, 0, 4), 1, EINVAL, kFds},

      {"WriteShort", kRegionWrite, pack(U64{0}, U32{0}), 0, EINVAL, kSize},
      {"WriteCountZero", kRegionWrite, write_payload(0, 0, {}), 0, EINVAL, "empty region access"},
      {"WriteLessThanCount", kRegionWrite, cut(write_payload(0, 0, word)), 0, EINVAL, kSize},
      {"WriteMoreThanCount", kRegionWrite, grown(write_payload(0, 0, word)), 0, EINVAL, kSize},
      {"WriteCountLarge", kRegionWrite, large, 0, E2BIG, "region access is too large"},
      {"WriteWraps", kRegionWrite, write_payload(0, ~U64{0}, word), 0, EINVAL,
       "region access wraps"},
      {"WriteFds", kRegionWrite, write_payload(0, 0, word), 1, EINVAL, kFds},

      {"MultiShort", kRegionWriteMulti, pack(U32{0}), 0, EINVAL, kSize},
      {"MultiTooMany", kRegionWriteMulti, with(multi, 0, U64{201}), 0, E2BIG,
       "too many writes in one message"},
      {"MultiHuge", kRegionWriteMulti, with(multi, 0, ~U64{0} / 24 + 2), 0, E2BIG,
       "too many writes in one message"},
      {"MultiCount", kRegionWriteMulti, with(multi, 0, U64{2}), 0, EINVAL, kSize},
      {"MultiWidthZero", kRegionWriteMulti, with(multi, 20, U32{0}), 0, EINVAL,
       "write of a size other than 1 to 8"},
      {"MultiWidthNine", kRegionWriteMulti, with(multi, 20, U32{9}), 0, EINVAL,
       "write of a size other than 1 to 8"},
      {"MultiWraps", kRegionWriteMulti, with(multi, 8, ~U64{0}), 0, EINVAL, "region access wraps"},

      {"ResetPayload", kDeviceReset, pack(U32{0}), 0, EINVAL, kSize},
      {"ResetFds", kDeviceReset, {}, 1, EINVAL, kFds},
      {"Feature", kDeviceFeature, pack(U32{8}, U32{0}), 0, ENOTTY, "device features"},
      {"RegionIoFds", kDeviceGetRegionIoFds, {}, 0, ENOTSUP, "command is not offered"},
      {"DmaRead", kDmaRead, {}, 0, ENOTSUP, "command is not offered"},
      {"DmaWrite", kDmaWrite, {}, 0, ENOTSUP, "command is not offered"},
      {"DirtyPages", static_cast<Command>(14), {}, 0, ENOTSUP, "command is not offered"},
      {"CommandZero", static_cast<Command>(0), {}, 0, ENOTSUP, "command is not offered"},
      {"CommandUnknown", static_cast<Command>(0xffff), {}, 0, ENOTSUP, "command is not offered"},
  };
}

INSTANTIATE_TEST_SUITE_P(Field, ProtocolRefuses, testing::ValuesIn(bad_requests()),
                         [](const auto& parameter) { return parameter.param.name; });

// --- Headers after which nothing can be found any more
// --------------------------------------------

TEST(ProtocolHeader, IsReadFieldByField) {
  const Bytes bytes = pack(U16{3}, U16{9}, U32{32}, U32{0x10}, U32{5});
  const Header header = parse_header(std::span<const std::byte, kHeaderSize>(bytes));
  EXPECT_EQ(header.id, 3);
  EXPECT_EQ(header.command, 9);
  EXPECT_EQ(header.size, 32u);
  EXPECT_EQ(header.flags, 0x10u);
  EXPECT_EQ(header.error, 5u);
  EXPECT_FALSE(header.wants_reply());
  EXPECT_FALSE(check_header(header));
}

TEST(ProtocolHeader, RefusesASizeBelowTheHeader) {
  EXPECT_EQ(check_header({1, 9, kHeaderSize - 1, 0, 0}).value().error, EINVAL);
  EXPECT_FALSE(check_header({1, 9, kHeaderSize, 0, 0}));
}

TEST(ProtocolHeader, RefusesASizeAboveTheLargestWrite) {
  EXPECT_EQ(check_header({1, 10, kMaxMessageSize + 1, 0, 0}).value().error, E2BIG);
  EXPECT_FALSE(check_header({1, 10, kMaxMessageSize, 0, 0}));
}

TEST(ProtocolHeader, RefusesReplies) {
  EXPECT_EQ(check_header({1, 9, 32, kFlagTypeReply, 0}).value().error, EINVAL);
}

TEST(ProtocolHeader, RefusesUnknownFlags) {
  EXPECT_EQ(check_header({1, 9, 32, 0x40, 0}).value().error, EINVAL);
  EXPECT_EQ(check_header({1, 9, 32, kFlagError, 0}).value().error, EINVAL);
}

}  // namespace
}  // namespace halyard::emu::vfio_user::test
