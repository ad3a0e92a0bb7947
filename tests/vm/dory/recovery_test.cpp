// SPDX-License-Identifier: MIT
/// \file
/// Failures of the card, injected through debugfs: the guilty job alone fails.

#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "job.hpp"
#include "job_limit.hpp"

namespace halyard::test {
namespace {

class Recovery : public testing::Test {
 protected:
  void SetUp() override { inject("none"); }

  void TearDown() override {
    // The card works on, for this file and for a new one.
    inject("none");
    user_.queue = user_.client.make_queue();
    EXPECT_EQ(user_.run(fill_word(7)), 1);
    User fresh;
    EXPECT_EQ(fresh.run(fill_word(7)), 1);
    EXPECT_EQ(fresh.out.as()[0], 7U);
  }

  /// A job that hangs, with jobs of another file waiting behind it.
  void expect_only_the_guilty_fails() {
    const std::uint32_t guilty = user_.client.make_syncobj();
    Job job = user_.job(fill_word(7));
    ASSERT_EQ(user_.client.submit(job.signal(guilty)), 0);
    ASSERT_TRUE(wait_for_injection());

    User other;
    const std::uint32_t timeline = other.client.make_syncobj();
    constexpr std::uint32_t kJobs = 20;
    for (std::uint32_t i = 1; i <= kJobs; ++i) {
      Job next = other.job(fill_word(i));
      ASSERT_EQ(other.client.submit(next.signal(timeline, i)), 0);
    }
    EXPECT_EQ(user_.client.wait(guilty), 0);
    EXPECT_EQ(user_.client.status(guilty), -ETIME);
    EXPECT_EQ(other.client.wait(timeline, kJobs), 0);
    const drm_halyard_queue_query innocent = other.client.query(other.queue);
    EXPECT_EQ(innocent.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_ACTIVE));
    EXPECT_EQ(innocent.completed, kJobs);
    EXPECT_EQ(innocent.failed, 0U);
    EXPECT_EQ(other.out.as()[0], kJobs);
    EXPECT_EQ(other.run(fill_word(3)), 1);

    const drm_halyard_queue_query blamed = user_.client.query(user_.queue);
    EXPECT_EQ(blamed.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_BANNED));
    EXPECT_EQ(blamed.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_TIMEOUT));
    EXPECT_EQ(blamed.fault_job, 1U);
    EXPECT_EQ(user_.out.as()[0], 0U);
  }

  void expect_fault(int error, drm_halyard_fault_cause cause) {
    EXPECT_EQ(user_.run(fill_word(7)), -error);
    EXPECT_EQ(user_.client.query(user_.queue).fault_cause, static_cast<std::uint32_t>(cause));
    EXPECT_EQ(user_.out.as()[0], 0U);
  }

  User user_;
};

TEST_F(Recovery, HangIsStoppedByAReset) {
  inject("hang");
  expect_only_the_guilty_fails();
}

TEST_F(Recovery, HangIsStoppedByAFunctionReset) {
  inject("reset_fails", -1, 0, 1);
  inject("hang");
  expect_only_the_guilty_fails();
}

TEST_F(Recovery, QueueOfAHungJobCanBeDestroyed) {
  inject("hang");
  const std::uint32_t done = user_.client.make_syncobj();
  Job job = user_.job(fill_word(7));
  ASSERT_EQ(user_.client.submit(job.signal(done)), 0);
  ASSERT_TRUE(wait_for_injection());
  EXPECT_EQ(user_.client.queue_destroy(user_.queue), 0);
  EXPECT_EQ(user_.client.wait(done), 0);
  EXPECT_EQ(user_.client.status(done), -ECANCELED);
  EXPECT_EQ(user_.out.as()[0], 0U);
}

TEST_F(Recovery, JobsBehindAHangAreCancelled) {
  inject("hang");
  std::vector<std::uint32_t> done;
  for (int i = 0; i < 4; ++i) {
    done.push_back(user_.client.make_syncobj());
    Job job = user_.job(fill_word(7));
    ASSERT_EQ(user_.client.submit(job.signal(done.back())), 0);
  }
  for (std::size_t i = 0; i < done.size(); ++i) {
    EXPECT_EQ(user_.client.wait(done[i]), 0);
    EXPECT_EQ(user_.client.status(done[i]), i == 0 ? -ETIME : -ECANCELED);
  }
}

