// SPDX-License-Identifier: MIT
/// \file
/// Fences that cross drivers: vgem's, which a test signals when it wants, hold jobs back, and jobs'
/// fences are seen by others.

#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "dmabuf.hpp"
#include "peers.hpp"
#include "worker.hpp"

namespace halyard::test {
namespace {

constexpr unsigned kMoment = 100;

/// Shared memory of vgem's, of which the device has a handle, too.
class Fences : public testing::Test {
 protected:
  void SetUp() override {
    target_ = worker_->reach(import_buffer(client(), dmabuf_), kPage);
    done_ = client().make_syncobj();
  }

  [[nodiscard]] Client& client() { return worker_->client(); }

  /// A job that writes to the shared memory, or reads from it.
  void submit(bool write) {
    AnyJob job = write ? worker_->fill(target_, 0, kPage, 5)
                       : worker_->copy(target_, 0, worker_->make(kPage), 0, kPage);
    require(client().submit(job.signal(done_)), "SUBMIT");
  }
  [[nodiscard]] bool is_over(unsigned ms = 20000) { return client().wait(done_, 0, ms) == 0; }

  /// A fence of vgem's on the shared memory.
  [[nodiscard]] std::uint32_t attach(bool write) {
    std::uint32_t fence = 0;
    require(vgem_.attach(shared_, write, fence), "FENCE_ATTACH");
    return fence;
  }
  /// A fence of vgem's on memory that is nobody else's, as a file.
  [[nodiscard]] File private_fence(std::uint32_t& fence) {
    const std::uint32_t handle = vgem_.create(kPage);
    require(vgem_.attach(handle, true, fence), "FENCE_ATTACH");
    return export_sync_file(vgem_.export_dmabuf(handle), DMA_BUF_SYNC_READ);
  }
  static bool is_signalled(const File& fence, int ms = 20000) {
    pollfd polled{.fd = fence.get(), .events = POLLIN, .revents = 0};
    return poll(&polled, 1, ms) == 1;
  }

