// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <drm/halyard_clipper.h>

#include "client.hpp"

namespace halyard::test {
namespace {

struct Kind {
  const char* name;
  std::uint32_t type;
  std::size_t element;
};

constexpr Kind kKinds[] = {
    {"Device", DRM_HALYARD_QUERY_DEVICE, sizeof(drm_halyard_query_device)},
    {"Engines", DRM_HALYARD_QUERY_ENGINES, sizeof(drm_halyard_query_engine)},
    {"Memory", DRM_HALYARD_QUERY_MEMORY, sizeof(drm_halyard_query_memory)},
    {"Limits", DRM_HALYARD_QUERY_LIMITS, sizeof(drm_halyard_query_limits)},
    {"Firmware", DRM_HALYARD_QUERY_FIRMWARE, sizeof(drm_halyard_query_firmware)},
    {"Chip", DRM_HALYARD_QUERY_CHIP, sizeof(drm_halyard_clipper_info)},
};

drm_halyard_dev_query argument_for(std::uint32_t type, std::span<std::byte> memory) {
  return {.type = type,
          .size = static_cast<std::uint32_t>(memory.size()),
          .pointer = reinterpret_cast<std::uint64_t>(memory.data())};
}

/// What the kernel has, in a buffer that is larger by `spare` bytes, pre-filled with ones.
std::vector<std::byte> ask(const Client& client, std::uint32_t type, std::size_t spare = 0) {
  drm_halyard_dev_query argument{.type = type, .size = 0, .pointer = 0};
  require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  std::vector<std::byte> answer(argument.size + spare, std::byte{0xff});
  argument = argument_for(type, answer);
  require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  EXPECT_EQ(argument.size, answer.size() - spare);
  return answer;
}

template <typename T>
std::vector<T> ask_for(const Client& client, std::uint32_t type) {
  const std::vector<std::byte> bytes = ask(client, type);
  std::vector<T> answer(bytes.size() / sizeof(T));
  std::memcpy(answer.data(), bytes.data(), answer.size() * sizeof(T));
  return answer;
}

class Query : public testing::TestWithParam<Kind> {
 protected:
  Client client_;
};

TEST_P(Query, TellsItsSize) {
  drm_halyard_dev_query argument{.type = GetParam().type, .size = 0, .pointer = 0};
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), 0);
  EXPECT_GE(argument.size, GetParam().element);
  EXPECT_EQ(argument.size % GetParam().element, 0U);
}

TEST_P(Query, ZeroesWhatTheKernelDoesNotKnow) {
  constexpr std::size_t kSpare = 40;
  const std::vector<std::byte> answer = ask(client_, GetParam().type, kSpare);
  EXPECT_TRUE(std::all_of(answer.end() - kSpare, answer.end(),
                          [](std::byte b) { return b == std::byte{0}; }));
}

TEST_P(Query, TruncatesForThoseWhoKnowLess) {
  const std::vector<std::byte> whole = ask(client_, GetParam().type);
  std::vector<std::byte> part(16, std::byte{0xff});
  drm_halyard_dev_query argument = argument_for(GetParam().type, std::span(part).first(8));
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), 0);
  EXPECT_EQ(argument.size, whole.size());
  EXPECT_TRUE(std::equal(part.begin(), part.begin() + 8, whole.begin()));
  EXPECT_TRUE(
      std::all_of(part.begin() + 8, part.end(), [](std::byte b) { return b == std::byte{0xff}; }));
}

TEST_P(Query, BadPointerFaults) {
  drm_halyard_dev_query argument{.type = GetParam().type, .size = 64, .pointer = 8};
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), EFAULT);
}

INSTANTIATE_TEST_SUITE_P(Each, Query, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST(QueryType, UnknownIsRefused) {
  const Client client;
  for (const std::uint32_t type : {std::uint32_t{DRM_HALYARD_QUERY_CHIP} + 1, ~0U}) {
    drm_halyard_dev_query argument{.type = type, .size = 0, .pointer = 0};
    EXPECT_EQ(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), EINVAL);
  }
}

