// SPDX-License-Identifier: MIT
#include "vfio_user/dma_map.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "vfio_user/log.hpp"
#include "vfio_user/unique_fd.hpp"

namespace halyard::emu::vfio_user::test {
namespace {

constexpr std::uint64_t kPage = 4096;

UniqueFd make_memory(std::uint64_t size) {
  UniqueFd fd(::memfd_create("guest", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  return fd;
}

DmaMapRequest range(std::uint64_t address, std::uint64_t size, std::uint64_t offset = 0) {
  return {.offset = offset, .address = address, .size = size, .readable = true, .writable = true};
}

/// How often a file whose name contains `name` is mapped into this process.
int mappings_of(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find(name) != std::string::npos ? 1 : 0;
  return count;
}

class DmaMapTest : public testing::Test {
 protected:
  std::span<std::byte> find(std::uint64_t address, std::size_t size,
                            Access access = Access::kRead) {
    const auto pin = map_.pin();
    return map_.find(address, size, access);
  }

  UniqueFd memory_ = make_memory(16 * kPage);
  DmaMap map_;
};

TEST_F(DmaMapTest, FindsMemoryAtItsOffset) {
  ASSERT_EQ(map_.map(range(0x10000, 4 * kPage, 2 * kPage), memory_.get()), 0);
  const char text[] = "hello";
  ASSERT_EQ(::pwrite(memory_.get(), text, sizeof(text), 3 * kPage + 8),
            static_cast<ssize_t>(sizeof(text)));
  const auto found = find(0x10000 + kPage + 8, sizeof(text));
  ASSERT_EQ(found.size(), sizeof(text));
  EXPECT_STREQ(reinterpret_cast<const char*>(found.data()), text);
}

TEST_F(DmaMapTest, EndsAtTheEndOfARange) {
  ASSERT_EQ(map_.map(range(0x10000, kPage), memory_.get()), 0);
  ASSERT_EQ(map_.map(range(0x11000, kPage, 8 * kPage), memory_.get()), 0);
  EXPECT_EQ(find(0x10000, 100).size(), 100u);
  EXPECT_EQ(find(0x10ff0, 100).size(), 16u);
  EXPECT_EQ(find(0x11000, 2 * kPage).size(), kPage);
  EXPECT_TRUE(find(0x0ffff, 1).empty());
  EXPECT_TRUE(find(0x12000, 1).empty());
  EXPECT_TRUE(find(~std::uint64_t{0}, 8).empty());
}

TEST_F(DmaMapTest, HonoursAccess) {
  DmaMapRequest read_only = range(0, kPage);
  read_only.writable = false;
  DmaMapRequest write_only = range(kPage, kPage);
  write_only.readable = false;
  ASSERT_EQ(map_.map(read_only, memory_.get()), 0);
  ASSERT_EQ(map_.map(write_only, memory_.get()), 0);
  EXPECT_FALSE(find(0, 4, Access::kRead).empty());
  EXPECT_TRUE(find(0, 4, Access::kWrite).empty());
  EXPECT_TRUE(find(kPage, 4, Access::kRead).empty());
  EXPECT_FALSE(find(kPage, 4, Access::kWrite).empty());
}

TEST_F(DmaMapTest, RefusesOverlaps) {
  ASSERT_EQ(map_.map(range(0x10000, 4 * kPage), memory_.get()), 0);
  EXPECT_EQ(map_.map(range(0x10000, 4 * kPage), memory_.get()), EEXIST);
  EXPECT_EQ(map_.map(range(0x0f000, 2 * kPage), memory_.get()), EEXIST);
  EXPECT_EQ(map_.map(range(0x13000, 2 * kPage), memory_.get()), EEXIST);
  EXPECT_EQ(map_.map(range(0x11000, kPage), memory_.get()), EEXIST);
  EXPECT_EQ(map_.map(range(0x0f000, 8 * kPage), memory_.get()), EEXIST);
  EXPECT_EQ(map_.map(range(0x0f000, kPage), memory_.get()), 0);
  EXPECT_EQ(map_.map(range(0x14000, kPage), memory_.get()), 0);
  EXPECT_EQ(map_.size(), 3u);
}

TEST_F(DmaMapTest, RefusesAFileThatIsTooShort) {
  EXPECT_EQ(map_.map(range(0, 17 * kPage), memory_.get()), EINVAL);
  EXPECT_EQ(map_.map(range(0, 16 * kPage, kPage), memory_.get()), EINVAL);
  EXPECT_EQ(map_.size(), 0u);
}

TEST_F(DmaMapTest, RefusesWhatIsNoFile) {
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  EXPECT_EQ(map_.map(range(0, kPage), event.get()), EINVAL);
  EXPECT_EQ(map_.map(range(0, kPage), 1000000), EBADF);
}

TEST_F(DmaMapTest, RefusesToWriteAFileOpenedForReading) {
  const std::string path = "/proc/self/fd/" + std::to_string(memory_.get());
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(reader);
  EXPECT_EQ(map_.map(range(0, kPage), reader.get()), EACCES);
  DmaMapRequest read_only = range(0, kPage);
  read_only.writable = false;
  EXPECT_EQ(map_.map(read_only, reader.get()), 0);
  EXPECT_FALSE(find(0, 4).empty());
}

TEST_F(DmaMapTest, FollowsAFileThatGrew) {
  ASSERT_EQ(map_.map(range(0, 16 * kPage), memory_.get()), 0);
  ASSERT_EQ(::ftruncate(memory_.get(), 32 * kPage), 0);
  ASSERT_EQ(map_.map(range(16 * kPage, 16 * kPage, 16 * kPage), memory_.get()), 0);
  EXPECT_EQ(find(31 * kPage, kPage).size(), kPage);
}

TEST_F(DmaMapTest, UnmapsWhatIsWhollyInside) {
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_EQ(map_.map(range(i * kPage, kPage, i * kPage), memory_.get()), 0);
  }
  EXPECT_EQ(map_.unmap(kPage, 2 * kPage), 0);
  EXPECT_FALSE(find(0, 4).empty());
  EXPECT_TRUE(find(kPage, 4).empty());
  EXPECT_TRUE(find(2 * kPage, 4).empty());
  EXPECT_FALSE(find(3 * kPage, 4).empty());
}

TEST_F(DmaMapTest, RefusesToCutARange) {
  ASSERT_EQ(map_.map(range(0x10000, 4 * kPage), memory_.get()), 0);
  EXPECT_EQ(map_.unmap(0x10000, kPage), EINVAL);
  EXPECT_EQ(map_.unmap(0x11000, 3 * kPage), EINVAL);
  EXPECT_EQ(map_.unmap(0x11000, 16 * kPage), EINVAL);
  EXPECT_EQ(map_.unmap(0, 0x10000 + kPage), EINVAL);
  EXPECT_EQ(map_.unmap(0x20000, kPage), ENOENT);
  EXPECT_FALSE(find(0x10000, 4).empty());
  EXPECT_EQ(map_.unmap(0, ~std::uint64_t{0}), 0);
  EXPECT_EQ(map_.size(), 0u);
}

TEST_F(DmaMapTest, MapsAFileOnceHoweverManyRanges) {
  const UniqueFd named(::memfd_create("mapped-once", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(named.get(), 1024 * kPage), 0);
  for (std::uint64_t i = 0; i < 1024; ++i) {  // as a virtual IOMMU does, in any order
    const UniqueFd again(::fcntl(named.get(), F_DUPFD_CLOEXEC, 0));
    ASSERT_EQ(map_.map(range(i * kPage, kPage, (i * 7 % 1024) * kPage), again.get()), 0);
  }
  EXPECT_EQ(mappings_of("mapped-once"), 1);
  map_.unmap_all();
  EXPECT_EQ(mappings_of("mapped-once"), 0);
}

TEST_F(DmaMapTest, KnowsRangesWithoutAFileButDoesNotUseThem) {
  testing::internal::CaptureStderr();
  ASSERT_EQ(map_.map(range(0, kPage), -1), 0);
  EXPECT_EQ(map_.map(range(0, kPage), memory_.get()), EEXIST);
  EXPECT_TRUE(find(0, 4).empty());
  EXPECT_TRUE(find(0, 4).empty());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("guest memory at 0x0 is not shared"), std::string::npos) << log;
  EXPECT_NE(log.find("DMA to 0x0"), std::string::npos) << log;
  EXPECT_EQ(log.find("DMA to 0x0"), log.rfind("DMA to 0x0")) << "said more than once: " << log;
}

TEST_F(DmaMapTest, RomsWithoutAFileAreNoReasonToWarn) {
  testing::internal::CaptureStderr();
  ASSERT_EQ(map_.map(range(0, kPage), memory_.get()), 0);
  ASSERT_EQ(map_.map(range(0x10000, kPage), -1), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(DmaMapTest, HasALimit) {
  const UniqueFd large = make_memory((kMaxDmaMaps + 1) * kPage);
  for (std::uint64_t i = 0; i < kMaxDmaMaps; ++i) {
    ASSERT_EQ(map_.map(range(i * kPage, kPage, i * kPage), large.get()), 0);
  }
  EXPECT_EQ(map_.map(range(kMaxDmaMaps * kPage, kPage), large.get()), ENOSPC);
}

TEST_F(DmaMapTest, UnmapWaitsForWorkInFlight) {
  ASSERT_EQ(map_.map(range(0, kPage), memory_.get()), 0);
  std::atomic<bool> pinned{false};
  std::atomic<bool> released{false};
  std::thread worker([&] {
    const auto pin = map_.pin();
    const auto memory = map_.find(0, kPage, Access::kWrite);
    pinned = true;
    // Long enough for an unmap that does not wait to be seen; one that waits passes however slow
    // the machine is.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    memory[0] = std::byte{42};
    released = true;
  });
  while (!pinned)
    std::this_thread::yield();
  EXPECT_EQ(map_.unmap(0, kPage), 0);
  EXPECT_TRUE(released);
  worker.join();
}

TEST_F(DmaMapTest, AStreamOfPinsDoesNotStarveAnUnmap) {
  ASSERT_EQ(map_.map(range(0, kPage), memory_.get()), 0);
  // Two workers that let go only after the other has pinned: there is no moment without a pin,
  // unless the waiting unmap goes before the next one.
  std::atomic<unsigned> pins{0};
  std::atomic<bool> unmapped{false};
  std::atomic<bool> stop{false};
  const auto work = [&] {
    while (!stop) {
      const auto pin = map_.pin();
      const unsigned mine = ++pins;
      for (int i = 0; i < 100 && pins == mine; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  std::thread first(work);
  std::thread second(work);
  while (pins < 4)
    std::this_thread::yield();
  std::thread unmapper([&] {
    EXPECT_EQ(map_.unmap(0, kPage), 0);
    unmapped = true;
  });
  for (int i = 0; i < 3000 && !unmapped; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(unmapped);
  stop = true;
  first.join();
  second.join();
  unmapper.join();
}

}  // namespace
}  // namespace halyard::emu::vfio_user::test