  const Vgem vgem_;
  std::uint32_t shared_ = vgem_.create(kPage);
  File dmabuf_ = vgem_.export_dmabuf(shared_);
  std::unique_ptr<Worker> worker_ = make_worker();
  Target target_;
  std::uint32_t done_ = 0;
};

TEST_F(Fences, JobWaitsForAnothersWrite) {
  const std::uint32_t fence = attach(true);
  submit(false);
  EXPECT_FALSE(is_over(kMoment));
  vgem_.signal(fence);
  EXPECT_TRUE(is_over());
}

TEST_F(Fences, WriterWaitsForAnothersRead) {
  const std::uint32_t fence = attach(false);
  submit(true);
  EXPECT_FALSE(is_over(kMoment));
  vgem_.signal(fence);
  EXPECT_TRUE(is_over());
}

TEST_F(Fences, ReaderDoesNotWaitForAnothersRead) {
  const std::uint32_t fence = attach(false);
  submit(false);
  EXPECT_TRUE(is_over());
  vgem_.signal(fence);
}

/// The other direction: a job that is held back holds others back.
TEST_F(Fences, AnotherSeesAJobsFence) {
  std::uint32_t held = 0, fence = 0;
  const std::uint32_t gate = client().make_syncobj();
  ASSERT_EQ(drmSyncobjImportSyncFile(client().fd(), gate, private_fence(held).get()), 0);
  AnyJob job = worker_->fill(target_, 0, kPage, 5);
  ASSERT_EQ(client().submit(job.wait(gate).signal(done_)), 0);

  EXPECT_EQ(vgem_.attach(shared_, false, fence), EBUSY);
  EXPECT_EQ(vgem_.attach(shared_, true, fence), EBUSY);
  const File to_read = export_sync_file(dmabuf_, DMA_BUF_SYNC_READ);
  EXPECT_FALSE(is_signalled(to_read, kMoment));
  vgem_.signal(held);
  EXPECT_TRUE(is_signalled(to_read));
  EXPECT_EQ(sync_file_status(to_read), 1);
  EXPECT_TRUE(is_over());
  EXPECT_EQ(vgem_.attach(shared_, true, fence), 0);
  vgem_.signal(fence);
}

TEST_F(Fences, ReadingJobIsInTheWayOfWritersOnly) {
  std::uint32_t held = 0;
  const std::uint32_t gate = client().make_syncobj();
  ASSERT_EQ(drmSyncobjImportSyncFile(client().fd(), gate, private_fence(held).get()), 0);
  AnyJob job = worker_->copy(target_, 0, worker_->make(kPage), 0, kPage);
  ASSERT_EQ(client().submit(job.wait(gate).signal(done_)), 0);
  EXPECT_TRUE(is_signalled(export_sync_file(dmabuf_, DMA_BUF_SYNC_READ), 0));
  const File to_write = export_sync_file(dmabuf_, DMA_BUF_SYNC_WRITE);
  EXPECT_FALSE(is_signalled(to_write, kMoment));
  vgem_.signal(held);
  EXPECT_TRUE(is_signalled(to_write));
}

/// Explicit fences made implicit: what is put into the dma-buf holds jobs back.
TEST_F(Fences, ImportedSyncFileHoldsJobsBack) {
  std::uint32_t held = 0;
  const File fence = private_fence(held);
  ASSERT_EQ(import_sync_file(dmabuf_, fence, DMA_BUF_SYNC_WRITE), 0);
  submit(false);
  EXPECT_FALSE(is_over(kMoment));
  vgem_.signal(held);
  EXPECT_TRUE(is_over());
}

/// On memory that is the device's own, too.
TEST_F(Fences, ImportedSyncFileHoldsJobsOnOwnMemoryBack) {
  target_ = worker_->make(kPage);
  const File own = export_buffer(client(), target_.handle);
  std::uint32_t held = 0;
  ASSERT_EQ(import_sync_file(own, private_fence(held), DMA_BUF_SYNC_WRITE), 0);
  submit(true);
  EXPECT_FALSE(is_over(kMoment));
  const File to_read = export_sync_file(own, DMA_BUF_SYNC_READ);
  EXPECT_FALSE(is_signalled(to_read, 0));
  vgem_.signal(held);
  EXPECT_TRUE(is_over());
  EXPECT_TRUE(is_signalled(to_read));
}

TEST_F(Fences, SyncFilesAreMerged) {
  std::uint32_t first = 0, second = 0;
  const File one = private_fence(first), two = private_fence(second);
  sync_merge_data merge{};
  std::strncpy(merge.name, "both", sizeof(merge.name) - 1);
  merge.fd2 = two.get();
  ASSERT_EQ(drmIoctl(one.get(), SYNC_IOC_MERGE, &merge), 0);
  const File both(merge.fence);
  const std::uint32_t gate = client().make_syncobj();
  ASSERT_EQ(drmSyncobjImportSyncFile(client().fd(), gate, both.get()), 0);
  ASSERT_EQ(client().submit(worker_->fill(target_, 0, kPage, 1).wait(gate).signal(done_)), 0);
  vgem_.signal(first);
  EXPECT_FALSE(is_over(kMoment));
  vgem_.signal(second);
  EXPECT_TRUE(is_over());
}

/// A poll loop is told of a job's end, before and after it is submitted.
TEST_F(Fences, EventIsToldOfAPoint) {
  const File event(eventfd(0, EFD_CLOEXEC));
  SyncobjEventfd argument{};
  argument.handle = done_;
  argument.point = 7;
  argument.fd = event.get();
  ASSERT_EQ(client().call(kSyncobjEventfd, argument), 0);
  EXPECT_FALSE(is_signalled(event, kMoment));
  const std::uint32_t fence = attach(true);
  ASSERT_EQ(client().submit(worker_->fill(target_, 0, kPage, 1).signal(done_, 7)), 0);
  EXPECT_FALSE(is_signalled(event, kMoment));
  vgem_.signal(fence);
  EXPECT_TRUE(is_signalled(event));
}

}  // namespace
}  // namespace halyard::test
