// SPDX-License-Identifier: MIT
/// \file
/// What the driver tells of the chip, and which calls a chip without MMU does not have.

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "job.hpp"

namespace halyard::test {
namespace {

template <typename T>
T ask(const Client& client, std::uint32_t type) {
  T answer{};
  drm_halyard_dev_query argument{
      .type = type, .size = sizeof(answer), .pointer = reinterpret_cast<std::uint64_t>(&answer)};
  EXPECT_EQ(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), 0);
  EXPECT_EQ(argument.size, sizeof(answer));
  return answer;
}

TEST(Query, Device) {
  const Client client;
  const auto device = client.device();
  EXPECT_STREQ(device.chip, "dory");
  EXPECT_EQ(device.flags & DRM_HALYARD_DEVICE_HAS_MMU, 0U);
  EXPECT_EQ(device.timestamp_hz, 1'000'000'000U);
  EXPECT_EQ(client.limits().job_buffers_max, std::uint32_t{DRM_HALYARD_DORY_REGIONS});
  EXPECT_EQ(client.limits().payload_max, sizeof(drm_halyard_dory_payload));
}

TEST(Query, Engine) {
  const Client client;
  const auto engine = ask<drm_halyard_query_engine>(client, DRM_HALYARD_QUERY_ENGINES);
  EXPECT_STREQ(engine.name, "npu");
  EXPECT_EQ(engine.engine_class, std::uint32_t{DRM_HALYARD_DORY_ENGINE_NPU});
  EXPECT_EQ(engine.count, 1U);
}

TEST(Query, Memory) {
  const Client client;
  const auto memory = ask<drm_halyard_query_memory>(client, DRM_HALYARD_QUERY_MEMORY);
  EXPECT_STREQ(memory.name, "host");
  EXPECT_NE(memory.flags & DRM_HALYARD_MEMORY_HOST, 0U);
  EXPECT_NE(memory.flags & DRM_HALYARD_MEMORY_MAPPABLE, 0U);
  EXPECT_LE(memory.size, std::uint64_t{1} << 32U);
}

TEST(Query, Chip) {
  const Client client;
  const auto info = ask<drm_halyard_dory_info>(client, DRM_HALYARD_QUERY_CHIP);
  EXPECT_EQ(info.revision, 0x10000U);
  EXPECT_EQ(info.regions, std::uint32_t{DRM_HALYARD_DORY_REGIONS});
  EXPECT_EQ(info.opcodes, (1U << DRM_HALYARD_DORY_NUM_OPCODES) - 2);
  EXPECT_EQ(info.stream_max, std::uint32_t{DRM_HALYARD_DORY_STREAM_MAX});
  EXPECT_EQ(info.clock_khz, 500000U);
  EXPECT_EQ(info.pad, 0U);
}

TEST(NoMmu, BindIsNotThere) {
  Client client;
  const std::uint32_t bo = client.make_bo(kPage);
  EXPECT_EQ(client.map_at(client.vm(), bo, 1U << 20U, kPage), EOPNOTSUPP);
  EXPECT_EQ(client.unmap(client.vm(), 1U << 20U, kPage), EOPNOTSUPP);
}

TEST(NoMmu, MemoryOfAProcessWillNotDo) {
  const Client client;
  const Mapping memory(kPage, -1, 0, 3 /* PROT_READ | PROT_WRITE */);
  drm_halyard_bo_from_userptr argument{};
  argument.address = memory.address();
  argument.size = kPage;
  EXPECT_EQ(client.call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument), EOPNOTSUPP);
}

TEST(NoMmu, BuffersBeyondFourGigabytesAreRefused) {
  const Client client;
  for (const std::uint64_t size :
       {(std::uint64_t{1} << 32U) + 1, std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
    drm_halyard_bo_create argument{};
    argument.size = size;
    EXPECT_EQ(client.call(DRM_IOCTL_HALYARD_BO_CREATE, argument), EINVAL) << size;
  }
  EXPECT_LE(client.limits().bo_size_max, std::uint64_t{1} << 32U);
}

}  // namespace
}  // namespace halyard::test
