// SPDX-License-Identifier: MIT
/// \file
/// Failures of the device, injected through debugfs: the guilty job alone fails, whatever rung of
/// the ladder it takes.

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "job_limit.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Recovery : public testing::Test {
 protected:
  void SetUp() override {
    inject("none");
    buffer_ = client_.make_buffer(kPage);
    fill_ = load(client_, Stream().fill(row(0, 1), 7), {whole(buffer_)});
    queue_ = client_.make_queue();
  }

  void TearDown() override {
    // The device works on, for this file and for a new one.
    inject("none");
    EXPECT_EQ(client_.run(fill_.job(client_.make_queue())), 1);
    Client fresh;
    EXPECT_EQ(fresh.run(load(fresh, Stream().nop(), {}).job(fresh.make_queue())), 1);
  }

  /// A job that hangs, while another file's jobs are under way on the other engine and wait behind
  /// it.
  void expect_only_the_guilty_fails() {
    Client other;
    const Buffer theirs = other.make_buffer(64 * kPage);
    Stream stream;
    for (std::uint32_t i = 0; i < 32; ++i) {
      stream.fill(row(0, kPage / 4, i * kPage), i + 1);
    }
    const Program program = load(other, stream, {whole(theirs)});
    const std::uint32_t innocent = other.make_queue();
    const std::uint32_t timeline = other.make_syncobj();

    const std::uint32_t guilty = client_.make_syncobj();
    Job job = fill_.job(queue_);
    ASSERT_EQ(client_.submit(job.signal(guilty)), 0);
    // It meets the hang: nothing else is submitted before that.
    ASSERT_TRUE(wait_for_injection());
    constexpr std::uint64_t kJobs = 200;
    for (std::uint64_t i = 1; i <= kJobs; ++i) {
      Job next = program.job(innocent);
      ASSERT_EQ(other.submit(next.signal(timeline, i)), 0);
    }
    EXPECT_EQ(client_.wait(guilty), 0);
    EXPECT_EQ(client_.status(guilty), -ETIME);
    EXPECT_EQ(other.wait(timeline, kJobs), 0);
    const drm_halyard_queue_query query = other.query(innocent);
    EXPECT_EQ(query.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_ACTIVE));
    EXPECT_EQ(query.completed, kJobs);
    EXPECT_EQ(query.failed, 0U);
    EXPECT_EQ(theirs.as()[31 * kPage / 4], 32U);
    // The innocent queue goes on.
    EXPECT_EQ(other.run(program.job(innocent)), 1);

    const drm_halyard_queue_query blamed = client_.query(queue_);
    EXPECT_EQ(blamed.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_BANNED));
    EXPECT_EQ(blamed.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_TIMEOUT));
    EXPECT_EQ(blamed.fault_job, 1U);
  }

  Client client_;
  Buffer buffer_;
  Program fill_;
  std::uint32_t queue_ = 0;
};

TEST_F(Recovery, HangIsStoppedByAQueueReset) {
  inject("hang");
  expect_only_the_guilty_fails();
}

TEST_F(Recovery, HangIsStoppedByAnEngineReset) {
  inject("queue_reset_fails");
  inject("hang");
  expect_only_the_guilty_fails();
}

TEST_F(Recovery, HangIsStoppedByADeviceReset) {
  inject("queue_reset_fails");
  inject("engine_reset_fails");
  inject("hang");
  expect_only_the_guilty_fails();
}

TEST_F(Recovery, HangIsStoppedByAFunctionReset) {
  inject("queue_reset_fails");
  inject("engine_reset_fails");
  inject("function_reset_fails");
  inject("hang");
  expect_only_the_guilty_fails();
}

/// What is mapped survives a reset of the device: mappings made before, jobs after.
TEST_F(Recovery, AddressSpacesOutliveADeviceReset) {
  const Buffer large = client_.make_buffer(2 * kLargePage);
  const Program program =
      load(client_, Stream().fill(row(0, 2 * kLargePage / 4), 3), {whole(large)});
  const std::uint32_t innocent = client_.make_queue();
  EXPECT_EQ(client_.run(program.job(innocent)), 1);
  inject("hang");
  inject("queue_reset_fails");
  inject("engine_reset_fails");
  EXPECT_EQ(client_.run(fill_.job(queue_)), -ETIME);
  large.as().back() = 0;
  EXPECT_EQ(client_.run(program.job(innocent)), 1);
  EXPECT_EQ(large.as().back(), 3U);
}

