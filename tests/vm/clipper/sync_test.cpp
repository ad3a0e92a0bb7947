// SPDX-License-Identifier: MIT
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Sync : public testing::Test {
 protected:
  void SetUp() override {
    buffer_ = client_.make_buffer(kPage);
    gate_ = client_.make_buffer(kPage);
    set_ = load(client_, Stream().fill(row(0, 1), 1), {whole(buffer_)});
    copy_ = load(client_, Stream().copy(row(0, 1), row(0, 1, 4)), {whole(buffer_)});
    gated_ = load(client_, Stream().fence_wait(1, 0, 1).fill(row(0, 1), 1),
                  {whole(buffer_), whole(gate_)});
    one_ = client_.make_queue();
    two_ = client_.make_queue();
  }

  void TearDown() override { open_gate(); }

  void open_gate() { std::atomic_ref(gate_.as<std::uint64_t>()[0]).store(1); }

  Client client_;
  Buffer buffer_, gate_;
  Program set_, copy_, gated_;
  std::uint32_t one_ = 0, two_ = 0;
};

TEST_F(Sync, BinaryOrdersQueues) {
  const std::uint32_t between = client_.make_syncobj();
  const std::uint32_t done = client_.make_syncobj();
  Job first = gated_.job(one_);
  ASSERT_EQ(client_.submit(first.signal(between)), 0);
  Job second = copy_.job(two_);
  ASSERT_EQ(client_.submit(second.wait(between).signal(done)), 0);
  EXPECT_EQ(client_.wait(done, 0, 200), ETIME);
  open_gate();
  EXPECT_EQ(client_.wait(done), 0);
  EXPECT_EQ(buffer_.as()[1], 1U);
}

TEST_F(Sync, TimelineOrdersQueues) {
  const std::uint32_t timeline = client_.make_syncobj();
  Job first = gated_.job(one_);
  ASSERT_EQ(client_.submit(first.signal(timeline, 10)), 0);
  Job second = copy_.job(two_);
  ASSERT_EQ(client_.submit(second.wait(timeline, 10).signal(timeline, 20)), 0);
  EXPECT_EQ(client_.wait(timeline, 20, 200), ETIME);
  open_gate();
  EXPECT_EQ(client_.wait(timeline, 20), 0);
  EXPECT_EQ(buffer_.as()[1], 1U);
  std::uint64_t value = 0;
  std::uint32_t handle = timeline;
  ASSERT_EQ(drmSyncobjQuery(client_.fd(), &handle, &value, 1), 0);
  EXPECT_EQ(value, 20U);
}

TEST_F(Sync, EarlierPointIsReachedWithALaterOne) {
  const std::uint32_t timeline = client_.make_syncobj();
  Job job = set_.job(one_);
  ASSERT_EQ(client_.submit(job.signal(timeline, 100)), 0);
  EXPECT_EQ(client_.wait(timeline, 50), 0);
}

TEST_F(Sync, HostSignalsWhatAJobAwaits) {
  const std::uint32_t timeline = client_.make_syncobj();
  std::uint64_t point = 7;
  ASSERT_EQ(drmSyncobjTimelineSignal(client_.fd(), &timeline, &point, 1), 0);
  Job job = set_.job(one_);
  job.wait(timeline, point);
  EXPECT_EQ(client_.run(job), 1);
}

TEST_F(Sync, SignalledSyncobjDoesNotHoldBack) {
  Job job = set_.job(one_);
  job.wait(client_.make_syncobj(true));
  EXPECT_EQ(client_.run(job), 1);
}

TEST_F(Sync, WaitForWhatNobodySignalsTimesOut) {
  const std::uint32_t timeline = client_.make_syncobj();
  EXPECT_EQ(client_.wait(timeline, 1, 100), ETIME);
  EXPECT_EQ(client_.wait(timeline, 0, 100), ETIME);
}

