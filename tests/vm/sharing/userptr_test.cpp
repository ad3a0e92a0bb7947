// SPDX-License-Identifier: MIT
/// \file
/// Memory of a process, on chips that reach it: what jobs do with it, who pays for it, and that
/// what the process may only read they only read.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "client.hpp"
#include "worker.hpp"

namespace halyard::test {
namespace {

/// VmPin of a process, in bytes.
unsigned long pinned_by(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmPin:")) return std::stoul(line.substr(6)) * 1024;
  }
  return 0;
}

class Userptr : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 4 * kPage;

  /// What a test before this one has pinned is given back a while after its file was closed.
  void SetUp() override {
    for (int i = 0; i < 500 && pinned_by("self") != 0; ++i)
      sleep_ms(10);
    ASSERT_EQ(pinned_by("self"), 0U);
  }

  int make(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 0) {
    drm_halyard_bo_from_userptr argument{
        .address = address, .size = size, .flags = flags, .handle = 0};
    const int error = client_.call(DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument);
    handle_ = argument.handle;
    return error;
  }

  /// What jobs get when they write to a read-only object: whatever they claim.
  void expect_no_job_writes(std::uint64_t size) {
    Target target = worker_->reach(handle_, size, true);
    EXPECT_LT(worker_->attempt(worker_->fill(target, 0, size, 6)), 0);
    target.readonly = false;
    EXPECT_LT(worker_->attempt(worker_->fill(target, 0, size, 6)), 0);
  }

  std::unique_ptr<Worker> worker_ = make_worker();
  Client& client_ = worker_->client();
  Mapping memory_{kSize, -1, 0, PROT_READ | PROT_WRITE};
  std::uint32_t handle_ = 0;
};

TEST_F(Userptr, JobsReadAndWriteTheMemory) {
  memory_.as<std::uint32_t>()[0] = 77;
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  const Target target = worker_->reach(handle_, kSize);
  EXPECT_EQ(worker_->read(target, 0, 4)[0], 77U);
  EXPECT_EQ(worker_->attempt(worker_->fill(target, kPage, kSize - kPage, 88)), 1);
  EXPECT_EQ(memory_.as<std::uint32_t>()[kPage / 4 - 1], 0U);
  EXPECT_EQ(memory_.as<std::uint32_t>()[kPage / 4], 88U);
  EXPECT_EQ(memory_.as<std::uint32_t>().back(), 88U);
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
  expect_no_job_writes(kSize);
  EXPECT_EQ(memory_.as<std::uint32_t>()[0], 5U);
}

/// What was pinned for reading stays so when the process may write again.
TEST_F(Userptr, ProtectionChangedLaterDoesNotHelp) {
  memory_.as<std::uint32_t>()[0] = 5;
  ASSERT_EQ(mprotect(memory_.bytes().data(), kSize, PROT_READ), 0);
  EXPECT_EQ(make(memory_.address(), kSize), EFAULT);
  ASSERT_EQ(make(memory_.address(), kSize, DRM_HALYARD_USERPTR_READONLY), 0);
  ASSERT_EQ(mprotect(memory_.bytes().data(), kSize, PROT_READ | PROT_WRITE), 0);
  expect_no_job_writes(kSize);
  EXPECT_EQ(memory_.as<std::uint32_t>()[0], 5U);
}

/// A file that the process has opened for reading is not written by way of the device.
TEST_F(Userptr, FileOpenedForReadingIsNotWritten) {
  const File file(memfd_create("read", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), kPage), 0);
  const Mapping writable(kPage, file.get(), 0, PROT_READ | PROT_WRITE);
  writable.as<std::uint32_t>()[0] = 5;
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const File reopened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const Mapping readonly(kPage, reopened.get(), 0, PROT_READ);
  EXPECT_EQ(make(readonly.address(), kPage), EFAULT);
  ASSERT_EQ(make(readonly.address(), kPage, DRM_HALYARD_USERPTR_READONLY), 0);
  expect_no_job_writes(kPage);
  EXPECT_EQ(writable.as<std::uint32_t>()[0], 5U);
  EXPECT_EQ(worker_->read(worker_->reach(handle_, kPage, true), 0, 4)[0], 5U);
}

/// The device and the process go on seeing the same pages after a fork, whoever writes first.
TEST_F(Userptr, ForkDoesNotPartDeviceAndProcess) {
  memory_.as<std::uint32_t>()[0] = 1;
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  const Target target = worker_->reach(handle_, kSize);
  EXPECT_EQ(in_child(false,
                     [&] {
                       memory_.as<std::uint32_t>()[0] = 2;
                       return 0;
                     }),
            0);
  EXPECT_EQ(worker_->read(target, 0, 4)[0], 1U);
  memory_.as<std::uint32_t>()[0] = 3;
  EXPECT_EQ(worker_->read(target, 0, 4)[0], 3U);
}

/// Memory that the process gives up stays the object's, and what comes to the address is not.
TEST_F(Userptr, AddressUsedAgainIsNotReached) {
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  const Target target = worker_->reach(handle_, kSize);
  void* const again = mmap(memory_.bytes().data(), kSize, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  ASSERT_EQ(again, memory_.bytes().data());
  memory_.as<std::uint32_t>()[0] = 9;
  ASSERT_EQ(worker_->attempt(worker_->fill(target, 0, kSize, 6)), 1);
  EXPECT_EQ(memory_.as<std::uint32_t>()[0], 9U);
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
  const unsigned long before = pinned_by("self");
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  EXPECT_EQ(pinned_by("self"), before + kSize);
  ASSERT_EQ(client_.close_bo(handle_), 0);
  EXPECT_EQ(pinned_by("self"), before);
}

/// Whose memory it is pays, also when the file is another's; and ends with debts that are nobody's.
TEST_F(Userptr, ChildPaysForItsOwn) {
  const unsigned long before = pinned_by("self");
  const int status = in_child(false, [&] {
    const unsigned long own = pinned_by("self");
    if (make(memory_.address(), kSize) != 0) return 1;
    return pinned_by("self") == own + kSize ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(pinned_by("self"), before);
  // It is still there, in a file that the child has left open: its handle is the next but one's.
  ASSERT_EQ(make(memory_.address(), kSize), 0);
  EXPECT_EQ(pinned_by("self"), before + kSize);
  EXPECT_EQ(client_.close_bo(handle_ - 1), 0);
  EXPECT_EQ(pinned_by("self"), before + kSize);
}

/// Only who has CAP_IPC_LOCK is above the limit: root here, with a limit of nothing.
TEST_F(Userptr, CapabilityIsAboveTheLimit) {
  EXPECT_EQ(in_child(false,
                     [&] {
                       const rlimit none{.rlim_cur = 0, .rlim_max = 0};
                       if (setrlimit(RLIMIT_MEMLOCK, &none) != 0) return 1;
                       return make(memory_.address(), kSize) == 0 ? 0 : 2;
                     }),
            0);
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