TEST(QueryDevice, NamesTheChip) {
  const Client client;
  const drm_halyard_query_device device = client.device();
  EXPECT_STREQ(device.chip, "clipper");
  EXPECT_NE(std::string_view(device.name), "");
  EXPECT_EQ(device.revision, 1U << 16U);
  EXPECT_EQ(device.flags, static_cast<std::uint32_t>(DRM_HALYARD_DEVICE_HAS_MMU));
  EXPECT_EQ(device.page_size, kPage);
  EXPECT_EQ(device.large_page_size, kLargePage);
  EXPECT_LT(device.va_start, device.va_end);
  EXPECT_EQ(device.timestamp_hz, 1'000'000'000U);
}

TEST(QueryDevice, TimestampsAdvanceAsCpuTimeDoes) {
  const Client client;
  const drm_halyard_query_device before = client.device();
  sleep_ms(50);
  const drm_halyard_query_device after = client.device();
  const auto device_ns = static_cast<double>(after.timestamp - before.timestamp);
  const auto cpu_ns = static_cast<double>(after.cpu_time - before.cpu_time);
  EXPECT_GE(cpu_ns, 5e7);
  // One clock is the host's and one the guest's: close, but a read that is interrupted is late by
  // milliseconds.
  EXPECT_NEAR(device_ns, cpu_ns, 0.5 * cpu_ns + 2e7);
}

TEST(QueryEngines, NamesClassesInOrder) {
  const Client client;
  const auto engines = ask_for<drm_halyard_query_engine>(client, DRM_HALYARD_QUERY_ENGINES);
  ASSERT_EQ(engines.size(), 2U);
  EXPECT_STREQ(engines[0].name, "tensor");
  EXPECT_EQ(engines[0].engine_class, static_cast<std::uint32_t>(DRM_HALYARD_CLIPPER_ENGINE_TENSOR));
  EXPECT_EQ(engines[0].count, 2U);
  EXPECT_STREQ(engines[1].name, "copy");
  EXPECT_EQ(engines[1].engine_class, static_cast<std::uint32_t>(DRM_HALYARD_CLIPPER_ENGINE_COPY));
  EXPECT_EQ(engines[1].count, 1U);
  for (const auto& engine : engines) {
    EXPECT_EQ(engine.priorities, 0xfU);
    EXPECT_EQ(engine.pad, 0U);
  }
}

TEST(QueryMemory, CountsBuffers) {
  const Client client;
  const auto regions = ask_for<drm_halyard_query_memory>(client, DRM_HALYARD_QUERY_MEMORY);
  ASSERT_EQ(regions.size(), 1U);
  EXPECT_EQ(regions[0].region, 0U);
  EXPECT_EQ(regions[0].flags,
            static_cast<std::uint32_t>(DRM_HALYARD_MEMORY_HOST | DRM_HALYARD_MEMORY_MAPPABLE));
  EXPECT_GT(regions[0].size, 0U);

  const std::uint64_t before = client.memory_used();
  const std::uint32_t handle = client.make_bo(3 * kPage);
  EXPECT_EQ(client.memory_used(), before + 3 * kPage);
  EXPECT_EQ(client.close_bo(handle), 0);
  EXPECT_EQ(client.memory_used(), before);
}

TEST(QueryLimits, CountsWhatIsInUse) {
  Client client;
  const drm_halyard_query_limits before = client.limits();
  const std::uint32_t queue = client.make_queue();
  const drm_halyard_query_limits with = client.limits();
  EXPECT_EQ(with.queues_used, before.queues_used + 1);
  EXPECT_EQ(with.queues_user_used, before.queues_user_used + 1);
  EXPECT_EQ(with.vms_used, before.vms_used + 1);
  EXPECT_EQ(with.vms_user_used, before.vms_user_used + 1);
  ASSERT_EQ(client.queue_destroy(queue), 0);
  const drm_halyard_query_limits after = client.limits();
  EXPECT_EQ(after.queues_used, before.queues_used);
  EXPECT_EQ(after.queues_user_used, before.queues_user_used);
}

TEST(QueryLimits, AreSane) {
  const Client client;
  const drm_halyard_query_limits limits = client.limits();
  EXPECT_EQ(limits.queues_max, 64U);
  EXPECT_EQ(limits.vms_max, 64U);
  EXPECT_LE(limits.queues_user_max, limits.queues_max);
  EXPECT_LE(limits.vms_user_max, limits.vms_max);
  EXPECT_GE(limits.queue_depth, 64U);
  EXPECT_GE(limits.payload_max, sizeof(drm_halyard_clipper_payload));
  for (const std::uint32_t limit :
       {limits.submit_jobs_max, limits.job_buffers_max, limits.job_syncs_max, limits.bind_ops_max})
    EXPECT_GT(limit, 0U);
  EXPECT_GT(limits.bo_size_max, kLargePage);
  EXPECT_GT(limits.timeout_ns, 0U);
}

TEST(QueryFirmware, IsEmptyWithoutFirmware) {
  const Client client;
  const auto firmware = ask_for<drm_halyard_query_firmware>(client, DRM_HALYARD_QUERY_FIRMWARE);
  ASSERT_EQ(firmware.size(), 1U);
  EXPECT_STREQ(firmware[0].version, "");
  EXPECT_STREQ(firmware[0].error, "");
}

TEST(QueryChip, TellsOpcodes) {
  const Client client;
  const auto info = ask_for<drm_halyard_clipper_info>(client, DRM_HALYARD_QUERY_CHIP);
  ASSERT_EQ(info.size(), 1U);
  EXPECT_EQ(info[0].revision, client.device().revision);
  EXPECT_EQ(info[0].bindings_max, 256U);
  EXPECT_EQ(info[0].opcodes, (1U << DRM_HALYARD_CLIPPER_NUM_OPCODES) - 1);
  EXPECT_GT(info[0].clock_khz, 0U);
  EXPECT_EQ(info[0].pad, 0U);
}

}  // namespace
}  // namespace halyard::test
