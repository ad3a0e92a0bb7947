// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "client.hpp"

namespace halyard::test {
namespace {

class Bo : public testing::Test {
 protected:
  /// BO_CREATE refuses an argument that differs from a good one in what `spoil` changes, and has no
  /// effect.
  template <typename Spoil>
  int create(Spoil spoil) {
    drm_halyard_bo_create argument{};
    argument.size = kPage;
    spoil(argument);
    const std::uint64_t before = client_.memory_used();
    const int error = client_.call(DRM_IOCTL_HALYARD_BO_CREATE, argument);
    if (error != 0) {
      EXPECT_EQ(client_.memory_used(), before);
    }
    return error;
  }

  Client client_;
};

using Create = drm_halyard_bo_create;

TEST_F(Bo, SizeIsRoundedUpToPages) {
  Create argument{};
  argument.size = kPage + 1;
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_CREATE, argument), 0);
  EXPECT_EQ(argument.size, 2 * kPage);
  EXPECT_NE(argument.handle, 0U);
}

TEST_F(Bo, SizeZeroIsRefused) {
  EXPECT_EQ(create([](Create& a) { a.size = 0; }), EINVAL);
}

TEST_F(Bo, SizeAboveTheLimitIsRefused) {
  const std::uint64_t max = client_.limits().bo_size_max;
  EXPECT_EQ(create([&](Create& a) { a.size = max + 1; }), EINVAL);
}

TEST_F(Bo, SizeThatOverflowsIsRefused) {
  EXPECT_EQ(create([](Create& a) { a.size = ~std::uint64_t{0}; }), EINVAL);
  EXPECT_EQ(create([](Create& a) { a.size = std::uint64_t{1} << 63U; }), EINVAL);
}

TEST_F(Bo, UnknownRegionIsRefused) {
  EXPECT_EQ(create([](Create& a) { a.region = 1; }), EINVAL);
  EXPECT_EQ(create([](Create& a) { a.region = ~0U; }), EINVAL);
}

TEST_F(Bo, FlagsMustBeZero) {
  EXPECT_EQ(create([](Create& a) { a.flags = 1; }), EINVAL);
  EXPECT_EQ(create([](Create& a) { a.flags = 1U << 31U; }), EINVAL);
}

TEST_F(Bo, CreatePadMustBeZero) {
  EXPECT_EQ(create([](Create& a) { a.pad = 1; }), EINVAL);
}

TEST_F(Bo, IsZeroedAndHoldsWhatIsWritten) {
  const std::uint32_t handle = client_.make_bo(4 * kPage);
  const Mapping map = client_.map(handle, 4 * kPage);
  const auto words = map.as<std::uint32_t>();
  EXPECT_TRUE(std::ranges::all_of(words, [](std::uint32_t w) { return w == 0; }));
  words.front() = 0x12345678;
  words.back() = 0x9abcdef0;
  const Mapping again = client_.map(handle, 4 * kPage);
  EXPECT_EQ(again.as<std::uint32_t>().front(), 0x12345678U);
  EXPECT_EQ(again.as<std::uint32_t>().back(), 0x9abcdef0U);
}

TEST_F(Bo, MappingOutlivesHandle) {
  const std::uint32_t handle = client_.make_bo(kPage);
  const Mapping map = client_.map(handle, kPage);
  ASSERT_EQ(client_.close_bo(handle), 0);
  map.as<std::uint32_t>()[0] = 1;
  EXPECT_EQ(map.as<std::uint32_t>()[0], 1U);
}

TEST_F(Bo, MappingBeyondItsEndIsRefused) {
  const std::uint32_t handle = client_.make_bo(kPage);
  EXPECT_THROW(static_cast<void>(client_.map(handle, 2 * kPage)), std::system_error);
}

TEST_F(Bo, OffsetOfAnotherFilesBufferCannotBeMapped) {
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = client_.make_bo(kPage);
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), 0);
  const Client other;
  EXPECT_THROW(Mapping(kPage, other.fd(), argument.offset, PROT_READ), std::system_error);
}

TEST_F(Bo, MmapOffsetPadMustBeZero) {
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = client_.make_bo(kPage);
  argument.pad = 1;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), EINVAL);
}

TEST_F(Bo, InfoTellsSizeAndKind) {
  drm_halyard_bo_info argument{};
  argument.handle = client_.make_bo(5 * kPage);
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_INFO, argument), 0);
  EXPECT_EQ(argument.size, 5 * kPage);
  EXPECT_EQ(argument.region, 0U);
  EXPECT_EQ(argument.flags, 0U);
}

TEST_F(Bo, InfoFlagsMustBeZero) {
  drm_halyard_bo_info argument{};
  argument.handle = client_.make_bo(kPage);
  argument.flags = DRM_HALYARD_BO_IMPORTED;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_INFO, argument), EINVAL);
}

TEST_F(Bo, InfoPadMustBeZero) {
  drm_halyard_bo_info argument{};
  argument.handle = client_.make_bo(kPage);
  argument.pad = 1;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_INFO, argument), EINVAL);
}

/// Handles that name nothing for this file: never made, closed, made by another file.
class BadHandle : public Bo {
 protected:
  std::vector<std::uint32_t> bad_handles() {
    const std::uint32_t closed = client_.make_bo(kPage);
    require(client_.close_bo(closed), "GEM_CLOSE");
    // Numbers start at 1 in each file: the other one gets a number that this one does not have.
    std::uint32_t foreign = 0;
    for (int i = 0; i < 4; ++i) {
      foreign = other_.make_bo(kPage);
    }
    return {0, closed, foreign, ~0U};
  }

  Client other_;
};

TEST_F(BadHandle, MmapOffsetFails) {
  for (const std::uint32_t handle : bad_handles()) {
    drm_halyard_bo_mmap_offset argument{};
    argument.handle = handle;
    EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), ENOENT);
  }
}

TEST_F(BadHandle, InfoFails) {
  for (const std::uint32_t handle : bad_handles()) {
    drm_halyard_bo_info argument{};
    argument.handle = handle;
    EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_INFO, argument), ENOENT);
  }
}

TEST_F(BadHandle, BindFails) {
  const std::uint64_t va = client_.reserve(kPage);
  for (const std::uint32_t handle : bad_handles()) {
    EXPECT_EQ(client_.map_at(client_.vm(), handle, va, kPage), ENOENT);
  }
}

TEST_F(BadHandle, ClosingTwiceFails) {
  const std::uint32_t handle = client_.make_bo(kPage);
  EXPECT_EQ(client_.close_bo(handle), 0);
  EXPECT_EQ(client_.close_bo(handle), EINVAL);  // the DRM core's answer
}

}  // namespace
}  // namespace halyard::test