TEST_F(Recovery, QueueOfAHungJobCanBeDestroyed) {
  inject("hang");
  const std::uint32_t done = client_.make_syncobj();
  Job job = fill_.job(queue_);
  ASSERT_EQ(client_.submit(job.signal(done)), 0);
  EXPECT_EQ(client_.queue_destroy(queue_), 0);
  EXPECT_EQ(client_.wait(done), 0);
  EXPECT_EQ(client_.status(done), -ECANCELED);
}

TEST_F(Recovery, SlowJobThatProgressesIsLeftAlone) {
  // Longer in all than the timeout, with each command well below it.
  const std::uint64_t timeout_ms = client_.limits().timeout_ns / 1'000'000;
  constexpr unsigned kCommands = 8;
  const auto each_ms = static_cast<unsigned>(timeout_ms / 5);
  Stream stream;
  for (unsigned i = 0; i < kCommands; ++i) {
    stream.nop(i);
  }
  const Program program = load(client_, stream, {});
  inject("slow", -1, 0, kCommands, each_ms * 1000);
  EXPECT_EQ(client_.run(program.job(queue_)), 1);
}

/// It moves, but it has had its time; others keep theirs.
TEST_F(Recovery, JobThatTakesTooLongIsStopped) {
  constexpr unsigned kCommands = 64;
  Stream stream;
  for (unsigned i = 0; i < kCommands; ++i) {
    stream.nop(i);
  }
  const Program program = load(client_, stream, {});
  const JobLimit limit(1000);
  inject("slow", -1, 0, kCommands, 100'000);
  EXPECT_EQ(client_.run(program.job(queue_)), -ETIME);
  const drm_halyard_queue_query query = client_.query(queue_);
  EXPECT_EQ(query.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_BANNED));
  EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_TIMEOUT));
  EXPECT_GE(query.busy_ns, 1'000'000'000U);
  EXPECT_LT(query.busy_ns, kCommands * 100'000'000ULL);
}

/// Of jobs that are short, as many as there are.
TEST_F(Recovery, JobLimitIsOfEachJob) {
  const JobLimit limit(1000);
  inject("slow", -1, 0, 16, 200'000);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(client_.run(fill_.job(queue_)), 1);
  }
}

