// SPDX-License-Identifier: MIT
/// \file
/// The card's memory: contents follow an object wherever it goes, and all objects together may be
/// larger than the card.

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "jobs.hpp"

namespace halyard::test {
namespace {

class Memory : public testing::Test {
 protected:
  Mover client_;

  [[nodiscard]] std::uint64_t card_size() const { return memory_region(client_, kCardMemory).size; }
};

TEST_F(Memory, HasTwoRegions) {
  const auto card = memory_region(client_, kCardMemory);
  const auto host = memory_region(client_, kHostMemory);
  EXPECT_STREQ(card.name, "vram");
  EXPECT_EQ(card.flags, std::uint32_t{DRM_HALYARD_MEMORY_MAPPABLE});
  EXPECT_GE(card.size, 56 * kMiB);
  EXPECT_LT(card.size, 64 * kMiB);
  EXPECT_STREQ(host.name, "host");
  EXPECT_TRUE(host.flags & DRM_HALYARD_MEMORY_HOST);
}

TEST_F(Memory, BeginsAsZeros) {
  const auto handle = client_.make_bo(kMiB);
  const auto host = client_.make_bo(kMiB, kHostMemory);
  const Mapping map = client_.map(host, kMiB);
  map.as<std::uint32_t>()[0] = 1;
  ASSERT_EQ(client_.run(copy(client_.queue(), handle, host, kMiB)), 1);
  EXPECT_TRUE(holds(map.as<std::uint32_t>(), 0));
}

TEST_F(Memory, IsSeenThroughTheWindow) {
  const auto handle = client_.make_bo(kMiB);
  const Mapping map = client_.map(handle, kMiB);
  const auto words = map.as<std::uint32_t>();
  words[0] = 0x1111;
  words[words.size() - 1] = 0x2222;
  ASSERT_EQ(client_.fill_bo(handle, kMiB / 2, 0xabcd), 1);
  EXPECT_TRUE(holds(words.first(words.size() / 2), 0xabcd));
  EXPECT_EQ(words.back(), 0x2222U);
  words[0] = 0x3333;
  const auto host = client_.make_bo(kMiB, kHostMemory);
  ASSERT_EQ(client_.run(copy(client_.queue(), handle, host, kMiB)), 1);
  EXPECT_EQ(client_.map(host, kMiB).as<std::uint32_t>()[0], 0x3333U);
}

/// Larger than the window: seen in host memory, and back on the card with the next job.
TEST_F(Memory, BehindTheWindowIsSeen) {
  constexpr std::uint64_t kSize = 24 * kMiB;
  const auto handle = client_.make_bo(kSize);
  ASSERT_EQ(client_.fill_bo(handle, kSize, 0x77), 1);
  const Mapping map = client_.map(handle, kSize);
  const auto words = map.as<std::uint32_t>();
  EXPECT_TRUE(holds(words, 0x77));
  words[5] = 0x78;
  const auto host = client_.make_bo(4096, kHostMemory);
  ASSERT_EQ(client_.run(copy(client_.queue(), handle, host, 4096)), 1);
  EXPECT_EQ(client_.map(host, 4096).as<std::uint32_t>()[5], 0x78U);
}

TEST_F(Memory, TwiceTheCardsKeepsItsContents) {
  constexpr std::uint64_t kSize = 8 * kMiB;
  std::vector<std::uint32_t> handles(2 * (card_size() / kSize + 1));
  for (std::size_t i = 0; i < handles.size(); ++i) {
    handles[i] = client_.make_bo(kSize);
    ASSERT_EQ(client_.fill_bo(handles[i], kSize, static_cast<std::uint32_t>(i + 1)), 1);
  }
  EXPECT_EQ(memory_region(client_, kCardMemory).used, handles.size() * kSize);
  EXPECT_LE(fdinfo(client_, "drm-resident-vram"), card_size() / kMiB);
  EXPECT_GE(fdinfo(client_, "drm-resident-host"), card_size() / kMiB);

  // By jobs, then by the processor.
  const auto host = client_.make_bo(kSize, kHostMemory);
  const Mapping seen = client_.map(host, kSize);
  for (std::size_t i = 0; i < handles.size(); ++i) {
    ASSERT_EQ(client_.run(copy(client_.queue(), handles[i], host, kSize)), 1);
    EXPECT_TRUE(holds(seen.as<std::uint32_t>(), static_cast<std::uint32_t>(i + 1))) << i;
  }
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const Mapping map = client_.map(handles[i], kSize);
    EXPECT_TRUE(holds(map.as<std::uint32_t>(), static_cast<std::uint32_t>(i + 1))) << i;
  }
}

/// Each holds more than half of the card at a time.
TEST_F(Memory, ClientsThatNeedItAllTakeTurns) {
  constexpr int kRounds = 20;
  const std::uint64_t size = card_size() / 8 / 4096 * 4096;
  const auto work = [size](std::uint32_t base) {
    const Mover mover;
    std::vector<std::uint32_t> handles(6);
    for (auto& handle : handles) {
      handle = mover.make_bo(size);
    }
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      Job job = fill(mover.queue(), handles[0], size, base + round);
      for (std::size_t i = 1; i < handles.size(); ++i) {
        job.uses(handles[i], DRM_HALYARD_BUFFER_WRITE);
      }
      ASSERT_EQ(mover.run(job), 1);
    }
    const Mapping map = mover.map(handles[0], size);
    EXPECT_TRUE(holds(map.as<std::uint32_t>(), base + kRounds - 1));
  };
  std::thread other(work, 1000U);
  work(2000U);
  other.join();
}

