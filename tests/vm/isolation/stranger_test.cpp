// SPDX-License-Identifier: MIT
/// \file
/// A client that knows all that there is to know of another's objects, their handles, ids, offsets
/// and addresses: each use of them is refused, and the other does not notice.

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "worker.hpp"

namespace halyard::test {
namespace {

constexpr std::uint32_t kSecret = 0x5ec4e700;
/// To device addresses where no client of these tests has anything itself.
constexpr std::uint64_t kFar = std::uint64_t{1} << 36U;

/// Handles are small numbers, counted by each file: the victim has more than the stranger ever
/// gets, so that its last ones mean nothing to the stranger.
class Stranger : public testing::Test {
 protected:
  static constexpr int kMany = 64;

  void SetUp() override {
    for (int i = 0; i < kMany; ++i) {
      bo_ = victim_->client().make_bo(kPage);
      syncobj_ = victim_->client().make_syncobj();
    }
    for (int i = 0; i < 4; ++i) {
      vm_ = victim_->client().make_vm();
      queue_ = victim_->make_stamp_queue(DRM_HALYARD_PRIORITY_NORMAL);
    }
    secret_ = victim_->reach(bo_, kPage);
    map_ = victim_->client().map(bo_, kPage);
    std::ranges::fill(map_.as<std::uint32_t>(), kSecret);
  }

  void TearDown() override {
    const auto words = map_.as<std::uint32_t>();
    EXPECT_TRUE(std::ranges::all_of(words, [](auto word) { return word == kSecret; }));
    EXPECT_EQ(victim_->client().query(queue_).submitted, 0U);
    EXPECT_EQ(victim_->client().query(queue_).state, std::uint32_t{DRM_HALYARD_QUEUE_ACTIVE});
    EXPECT_EQ(victim_->client().status(victim_->client().make_syncobj(true)), 1);
    EXPECT_EQ(victim_->client().wait(syncobj_, 0, 0), ETIME);
    EXPECT_EQ(victim_->attempt(victim_->fill(secret_, 0, kPage, 1)), 1);
    EXPECT_EQ(map_.as<std::uint32_t>()[5], 1U);
    EXPECT_EQ(victim_->client().vm_destroy(vm_), 0);
  }

  /// A call of the stranger's with one member of its argument set.
  template <typename T>
  int stranger_calls(unsigned long request, std::uint32_t T::*member, std::uint32_t value) {
    T argument{};
    argument.*member = value;
    return stranger_->client().call(request, argument);
  }

