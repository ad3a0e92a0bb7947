// SPDX-License-Identifier: MIT
/// \file
/// Command streams on the compute engines: results, faults with their place, and what happens
/// between queues.

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "computer.hpp"
#include "job_limit.hpp"

namespace halyard::test {
namespace {

using emu::test::binary_task;
using emu::test::f32;
using emu::test::fill_task;
using emu::test::i32;
using emu::test::task;

class Compute : public testing::Test {
 protected:
  void TearDown() override {
    inject("none");
    Computer fresh;
    EXPECT_EQ(fresh.run({fill_task(i32(0, {4}), 7)}), 1);
    EXPECT_EQ(fresh.data()[3], 7U);
  }
  static bool eventually_injected(unsigned count) {
    for (int i = 0; i < 1000 && injected() < count; ++i)
      sleep_ms(10);
    return injected() >= count;
  }
  Computer user_;
};

/// It moves, but it has had its time; others keep theirs.
TEST_F(Compute, JobThatTakesTooLongIsStopped) {
  constexpr std::uint32_t kTasks = 64;
  std::vector<Task> tasks;
  for (std::uint32_t i = 0; i < kTasks; ++i)
    tasks.push_back(fill_task(i32(0, {1}, 4 * i), i + 1));
  ASSERT_EQ(user_.run({tasks.front()}), 1);  // the object is on the card
  const JobLimit limit(1000);
  inject("slow", -1, 0, kTasks, 100'000);
  EXPECT_EQ(user_.run(tasks), -ETIME);
  const drm_halyard_queue_query query = user_.client.query(user_.queue);
  EXPECT_EQ(query.state, std::uint32_t{DRM_HALYARD_QUEUE_BANNED});
  EXPECT_EQ(query.fault_cause, std::uint32_t{DRM_HALYARD_FAULT_TIMEOUT});
  EXPECT_EQ(query.fault_job, 2U);
  EXPECT_EQ(user_.data()[0], 1U);
  EXPECT_NE(user_.data()[kTasks - 1], kTasks);
}

TEST_F(Compute, UploadComputeDownload) {
  constexpr std::uint32_t kCount = 1 << 16;
  Mover mover;
  const auto host = mover.make_bo(2 * kCount * sizeof(float), kHostMemory);
  const Mapping map = mover.map(host, 2 * kCount * sizeof(float));
  const auto floats = map.as<float>();
  std::iota(floats.begin(), floats.begin() + kCount, 0.0F);

  Computer user;
  const std::uint32_t timeline = user.client.make_syncobj();
  const auto queue = user.client.make_queue(DRM_HALYARD_SLOOP_ENGINE_DMA);
  const auto host_of_user = user.client.make_bo(2 * kCount * sizeof(float), kHostMemory);
  const Mapping user_map = user.client.map(host_of_user, 2 * kCount * sizeof(float));
  std::ranges::copy(floats.first(kCount), user_map.as<float>().begin());

  Job upload = copy(queue, host_of_user, user.memory(), kCount * sizeof(float));
  ASSERT_EQ(user.client.submit(upload.signal(timeline, 1)), 0);
  Job compute = user.job({binary_task(DRM_HALYARD_SLOOP_ADD, f32(0, {kCount}), f32(0, {kCount}),
                                      f32(0, {kCount}, kCount * sizeof(float)))});
  ASSERT_EQ(user.client.submit(compute.wait(timeline, 1).signal(timeline, 2)), 0);
  Job download;
  download.queue = queue;
  download.payload.job = DRM_HALYARD_SLOOP_JOB_COPY;
  download.payload.source = at(0, kCount * sizeof(float));
  download.payload.target = at(1, kCount * sizeof(float));
  download.payload.size = kCount * sizeof(float);
  download.uses(user.memory(), 0).uses(host_of_user, DRM_HALYARD_BUFFER_WRITE);
  ASSERT_EQ(user.client.submit(download.wait(timeline, 2).signal(timeline, 3)), 0);
  ASSERT_EQ(user.client.wait(timeline, 3), 0);
  for (std::uint32_t i = 0; i < kCount; ++i)
    ASSERT_EQ(user_map.as<float>()[kCount + i], 2.0F * static_cast<float>(i)) << i;
}

TEST_F(Compute, JobsOfAQueueSeeEachOthersResults) {
  const std::uint32_t timeline = user_.client.make_syncobj();
  constexpr std::uint32_t kJobs = 40;
  ASSERT_EQ(user_.run({fill_task(i32(0, {8}), 1)}), 1);
  for (std::uint32_t i = 1; i <= kJobs; ++i) {
    Job next =
        user_.job({binary_task(DRM_HALYARD_SLOOP_ADD, i32(0, {4}), i32(0, {4}, 16), i32(0, {4}))});
    ASSERT_EQ(user_.client.submit(next.signal(timeline, i)), 0);
  }
  ASSERT_EQ(user_.client.wait(timeline, kJobs), 0);
  EXPECT_EQ(user_.data()[0], 1 + kJobs);
  EXPECT_GT(user_.client.query(user_.queue).busy_ns, 0U);
}

// ---- Faults
// --------------------------------------------------------------------------------------

class ComputeFault : public Compute {
 protected:
  drm_halyard_queue_query expect_fault(const std::vector<Task>& tasks, int error,
                                       drm_halyard_fault_cause cause) {
    EXPECT_EQ(user_.run(tasks), -error);
    const auto query = user_.client.query(user_.queue);
    EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(cause));
    EXPECT_EQ(query.fault_job, 1U);
    return query;
  }
};

TEST_F(ComputeFault, IllegalCommandTellsWhichAndItsTag) {
  const auto query =
      expect_fault({fill_task(i32(0, {4}), 1), fill_task(i32(0, {4}), 2), task(99, 1234)}, EILSEQ,
                   DRM_HALYARD_FAULT_ILLEGAL_COMMAND);
  EXPECT_EQ(query.fault_command, 2U);
  EXPECT_EQ(query.fault_tag, 1234U);
  EXPECT_EQ(user_.data()[0], 2U);  // what came before is there
}

TEST_F(ComputeFault, OutOfItsBinding) {
  expect_fault({fill_task(i32(0, {4}, Computer::kBytes - 8), 1)}, EFAULT,
               DRM_HALYARD_FAULT_OUT_OF_BOUNDS);
}

TEST_F(ComputeFault, OutOfItsSegment) {
  Job job = user_.job({fill_task(i32(0, {4}, Computer::kBytes - 8), 1)});
  user_.set_binding({.address = at(1), .size = 2 * Computer::kBytes});
  EXPECT_EQ(user_.client.run(job), -EFAULT);
  const auto query = user_.client.query(user_.queue);
  EXPECT_EQ(query.fault_address >> DRM_HALYARD_SLOOP_SEGMENT_SHIFT, 1U);
  EXPECT_EQ(query.fault_access, 1U);
}

TEST_F(ComputeFault, WriteToWhatIsListedAsReadOnly) {
  Job job = user_.job({fill_task(i32(0, {4}), 1)});
  for (auto& buffer : job.buffers)
    buffer.flags = 0;
  EXPECT_EQ(user_.client.run(job), -EFAULT);
  EXPECT_EQ(user_.client.query(user_.queue).fault_cause,
            static_cast<std::uint32_t>(DRM_HALYARD_FAULT_PERMISSION));
  EXPECT_EQ(user_.data()[0], 0U);
}

TEST_F(ComputeFault, OthersGoOn) {
  Computer other;
  const std::uint32_t timeline = other.client.make_syncobj();
  constexpr std::uint32_t kJobs = 20;
  for (std::uint32_t i = 1; i <= kJobs; ++i) {
    Job next = other.job({fill_task(i32(0, {4}), i)});
    ASSERT_EQ(other.client.submit(next.signal(timeline, i)), 0);
  }
  EXPECT_EQ(user_.run({task(99)}), -EILSEQ);
  EXPECT_EQ(other.client.wait(timeline, kJobs), 0);
  EXPECT_EQ(other.client.query(other.queue).failed, 0U);
}

TEST_F(ComputeFault, HangAloneIsBlamed) {
  Computer other;
  const std::uint32_t guilty = user_.client.make_syncobj();
  Job job = user_.job({fill_task(i32(0, {4}), 7)});
  ASSERT_EQ(user_.client.run(job), 1);
  inject("hang");  // not before: what a job uses is brought to the card by jobs, too
  ASSERT_EQ(user_.client.submit(job.signal(guilty)), 0);
  ASSERT_TRUE(wait_for_injection());
  EXPECT_EQ(other.run({fill_task(i32(0, {4}), 5)}), 1);  // on the other engine
  EXPECT_EQ(user_.client.wait(guilty), 0);
  EXPECT_EQ(user_.client.status(guilty), -ETIME);
  EXPECT_EQ(other.run({fill_task(i32(0, {4}), 6)}), 1);
  EXPECT_EQ(other.client.query(other.queue).failed, 0U);
}

TEST_F(Compute, ResponsesComeOutOfOrderAmongQueues) {
  Computer other;
  const std::uint32_t late = user_.client.make_syncobj();
  Job job = user_.job({fill_task(i32(0, {4}), 7)});
  ASSERT_EQ(user_.client.run(job), 1);
  inject("response_late", -1, 0, 1, 300'000);
  ASSERT_EQ(user_.client.submit(job.signal(late)), 0);
  ASSERT_TRUE(wait_for_injection());
  EXPECT_EQ(other.run({fill_task(i32(0, {4}), 5)}), 1);
  EXPECT_EQ(user_.client.wait(late), 0);
  EXPECT_EQ(user_.client.status(late), 1);
}

TEST_F(Compute, SlowJobThatProgressesIsLeftAlone) {
  const std::uint64_t timeout_ms = user_.client.limits().timeout_ns / 1'000'000;
  constexpr unsigned kTasks = 8;
  std::vector<Task> tasks;
  for (unsigned i = 0; i < kTasks; ++i)
    tasks.push_back(fill_task(i32(0, {1}, 4 * i), i + 1));
  inject("slow", -1, 0, kTasks, static_cast<unsigned>(timeout_ms / 5) * 1000);
  EXPECT_EQ(user_.run(tasks), 1);
  EXPECT_EQ(user_.data()[kTasks - 1], kTasks);
}

/// The urgent queue's job takes an engine from a long one at its next task.
TEST_F(Compute, UrgentJobsGoFirst) {
  Computer first(DRM_HALYARD_PRIORITY_LOW);
  Computer second(DRM_HALYARD_PRIORITY_LOW);
  Computer urgent(DRM_HALYARD_PRIORITY_HIGH);
  const std::vector<Task> tasks(20, fill_task(i32(0, {4}), 1));
  const std::uint32_t done = first.client.make_syncobj();
  const std::uint32_t done2 = second.client.make_syncobj();
  Job long1 = first.job(tasks);
  Job long2 = second.job(tasks);
  const Job short1 = urgent.job({fill_task(i32(0, {4}), 5)});
  ASSERT_EQ(first.client.run(long1), 1);
  ASSERT_EQ(second.client.run(long2), 1);
  ASSERT_EQ(urgent.client.run(short1), 1);
  inject("slow", -1, 0, 40, 50'000);
  ASSERT_EQ(first.client.submit(long1.signal(done)), 0);
  ASSERT_EQ(second.client.submit(long2.signal(done2)), 0);
  ASSERT_TRUE(eventually_injected(2));
  EXPECT_EQ(urgent.client.run(short1), 1);
  EXPECT_EQ(first.client.status(done), 0);  // still at work
  EXPECT_EQ(second.client.status(done2), 0);
  EXPECT_EQ(first.client.wait(done), 0);
  EXPECT_EQ(second.client.wait(done2), 0);
  EXPECT_EQ(first.client.status(done), 1);
  EXPECT_EQ(second.client.status(done2), 1);
}

/// Programs whose memory together is twice the card's: each job finds its own.
TEST_F(Compute, OnTwiceTheCardsMemory) {
  const std::uint64_t vram = memory_region(user_.client, kCardMemory).size;
  constexpr std::uint64_t kEach = 4 * kMiB;
  const auto count = static_cast<std::uint32_t>(2 * vram / kEach);
  std::vector<std::uint32_t> handles;
  for (std::uint32_t i = 0; i < count; ++i)
    handles.push_back(user_.client.make_bo(kEach));
  for (std::uint32_t i = 0; i < count; ++i)
    ASSERT_EQ(user_.run_on(handles[i], kEach, {fill_task(i32(0, {1 << 20}), i)}), 1) << i;
  for (std::uint32_t i = 0; i < count; ++i)
    ASSERT_EQ(user_.run_on(handles[i], kEach,
                           {binary_task(DRM_HALYARD_SLOOP_ADD, i32(0, {1 << 20}), i32(0, {1 << 20}),
                                        i32(0, {1 << 20}))}),
              1)
        << i;
  for (std::uint32_t i = 0; i < count; ++i)
    ASSERT_TRUE(holds(user_.client.map(handles[i], kEach).as<std::uint32_t>(), 2 * i)) << i;
}

}  // namespace
}  // namespace halyard::test
