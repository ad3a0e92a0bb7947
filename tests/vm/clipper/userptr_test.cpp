// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Userptr : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 4 * kPage;

  int make(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 0) {
    drm_halyard_bo_from_userptr argument{
        .address = address, .size = size, .flags = flags, .handle = 0};
    const int error = client_.call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument);
    handle_ = argument.handle;
    return error;
  }

  Client client_;
  Mapping memory_{kSize, -1, 0, PROT_READ | PROT_WRITE};
  std::uint32_t handle_ = 0;
};

TEST_F(Userptr, JobsReadAndWriteTheMemory) {
  memory_.as<std::uint32_t>()[0] = 77;
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  const std::uint64_t va = client_.reserve(kSize);
  ASSERT_EQ(client_.map_at(client_.vm(), handle_, va, kSize), 0);
  const Program program =
      load(client_, Stream().copy(row(0, 1), row(0, 1, kSize - 4)).fill(row(0, 1, kPage), 88),
           {{va, kSize}});
  EXPECT_EQ(client_.run(program.job(client_.make_queue())), 1);
  EXPECT_EQ(memory_.as<std::uint32_t>().back(), 77U);
  EXPECT_EQ(memory_.as<std::uint32_t>()[kPage / 4], 88U);
}

TEST_F(Userptr, InfoTellsItsKind) {
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  drm_halyard_bo_info info{};
  info.handle = handle_;
  ASSERT_EQ(client_.call(DRM_IOCTL_HALYARD_BO_INFO, info), 0);
  EXPECT_EQ(info.flags, static_cast<std::uint32_t>(DRM_HALYARD_BO_USERPTR));
  EXPECT_EQ(info.size, kSize);
}

TEST_F(Userptr, UnalignedAddressIsRefused) {
  EXPECT_EQ(make(memory_.address() + 8, kPage), EINVAL);
}

TEST_F(Userptr, UnalignedSizeIsRefused) {
  EXPECT_EQ(make(memory_.address(), kPage + 8), EINVAL);
}

TEST_F(Userptr, SizeZeroIsRefused) {
  EXPECT_EQ(make(memory_.address(), 0), EINVAL);
}

TEST_F(Userptr, RangeThatOverflowsIsRefused) {
  EXPECT_EQ(make(~std::uint64_t{0} << 12U, 2 * kPage), EINVAL);
}

TEST_F(Userptr, SizeAboveTheLimitIsRefused) {
  EXPECT_EQ(make(memory_.address(), std::uint64_t{1} << 62U), EINVAL);
}

TEST_F(Userptr, UnknownFlagsAreRefused) {
  EXPECT_EQ(make(memory_.address(), kSize, 2), EINVAL);
  EXPECT_EQ(make(memory_.address(), kSize, 1U << 31U), EINVAL);
}

TEST_F(Userptr, MemoryThatIsNotThereFaults) {
  EXPECT_EQ(make(kPage, kPage), EFAULT);
  std::byte* const hole = memory_.bytes().data() + 2 * kPage;
  ASSERT_EQ(mprotect(hole, kPage, PROT_NONE), 0);
  EXPECT_EQ(make(memory_.address(), kSize), EFAULT);
  ASSERT_EQ(mprotect(hole, kPage, PROT_READ | PROT_WRITE), 0);
}

TEST_F(Userptr, ReadOnlyMemoryNeedsTheFlag) {
  const Mapping readonly(kPage, -1, 0, PROT_READ);
  EXPECT_EQ(make(readonly.address(), kPage), EFAULT);
  EXPECT_EQ(make(readonly.address(), kPage, DRM_HALYARD_USERPTR_READONLY), 0);
}

TEST_F(Userptr, ReadOnlyBufferIsNotWritten) {
  memory_.as<std::uint32_t>()[0] = 5;
  ASSERT_EQ(make(memory_.address(), kSize, DRM_HALYARD_USERPTR_READONLY), 0);
  const std::uint64_t va = client_.reserve(kSize);
  EXPECT_EQ(client_.map_at(client_.vm(), handle_, va, kSize), EACCES);
  ASSERT_EQ(client_.map_at(client_.vm(), handle_, va, kSize, DRM_HALYARD_BIND_READONLY), 0);
  const Program program = load(client_, Stream().fill(row(0, 1), 6), {{va, kSize}});
  EXPECT_EQ(client_.run(program.job(client_.make_queue())), -EFAULT);
  EXPECT_EQ(memory_.as<std::uint32_t>()[0], 5U);
}

TEST_F(Userptr, CannotBeMappedAgainOrExported) {
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = handle_;
  EXPECT_NE(client_.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), 0);
  int fd = -1;
  EXPECT_NE(drmPrimeHandleToFD(client_.fd(), handle_, DRM_CLOEXEC, &fd), 0);
}

TEST_F(Userptr, PinnedMemoryIsCountedAndReleased) {
  const auto locked = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmPin:")) {
        return std::stoul(line.substr(6)) * 1024;
      }
    }
    return 0UL;
  };
  const unsigned long before = locked();
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  EXPECT_EQ(locked(), before + kSize);
  ASSERT_EQ(client_.close_bo(handle_), 0);
  EXPECT_EQ(locked(), before);
}

TEST_F(Userptr, MemlockLimitHolds) {
  ASSERT_EQ(chmod(device_node().c_str(), 0666), 0);
  const int status = in_child(true, [] {
    const rlimit limit{.rlim_cur = 2 * kPage, .rlim_max = 2 * kPage};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
      return 1;
    }
    const Client client;
    const Mapping memory(4 * kPage, -1, 0, PROT_READ | PROT_WRITE);
    drm_halyard_bo_from_userptr argument{
        .address = memory.address(), .size = 2 * kPage, .flags = 0, .handle = 0};
    if (client.call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument) != 0) {
      return 2;
    }
    const std::uint32_t first = argument.handle;
    argument.address += 2 * kPage;
    argument.size = kPage;
    if (client.call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument) != ENOMEM) {
      return 3;
    }
    if (client.close_bo(first) != 0) {
      return 4;
    }
    return client.call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument) == 0 ? 0 : 5;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace halyard::test