  std::unique_ptr<Worker> victim_ = make_worker(), stranger_ = make_worker();
  std::uint32_t bo_ = 0, vm_ = 0, queue_ = 0, syncobj_ = 0;
  Target secret_;
  Mapping map_;
};

TEST_F(Stranger, BufferHandle) {
  EXPECT_EQ(stranger_calls(DRM_IOCTL_HALYARD_BO_INFO, &drm_halyard_bo_info::handle, bo_), ENOENT);
  EXPECT_EQ(
      stranger_calls(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, &drm_halyard_bo_mmap_offset::handle, bo_),
      ENOENT);
  EXPECT_EQ(stranger_->client().close_bo(bo_), EINVAL);
  int fd = -1;
  EXPECT_EQ(drmPrimeHandleToFD(stranger_->client().fd(), bo_, DRM_CLOEXEC | DRM_RDWR, &fd), -1);
  EXPECT_EQ(errno, ENOENT);
}

/// The kernel's older way to share, by small numbers that all the world can guess. The DRM core
/// would let root do it, whose processes are many a container's.
TEST_F(Stranger, GlobalNames) {
  drm_gem_flink flink{.handle = bo_, .name = 0};
  EXPECT_EQ(victim_->client().call(DRM_IOCTL_GEM_FLINK, flink), EOPNOTSUPP);
  for (std::uint32_t name = 0; name < kMany; ++name)
    EXPECT_EQ(stranger_calls(DRM_IOCTL_GEM_OPEN, &drm_gem_open::name, name), EOPNOTSUPP);
}

TEST_F(Stranger, BufferHandleInAJob) {
  const Target own = stranger_->make(kPage);
  AnyJob job = stranger_->fill(own, 0, kPage, 7);
  job.buffers.back().handle = bo_;
  EXPECT_EQ(stranger_->attempt(job), -ENOENT);
  job = stranger_->copy(own, 0, own, 0, kPage);
  job.buffers[job.buffers.size() - 2].handle = bo_;
  EXPECT_EQ(stranger_->attempt(job), -ENOENT);
}

TEST_F(Stranger, MmapOffset) {
  drm_halyard_bo_mmap_offset argument{.handle = bo_, .pad = 0, .offset = 0};
  ASSERT_EQ(victim_->client().call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), 0);
  for (const int prot : {PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE}) {
    void* address = mmap(nullptr, kPage, prot, MAP_SHARED, stranger_->client().fd(),
                         static_cast<off_t>(argument.offset));
    EXPECT_EQ(address, MAP_FAILED);
    EXPECT_EQ(errno, EACCES);
  }
}

/// Registers, doorbells and windows are in BARs: no offset of the file leads there.
TEST_F(Stranger, OtherOffsets) {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 20U;
  for (std::uint64_t offset = 0; offset < 64 * kStep; offset += kStep)
    EXPECT_EQ(mmap(nullptr, kPage, PROT_READ, MAP_SHARED, stranger_->client().fd(),
                   static_cast<off_t>(offset)),
              MAP_FAILED);
}

TEST_F(Stranger, AddressSpace) {
  EXPECT_EQ(stranger_->client().vm_destroy(vm_), ENOENT);
  EXPECT_EQ(stranger_calls(DRM_IOCTL_HALYARD_QUEUE_CREATE, &drm_halyard_queue_create::vm_id, vm_),
            ENOENT);
}

TEST_F(Stranger, Queue) {
  EXPECT_EQ(
      stranger_calls(DRM_IOCTL_HALYARD_QUEUE_QUERY, &drm_halyard_queue_query::queue_id, queue_),
      ENOENT);
  EXPECT_EQ(stranger_->client().queue_destroy(queue_), ENOENT);
  AnyJob job = stranger_->fill(stranger_->make(kPage), 0, kPage, 7);
  job.queue = queue_;
  EXPECT_EQ(stranger_->attempt(job), -ENOENT);
}

TEST_F(Stranger, Syncobj) {
  const int fd = stranger_->client().fd();
  EXPECT_EQ(drmSyncobjSignal(fd, &syncobj_, 1), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(drmSyncobjReset(fd, &syncobj_, 1), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(stranger_->client().wait(syncobj_, 0, 0), ENOENT);
  int out = -1;
  EXPECT_EQ(drmSyncobjHandleToFD(fd, syncobj_, &out), -1);
  EXPECT_EQ(drmSyncobjExportSyncFile(fd, syncobj_, &out), -1);
  EXPECT_NE(drmSyncobjDestroy(fd, syncobj_), 0);
  const Target own = stranger_->make(kPage);
  EXPECT_EQ(stranger_->client().submit(stranger_->fill(own, 0, kPage, 1).wait(syncobj_)), ENOENT);
  EXPECT_EQ(stranger_->client().submit(stranger_->fill(own, 0, kPage, 1).signal(syncobj_)), ENOENT);
}

/// Of the victim's memory on a chip with page tables; elsewhere a job has no addresses but offsets
/// in its own buffers.
TEST_F(Stranger, DeviceAddress) {
  Target guess = secret_;
  const Target own = stranger_->make(kPage);
  guess.handle = stranger_->make(kPage).handle;
  guess.size = kPage;
  if (secret_.va != 0) {
    guess.va = secret_.va + kFar;
    ASSERT_EQ(victim_->client().map_at(victim_->client().vm(), bo_, guess.va, kPage), 0);
    EXPECT_EQ(stranger_->attempt(stranger_->fill(guess, 0, kPage, 7)), -EFAULT);
    EXPECT_EQ(stranger_->attempt(stranger_->copy(guess, 0, own, 0, kPage)), -EFAULT);
  } else {
    // Every offset is one in the own buffer: what lies behind it is refused.
    EXPECT_LT(stranger_->attempt(stranger_->fill(guess, kPage, kPage, 7)), 0);
    EXPECT_LT(stranger_->attempt(stranger_->copy(guess, kPage, own, 0, kPage)), 0);
  }
}

/// The number of an address space, of a queue, of a slot in the card goes from one client to the
/// next; what the one before had mapped does not.
TEST_F(Stranger, NumbersUsedAgain) {
  Target ghost;
  {
    const auto gone = make_worker();
    ghost = gone->make(kPage);
    if (ghost.va != 0) {
      ghost.va += kFar;
      ASSERT_EQ(gone->client().map_at(gone->client().vm(), ghost.handle, ghost.va, kPage), 0);
    }
    ASSERT_EQ(gone->attempt(gone->fill(ghost, 0, kPage, kSecret)), 1);
  }
  for (int i = 0; i < 8; ++i) {
    const auto next = make_worker();
    ghost.handle = next->make(kPage).handle;
    const Target seen = next->make(kPage);
    const Mapping map = next->client().map(seen.handle, kPage);
    const int end = next->attempt(next->copy(ghost, 0, seen, 0, kPage));
    EXPECT_EQ(end, ghost.va != 0 ? -EFAULT : 1);
    EXPECT_EQ(map.as<std::uint32_t>()[0], 0U);
  }
}

}  // namespace
}  // namespace halyard::test