/// Two queues whose commands await each other's: nobody can go on, and no fence of the kernel is
/// part of the circle.
TEST_F(Sync, CyclicWaitInMemoryEndsByTimeout) {
  const Buffer flags = client_.make_buffer(kPage);
  const Program ab =
      load(client_, Stream().fence_wait(0, 0, 1).fence_signal(0, 8, 1), {whole(flags)});
  const Program ba =
      load(client_, Stream().fence_wait(0, 8, 1).fence_signal(0, 0, 1), {whole(flags)});
  const std::uint32_t done_one = client_.make_syncobj();
  const std::uint32_t done_two = client_.make_syncobj();
  Job first = ab.job(one_);
  Job second = ba.job(two_);
  ASSERT_EQ(client_.submit(first.signal(done_one)), 0);
  ASSERT_EQ(client_.submit(second.signal(done_two)), 0);
  EXPECT_EQ(client_.wait(done_one, 0, 200), ETIME);
  EXPECT_EQ(client_.wait(done_one), 0);
  EXPECT_EQ(client_.wait(done_two), 0);
  EXPECT_EQ(client_.status(done_one), -ETIME);
  EXPECT_EQ(client_.status(done_two), -ETIME);
}

TEST_F(Sync, OneJobWaitsForManyAndSignalsMany) {
  const std::uint32_t a = client_.make_syncobj();
  const std::uint32_t b = client_.make_syncobj();
  const std::uint32_t c = client_.make_syncobj();
  const std::uint32_t d = client_.make_syncobj();
  Job first = set_.job(one_);
  ASSERT_EQ(client_.submit(first.signal(a).signal(b, 3)), 0);
  Job second = copy_.job(two_);
  ASSERT_EQ(client_.submit(second.wait(a).wait(b, 3).signal(c).signal(d, 1)), 0);
  EXPECT_EQ(client_.wait(c), 0);
  EXPECT_EQ(client_.wait(d, 1), 0);
  EXPECT_EQ(buffer_.as()[1], 1U);
}

TEST_F(Sync, SyncFileCanBePolled) {
  const std::uint32_t done = client_.make_syncobj();
  Job job = gated_.job(one_);
  ASSERT_EQ(client_.submit(job.signal(done)), 0);
  int fd = -1;
  ASSERT_EQ(drmSyncobjExportSyncFile(client_.fd(), done, &fd), 0);
  const File file(fd);
  pollfd polled{.fd = file.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, 100), 0);
  open_gate();
  EXPECT_EQ(poll(&polled, 1, 5000), 1);
  EXPECT_EQ(client_.status(done), 1);
}

TEST_F(Sync, EventfdIsSignalled) {
  const std::uint32_t done = client_.make_syncobj();
  const File event(eventfd(0, EFD_CLOEXEC));
  Job job = gated_.job(one_);
  ASSERT_EQ(client_.submit(job.signal(done, 1)), 0);
  SyncobjEventfd argument{.handle = done, .flags = 0, .point = 1, .fd = event.get(), .pad = 0};
  ASSERT_EQ(client_.call(kSyncobjEventfd, argument), 0);
  pollfd polled{.fd = event.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, 100), 0);
  open_gate();
  EXPECT_EQ(poll(&polled, 1, 5000), 1);
}

/// Passed to another file, a syncobj carries the fence with it.
TEST_F(Sync, SyncobjCrossesFiles) {
  const std::uint32_t done = client_.make_syncobj();
  Client other;
  int fd = -1;
  ASSERT_EQ(drmSyncobjHandleToFD(client_.fd(), done, &fd), 0);
  const File file(fd);
  std::uint32_t theirs = 0;
  ASSERT_EQ(drmSyncobjFDToHandle(other.fd(), file.get(), &theirs), 0);
  Job first = gated_.job(one_);
  ASSERT_EQ(client_.submit(first.signal(done)), 0);
  Job second = load(other, Stream().nop(), {}).job(other.make_queue());
  const std::uint32_t end = other.make_syncobj();
  ASSERT_EQ(other.submit(second.wait(theirs).signal(end)), 0);
  EXPECT_EQ(other.wait(end, 0, 200), ETIME);
  open_gate();
  EXPECT_EQ(other.wait(end), 0);
}

}  // namespace
}  // namespace halyard::test