TEST_F(Memory, OfOneCallMustFit) {
  Job job = fill(client_.queue(), client_.make_bo(card_size() / 2), 4096, 1);
  const auto first = job.buffers[0].handle;
  job.uses(client_.make_bo(card_size() / 2), DRM_HALYARD_BUFFER_WRITE);
  job.uses(client_.make_bo(kMiB), 0);
  EXPECT_EQ(client_.submit(job), ENOSPC);
  EXPECT_EQ(client_.fill_bo(first, 4096, 1), 1);
}

TEST_F(Memory, OfOneObjectMustFit) {
  drm_halyard_bo_create argument{};
  argument.size = card_size() + 1;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_CREATE, argument), EINVAL);
  argument.size = 4096;
  argument.region = 2;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_CREATE, argument), EINVAL);
}

TEST_F(Memory, IsTheRegionThatInfoTells) {
  drm_halyard_bo_info info{};
  info.handle = client_.make_bo(kMiB);
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_INFO, info), 0);
  EXPECT_EQ(info.region, kCardMemory);
  EXPECT_EQ(info.size, kMiB);
  info = {};
  info.handle = client_.make_bo(kMiB, kHostMemory);
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_INFO, info), 0);
  EXPECT_EQ(info.region, kHostMemory);
}

TEST_F(Memory, IsInFdinfoByRegion) {
  const auto handle = client_.make_bo(4 * kMiB);
  EXPECT_EQ(fdinfo(client_, "drm-total-vram"), 4U);  // MiB
  EXPECT_EQ(fdinfo(client_, "drm-resident-vram"), 0U);
  ASSERT_EQ(client_.fill_bo(handle, 4096, 1), 1);
  EXPECT_EQ(fdinfo(client_, "drm-resident-vram"), 4U);
  EXPECT_EQ(fdinfo(client_, "drm-resident-host"), 0U);
  const auto other = client_.make_bo(kMiB, kHostMemory);
  client_.map(other, kMiB).as<std::uint32_t>()[0] = 1;
  EXPECT_EQ(fdinfo(client_, "drm-total-host"), 1U);
}

TEST_F(Memory, IsFreedWithItsHandles) {
  const auto before = memory_region(client_, kCardMemory).used;
  {
    const Mover other;
    const auto handle = other.make_bo(8 * kMiB);
    ASSERT_EQ(other.fill_bo(handle, 4096, 1), 1);
    EXPECT_EQ(memory_region(client_, kCardMemory).used, before + 8 * kMiB);
  }
  for (int i = 0; i < 500 && memory_region(client_, kCardMemory).used != before; ++i) {
    sleep_ms(10);
  }
  EXPECT_EQ(memory_region(client_, kCardMemory).used, before);
}

/// A mapping keeps the object, also when its handle is closed.
TEST_F(Memory, OutlivesItsHandleWhileItIsMapped) {
  const auto handle = client_.make_bo(kMiB);
  const Mapping map = client_.map(handle, kMiB);
  ASSERT_EQ(client_.fill_bo(handle, kMiB, 0x99), 1);
  ASSERT_EQ(client_.close_bo(handle), 0);
  // Out and in again.
  for (std::uint32_t i = 0; i < 10; ++i) {
    ASSERT_EQ(client_.fill_bo(client_.make_bo(8 * kMiB), 4096, i), 1);
  }
  EXPECT_TRUE(holds(map.as<std::uint32_t>(), 0x99));
}

TEST_F(Memory, CantBeMappedPrivately) {
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = client_.make_bo(4096);
  require(client_.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), "BO_MMAP_OFFSET");
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, client_.fd(),
                 static_cast<off_t>(argument.offset)),
            MAP_FAILED);
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(Memory, IsSharedAsDmaBuf) {
  const auto handle = client_.make_bo(kMiB);
  ASSERT_EQ(client_.fill_bo(handle, kMiB, 0x5a), 1);
  int fd = -1;
  ASSERT_EQ(drmPrimeHandleToFD(client_.fd(), handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);
  const File file(fd);
  const Mapping map(kMiB, fd, 0, PROT_READ | PROT_WRITE);
  EXPECT_TRUE(holds(map.as<std::uint32_t>(), 0x5a));

  const Mover other;
  std::uint32_t same = 0;
  ASSERT_EQ(drmPrimeFDToHandle(other.fd(), fd, &same), 0);
  ASSERT_EQ(other.fill_bo(same, kMiB, 0x5b), 1);
  EXPECT_TRUE(holds(map.as<std::uint32_t>(), 0x5b));
}

}  // namespace
}  // namespace halyard::test
