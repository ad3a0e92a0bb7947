// SPDX-License-Identifier: MIT
/// \file
/// Sharing contiguous memory: it leaves as any other, and what comes from others must be of its
/// kind.

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "client.hpp"
#include "dmabuf.hpp"
#include "job.hpp"

namespace halyard::test {
namespace {

/// A file system has no megabyte in one piece for the asking.
constexpr std::size_t kScattered = 1U << 20U;

TEST(Dmabuf, ScatteredMemoryIsRefused) {
  const Client client;
  const ForeignBuffer foreign(kScattered);
  std::uint32_t handle = 0;
  ASSERT_NE(drmPrimeFDToHandle(client.fd(), foreign.dmabuf.get(), &handle), 0);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Dmabuf, IsSharedBetweenFiles) {
  User one;
  Client two;
  const std::uint32_t handle = import_buffer(two, export_buffer(one.client, one.out.handle));
  drm_halyard_bo_info info{};
  info.handle = handle;
  ASSERT_EQ(two.call(DRM_IOCTL_HALYARD_BO_INFO, info), 0);
  EXPECT_EQ(info.flags, 0U);  // it is the device's own
  EXPECT_EQ(info.size, kPage);
}

/// Whoever maps it sees what the card writes, by whichever file.
TEST(Dmabuf, MappingOfTheFileIsTheMemory) {
  User user;
  const File file = export_buffer(user.client, user.out.handle);
  const Mapping map(kPage, file.get(), 0, PROT_READ | PROT_WRITE);
  EXPECT_EQ(user.run(fill_word(0x12345678)), 1);
  EXPECT_EQ(map.as<std::uint32_t>()[0], 0x12345678U);
}

TEST(Dmabuf, OutlivesItsMaker) {
  File file;
  {
    User user;
    file = export_buffer(user.client, user.out.handle);
    EXPECT_EQ(user.run(fill_word(7)), 1);
  }
  const Mapping map(kPage, file.get(), 0, PROT_READ | PROT_WRITE);
  EXPECT_EQ(map.as<std::uint32_t>()[0], 7U);
}

/// The first write would give the process a copy that the card knows nothing of.
TEST(Mapping, PrivateOneIsRefused) {
  const Client client;
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = client.make_bo(kPage);
  ASSERT_EQ(client.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), 0);
  void* address = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, client.fd(),
                       static_cast<off_t>(argument.offset));
  EXPECT_EQ(address, MAP_FAILED);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Mapping, EndsWithTheBuffer) {
  const Client client;
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = client.make_bo(kPage);
  ASSERT_EQ(client.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), 0);
  void* address = mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, client.fd(),
                       static_cast<off_t>(argument.offset));
  EXPECT_EQ(address, MAP_FAILED);
}

}  // namespace
}  // namespace halyard::test