TEST_F(Recovery, JobLimitIsTold) {
  const JobLimit limit(1234);
  EXPECT_EQ(limit.before(), 600'000U);
  EXPECT_EQ(client_.limits().job_limit_ns, 1'234'000'000U);
  for (const char* bad : {"", "-1", "x", "4294967296"}) {
    EXPECT_THROW(write_file(JobLimit::file(), std::string(bad) + '\n'), std::runtime_error) << bad;
  }
  EXPECT_EQ(client_.limits().job_limit_ns, 1'234'000'000U);
  const JobLimit none(0);
  EXPECT_EQ(client_.limits().job_limit_ns, 0U);
}

TEST_F(Recovery, LostInterruptsAreSurvived) {
  inject("irq_lost", -1, 0, 1000);
  constexpr std::uint64_t kJobs = 20;
  const std::uint32_t timeline = client_.make_syncobj();
  for (std::uint64_t i = 1; i <= kJobs; ++i) {
    Job job = fill_.job(queue_);
    ASSERT_EQ(client_.submit(job.signal(timeline, i)), 0);
  }
  EXPECT_EQ(client_.wait(timeline, kJobs), 0);
  EXPECT_EQ(client_.query(queue_).completed, kJobs);
}

/// The fault record is in memory: a job that failed is not taken for one that hangs.
TEST_F(Recovery, LostFaultInterruptIsSurvived) {
  inject("irq_lost", -1, 0, 1000);
  const Program bad = load(client_, Stream().fill(row(0, 1), 1), {{client_.reserve(kPage), kPage}});
  EXPECT_EQ(client_.run(bad.job(queue_)), -EFAULT);
  EXPECT_EQ(client_.query(queue_).fault_cause,
            static_cast<std::uint32_t>(DRM_HALYARD_FAULT_UNMAPPED));
}

/// A command can't be interrupted: whoever resets its queue has to be patient, and nobody else may
/// suffer from it.
TEST_F(Recovery, LongCommandIsAwaited) {
  constexpr std::uint32_t kRows = 1024;
  constexpr std::uint32_t kDepth = 128 * 1024;
  const Buffer in = client_.make_buffer(kPage);
  const Buffer out = client_.make_buffer(sizeof(float) * kRows * kRows);
  drm_halyard_clipper_operand a = matrix(0, kRows, kDepth);
  drm_halyard_clipper_operand b = matrix(0, kDepth, kRows);
  for (drm_halyard_clipper_operand* operand : {&a, &b}) {
    operand->strides[0] = operand->strides[1] = 0;  // one element for all
  }
  const Program program =
      load(client_, Stream().matmul(a, b, matrix(1, kRows, kRows)), {whole(in), whole(out)});
  Client other;
  const std::uint32_t innocent = other.make_queue();
  const Program fine = load(other, Stream().nop(), {});
  EXPECT_EQ(other.run(fine.job(innocent)), 1);

  const std::uint32_t done = client_.make_syncobj();
  Job job = program.job(queue_);
  ASSERT_EQ(client_.submit(job.signal(done)), 0);
  sleep_ms(300);  // it is in the midst of it
  EXPECT_EQ(client_.unmap(client_.vm(), buffer_.va, buffer_.size), 0);
  EXPECT_EQ(client_.map_at(client_.vm(), buffer_.handle, buffer_.va, buffer_.size), 0);
  EXPECT_EQ(client_.queue_destroy(queue_), 0);
  EXPECT_EQ(client_.wait(done), 0);
  EXPECT_EQ(other.run(fine.job(innocent)), 1);
  EXPECT_EQ(other.query(innocent).completed, 2U);
}

TEST_F(Recovery, LateInterruptsAreSurvived) {
  inject("irq_late", -1, 0, 10, 50'000);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(client_.run(fill_.job(queue_)), 1);
  }
}

TEST_F(Recovery, SpuriousInterruptsAreSurvived) {
  for (unsigned vector = 0; vector < 4; ++vector) {
    inject("irq_spurious", -1, 0, 20, vector);
  }
  EXPECT_EQ(client_.run(fill_.job(queue_)), 1);
}

TEST_F(Recovery, TornCompletionIsSeenWhole) {
  inject("completion_torn", -1, 0, 5, 20'000);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client_.run(fill_.job(queue_)), 1);
  }
}

TEST_F(Recovery, InterruptBeforeTheCompletionIsSurvived) {
  inject("completion_early", -1, 0, 1, 20'000);
  EXPECT_EQ(client_.run(fill_.job(queue_)), 1);
}

TEST_F(Recovery, CorrectedMemoryErrorIsHarmless) {
  inject("ecc", -1, 0, 1, 0);
  EXPECT_EQ(client_.run(fill_.job(queue_)), 1);
}

TEST_F(Recovery, UncorrectableMemoryErrorFailsTheJob) {
  inject("ecc", -1, 0, 1, 1);
  EXPECT_EQ(client_.run(fill_.job(queue_)), -EBADMSG);
  EXPECT_EQ(client_.query(queue_).fault_cause,
            static_cast<std::uint32_t>(DRM_HALYARD_FAULT_MEMORY_ERROR));
}

TEST_F(Recovery, FaultsOfManyQueuesAtOnce) {
  std::vector<std::uint32_t> done;
  for (int i = 0; i < 16; ++i) {
    const Program bad =
        load(client_, Stream().fill(row(0, 1), 1), {{client_.reserve(kPage), kPage}});
    Job job = bad.job(client_.make_queue());
    done.push_back(client_.make_syncobj());
    ASSERT_EQ(client_.submit(job.signal(done.back())), 0);
  }
  for (const std::uint32_t syncobj : done) {
    EXPECT_EQ(client_.wait(syncobj), 0);
    EXPECT_EQ(client_.status(syncobj), -EFAULT);
  }
}

}  // namespace
}  // namespace halyard::test