TEST_F(Recovery, SlowJobThatProgressesIsLeftAlone) {
  // Longer in all than the timeout, with each operation well below it.
  const std::uint64_t timeout_ms = user_.client.limits().timeout_ns / 1'000'000;
  constexpr unsigned kOperations = 8;
  Stream stream;
  for (unsigned i = 0; i < kOperations; ++i)
    stream.fill(dense(1, kI32, {1}, 4 * i), i + 1);
  inject("slow", -1, 0, kOperations, static_cast<unsigned>(timeout_ms / 5) * 1000);
  EXPECT_EQ(user_.run(stream.end()), 1);
  EXPECT_EQ(user_.out.as()[kOperations - 1], kOperations);
}

/// It moves, but it has had its time; others wait for theirs no longer.
TEST_F(Recovery, JobThatTakesTooLongIsStopped) {
  constexpr unsigned kOperations = 64;
  Stream stream;
  for (unsigned i = 0; i < kOperations; ++i)
    stream.fill(dense(1, kI32, {1}, 4 * i), i + 1);
  const JobLimit limit(1000);
  inject("slow", -1, 0, kOperations, 100'000);
  const std::uint32_t done = user_.client.make_syncobj();
  Job job = user_.job(stream.end());
  ASSERT_EQ(user_.client.submit(job.signal(done)), 0);
  ASSERT_TRUE(wait_for_injection());
  User other;
  EXPECT_EQ(other.run(fill_word(9)), 1);
  EXPECT_EQ(other.out.as()[0], 9U);

  EXPECT_EQ(user_.client.status(done), -ETIME);
  const drm_halyard_queue_query query = user_.client.query(user_.queue);
  EXPECT_EQ(query.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_BANNED));
  EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_TIMEOUT));
  EXPECT_LT(user_.out.as()[kOperations - 1], kOperations);
}

TEST_F(Recovery, LostInterruptsAreSurvived) {
  inject("irq_lost", -1, 0, 1000);
  const std::uint32_t timeline = user_.client.make_syncobj();
  constexpr std::uint64_t kJobs = 3;
  for (std::uint64_t i = 1; i <= kJobs; ++i) {
    Job job = user_.job(fill_word(static_cast<std::uint32_t>(i)));
    ASSERT_EQ(user_.client.submit(job.signal(timeline, i)), 0);
  }
  EXPECT_EQ(user_.client.wait(timeline, kJobs, 60'000), 0);
  EXPECT_EQ(user_.client.query(user_.queue).completed, kJobs);
}

/// The error stands in registers: a job that failed is not taken for one that hangs.
TEST_F(Recovery, LostInterruptOfAnErrorIsSurvived) {
  inject("irq_lost", -1, 0, 1000);
  inject("operands");
  expect_fault(EILSEQ, DRM_HALYARD_FAULT_ILLEGAL_COMMAND);
}

TEST_F(Recovery, LateInterruptsAreSurvived) {
  inject("irq_late", -1, 0, 10, 50'000);
  for (std::uint32_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(user_.run(fill_word(i)), 1);
    EXPECT_EQ(user_.out.as()[0], i);
  }
}

TEST_F(Recovery, SpuriousInterruptsAreSurvived) {
  for (int i = 0; i < 20; ++i)
    inject("irq_spurious");
  inject("slow", -1, 0, 1, 300'000);
  const std::uint32_t done = user_.client.make_syncobj();
  Job job = user_.job(fill_word(7));
  ASSERT_EQ(user_.client.submit(job.signal(done)), 0);
  ASSERT_TRUE(wait_for_injection());
  inject("irq_spurious");  // in the midst of a job
  EXPECT_EQ(user_.client.wait(done), 0);
  EXPECT_EQ(user_.client.status(done), 1);
  EXPECT_EQ(user_.out.as()[0], 7U);
}

TEST_F(Recovery, InterruptBeforeTheCompletionIsSurvived) {
  inject("irq_early", -1, 0, 3, 50'000);
  for (std::uint32_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(user_.run(fill_word(i)), 1);
    EXPECT_EQ(user_.out.as()[0], i);
  }
}

TEST_F(Recovery, OperandsFailTheJob) {
  inject("operands");
  expect_fault(EILSEQ, DRM_HALYARD_FAULT_ILLEGAL_COMMAND);
}

TEST_F(Recovery, BusErrorFailsTheJob) {
  inject("bus");
  expect_fault(EIO, DRM_HALYARD_FAULT_DEVICE);
}

TEST_F(Recovery, CorrectedMemoryErrorIsHarmless) {
  inject("ecc", -1, 0, 1, 0);
  EXPECT_EQ(user_.run(fill_word(7)), 1);
}

TEST_F(Recovery, UncorrectableMemoryErrorFailsTheJob) {
  inject("ecc", -1, 0, 1, 1);
  expect_fault(EBADMSG, DRM_HALYARD_FAULT_MEMORY_ERROR);
}

}  // namespace
}  // namespace halyard::test
