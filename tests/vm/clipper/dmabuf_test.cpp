// SPDX-License-Identifier: MIT
/// \file
/// Sharing memory: between two files of one device, with another driver, and the implicit fences
/// that come with it.

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "client.hpp"
#include "dmabuf.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Dmabuf : public testing::Test {
 protected:
  Client one_, two_;
};

TEST_F(Dmabuf, IsSharedBetweenFiles) {
  const Buffer buffer = one_.make_buffer(kPage);
  const std::uint32_t handle = import_buffer(two_, export_buffer(one_, buffer.handle));
  const std::uint64_t va = two_.reserve(kPage);
  ASSERT_EQ(two_.map_at(two_.vm(), handle, va, kPage), 0);
  const Program program = load(two_, Stream().fill(row(0, 4), 42), {{va, kPage}});
  EXPECT_EQ(two_.run(program.job(two_.make_queue())), 1);
  EXPECT_EQ(buffer.as()[3], 42U);
}

TEST_F(Dmabuf, OutlivesItsMaker) {
  Buffer buffer = one_.make_buffer(kPage);
  buffer.as()[0] = 9;
  const File file = export_buffer(one_, buffer.handle);
  buffer.map = {};
  one_.close();
  const std::uint32_t handle = import_buffer(two_, file);
  EXPECT_EQ(two_.map(handle, kPage).as<std::uint32_t>()[0], 9U);
}

TEST_F(Dmabuf, ImportingTwiceGivesOneHandle) {
  const File file = export_buffer(one_, one_.make_bo(kPage));
  EXPECT_EQ(import_buffer(two_, file), import_buffer(two_, file));
}

TEST_F(Dmabuf, ForeignMemoryIsUsedInPlace) {
  const ForeignBuffer foreign(4 * kPage);
  foreign.map.as<std::uint32_t>()[0] = 1234;
  const std::uint32_t handle = import_buffer(one_, foreign.dmabuf);
  const std::uint64_t va = one_.reserve(4 * kPage);
  ASSERT_EQ(one_.map_at(one_.vm(), handle, va, 4 * kPage), 0);
  const Program program =
      load(one_, Stream().copy(row(0, 1), row(0, 1, 3 * kPage)), {{va, 4 * kPage}});
  EXPECT_EQ(one_.run(program.job(one_.make_queue())), 1);
  EXPECT_EQ(foreign.map.as<std::uint32_t>()[3 * kPage / 4], 1234U);
}

TEST_F(Dmabuf, ForeignMemoryIsMarked) {
  const ForeignBuffer foreign(kPage);
  drm_halyard_bo_info info{};
  info.handle = import_buffer(one_, foreign.dmabuf);
  ASSERT_EQ(one_.call(DRM_IOCTL_HALYARD_BO_INFO, info), 0);
  EXPECT_EQ(info.flags, static_cast<std::uint32_t>(DRM_HALYARD_BO_IMPORTED));
  EXPECT_EQ(info.size, kPage);
}

TEST_F(Dmabuf, MemoryIsNotCountedTwice) {
  const std::uint64_t before = one_.memory_used();
  const std::uint32_t handle = one_.make_bo(8 * kPage);
  const std::uint32_t other = import_buffer(two_, export_buffer(one_, handle));
  EXPECT_EQ(one_.memory_used(), before + 8 * kPage);
  EXPECT_EQ(one_.close_bo(handle), 0);
  EXPECT_EQ(one_.memory_used(), before + 8 * kPage);
  EXPECT_EQ(two_.close_bo(other), 0);
  EXPECT_EQ(one_.memory_used(), before);
}

TEST_F(Dmabuf, BadFileIsRefused) {
  std::uint32_t handle = 0;
  EXPECT_NE(drmPrimeFDToHandle(one_.fd(), one_.fd(), &handle), 0);
}

/// A job of one file writes a shared buffer and is held back by a gate in memory; jobs of the other
/// file use the same buffer.
class ImplicitFence : public Dmabuf {
 protected:
  void SetUp() override {
    shared_ = one_.make_buffer(kPage);
    gate_ = one_.make_buffer(kPage);
    dmabuf_ = export_buffer(one_, shared_.handle);
    handle_two_ = import_buffer(two_, dmabuf_);
    writer_ =
        load(one_, Stream().fence_wait(1, 0, 1).fill(row(0, 1), 7), {whole(shared_), whole(gate_)});
    reader_ = load(two_, Stream().nop(), {});
    queue_one_ = one_.make_queue();
    queue_two_ = two_.make_queue();
  }

  void TearDown() override { open_gate(); }

  void open_gate() { std::atomic_ref(gate_.as<std::uint64_t>()[0]).store(1); }

  /// Submits a job of the second file that uses the buffer; returns its syncobj.
  std::uint32_t use(std::uint32_t flags) {
    const std::uint32_t done = two_.make_syncobj();
    Job job = reader_.job(queue_two_);
    job.uses(handle_two_, flags).signal(done);
    require(two_.submit(job), "SUBMIT");
    return done;
  }

  std::uint32_t write(std::uint32_t flags) {
    const std::uint32_t done = one_.make_syncobj();
    Job job = writer_.job(queue_one_);
    job.uses(shared_.handle, flags).signal(done);
    require(one_.submit(job), "SUBMIT");
    return done;
  }

  Buffer shared_, gate_;
  File dmabuf_;
  std::uint32_t handle_two_ = 0, queue_one_ = 0, queue_two_ = 0;
  Program writer_, reader_;
};

TEST_F(ImplicitFence, ReaderWaitsForWriter) {
  const std::uint32_t written = write(DRM_HALYARD_BUFFER_WRITE);
  const std::uint32_t read = use(0);
  EXPECT_EQ(two_.wait(read, 0, 200), ETIME);
  open_gate();
  EXPECT_EQ(two_.wait(read), 0);
  EXPECT_EQ(one_.status(written), 1);
  EXPECT_EQ(shared_.as()[0], 7U);
}

TEST_F(ImplicitFence, WriterWaitsForReader) {
  write(0);
  const std::uint32_t second = use(DRM_HALYARD_BUFFER_WRITE);
  EXPECT_EQ(two_.wait(second, 0, 200), ETIME);
  open_gate();
  EXPECT_EQ(two_.wait(second), 0);
}

TEST_F(ImplicitFence, ReadersDoNotWaitForEachOther) {
  write(0);
  EXPECT_EQ(two_.wait(use(0)), 0);
}

TEST_F(ImplicitFence, IsLeftOutOnRequest) {
  write(DRM_HALYARD_BUFFER_WRITE);
  EXPECT_EQ(two_.wait(use(DRM_HALYARD_BUFFER_NO_IMPLICIT)), 0);
}

TEST_F(ImplicitFence, OtherDriversSeeIt) {
  const std::uint32_t written = write(DRM_HALYARD_BUFFER_WRITE);
  pollfd poll_read{.fd = dmabuf_.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&poll_read, 1, 100), 0);
  open_gate();
  EXPECT_EQ(one_.wait(written), 0);
  EXPECT_EQ(poll(&poll_read, 1, 5000), 1);
}

}  // namespace
}  // namespace halyard::test
