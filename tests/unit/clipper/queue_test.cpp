// SPDX-License-Identifier: MIT
/// \file
/// Queues: rings, scheduling, fences, contexts, many things at once.

#include <algorithm>
#include <random>
#include <thread>

#include "card_test.hpp"

namespace halyard::emu::test {
namespace {

class Queues : public CardTest {
 protected:
  Stream stamp_stream(std::uint64_t address) {
    Stream stream;
    stream.add(DRM_HALYARD_CLIPPER_TIMESTAMP, {word(stream.bind(address, 8))});
    return stream;
  }
  std::uint64_t value(std::uint64_t address) { return context_.at<std::uint64_t>(address); }
};

TEST_F(Queues, RunJobsAroundTheRing) {
  TestQueue queue(machine_, context_, 63, {.order = 2});
  for (std::uint32_t i = 0; i < 50; ++i) {
    const auto fence = queue.submit(fill_stream(data_ + i * 4, i + 1));
    if (i % 4 == 3) {
      ASSERT_TRUE(queue.wait(fence));
    }
  }
  ASSERT_TRUE(queue.wait(50));
  for (std::uint32_t i = 0; i < 50; ++i)
    EXPECT_EQ(context_.at<std::uint32_t>(data_ + i * 4), i + 1);
  EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_HEAD), 50U);
  EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_TAIL), 50U);
}

TEST_F(Queues, HeadMovesBeforeTheFence) {
  TestQueue queue(machine_, context_, 1, {.order = 2});
  // A full ring refilled the moment that a fence comes never overruns it.
  for (int i = 0; i < 4; ++i)
    queue.enqueue(Stream{}.nop());
  queue.ring();
  for (std::uint64_t i = 1; i < 300; ++i) {
    ASSERT_TRUE(queue.wait(i));
    queue.submit(Stream{});
  }
  ASSERT_TRUE(queue.wait(303));
}

TEST_F(Queues, OneDoorbellForSeveralJobs) {
  TestQueue queue(machine_, context_, 1);
  for (std::uint32_t i = 0; i < 10; ++i)
    queue.enqueue(fill_stream(data_ + i * 4, i));
  queue.ring();
  ASSERT_TRUE(queue.wait(10));
  EXPECT_EQ(context_.at<std::uint32_t>(data_ + 36), 9U);
}

TEST_F(Queues, ContextsAreSeparate) {
  Context other(machine_, 8);
  TestQueue mine(machine_, context_, 0);
  TestQueue theirs(machine_, other, 1);
  const std::uint64_t address = other.allocate(4096);
  context_.map(address, machine_.pages(4096));
  ASSERT_TRUE(mine.wait(mine.submit(fill_stream(address, 1))));
  ASSERT_TRUE(theirs.wait(theirs.submit(fill_stream(address, 2))));
  EXPECT_EQ(context_.at<std::uint32_t>(address), 1U);
  EXPECT_EQ(other.at<std::uint32_t>(address), 2U);
}

TEST_F(Queues, PrioritiesAreStrict) {
  machine_.write(CLP_CONTROL, 0);
  std::vector<std::unique_ptr<TestQueue>> queues;
  for (std::uint32_t i = 0; i < 8; ++i) {
    queues.push_back(std::make_unique<TestQueue>(
        machine_, context_, i,
        TestQueue::Options{.engine_class = kCopyClass, .priority = 3 - i / 2}));
    queues.back()->submit(stamp_stream(data_ + i * 8));
    EXPECT_EQ(queues.back()->state(), std::uint32_t{CLP_QUEUE_STATE_PENDING});
  }
  machine_.write(CLP_CONTROL, CLP_CONTROL_ENABLE);
  for (auto& queue : queues)
    ASSERT_TRUE(queue->wait(1));
  for (std::uint32_t low = 0; low < 6; ++low) {
    for (std::uint32_t high = (low / 2 + 1) * 2; high < 8; ++high)
      EXPECT_GT(value(data_ + low * 8), value(data_ + high * 8)) << low << " and " << high;
  }
}

TEST_F(Queues, OnePriorityTakesTurns) {
  machine_.write(CLP_CONTROL, 0);
  TestQueue a(machine_, context_, 10, {.engine_class = kCopyClass});
  TestQueue b(machine_, context_, 20, {.engine_class = kCopyClass});
  for (std::uint32_t i = 0; i < 8; ++i) {
    a.enqueue(stamp_stream(data_ + i * 16));
    b.enqueue(stamp_stream(data_ + i * 16 + 8));
  }
  a.ring();
  b.ring();
  machine_.write(CLP_CONTROL, CLP_CONTROL_ENABLE);
  ASSERT_TRUE(a.wait(8));
  ASSERT_TRUE(b.wait(8));
  for (std::uint32_t i = 0; i + 1 < 16; ++i)
    EXPECT_LT(value(data_ + i * 8), value(data_ + i * 8 + 8)) << i;
}

TEST_F(Queues, UrgentJobPreemptsBetweenCommands) {
  TestQueue low(machine_, context_, 0, {.engine_class = kCopyClass, .priority = 3});
  TestQueue high(machine_, context_, 1, {.engine_class = kCopyClass, .priority = 0});
  machine_.inject(CLP_INJECT_SLOW, 0, 2000, 100);
  Stream slow;
  const auto binding = slow.bind(data_, 64);
  slow.signal(1, word(binding));
  for (int i = 0; i < 100; ++i)
    slow.nop();
  slow.add(DRM_HALYARD_CLIPPER_TIMESTAMP, {word(binding, 8)});
  low.submit(slow);
  ASSERT_TRUE(
      eventually([&] { return std::atomic_ref(context_.at<std::uint64_t>(data_)).load() == 1; }));
  ASSERT_TRUE(high.wait(high.submit(stamp_stream(data_ + 16))));
  EXPECT_EQ(low.fence(), 0U);
  EXPECT_GT(std::atomic_ref(low.status().commands).load(), 0U) << "a running job shows progress";
  ASSERT_TRUE(low.wait(1));
  EXPECT_LT(value(data_ + 16), value(data_ + 8));
  EXPECT_GE(machine_.read64(CLP_PERF(CLP_PERF_PREEMPTIONS)), 1U);
  EXPECT_EQ(low.status().commands, 102U);
  EXPECT_GE(low.status().busy_ns, 100 * 2000 * 1000U);
}

TEST(Scheduler, PreemptedQueueKeepsItsTurn) {
  clipper::Scheduler scheduler;
  std::array<clipper::Queue, 3> queues;
  for (clipper::Queue& queue : queues)
    queue.config = 2 << 16;
  scheduler.add(queues[0], false);
  scheduler.add(queues[1], false);
  scheduler.add(queues[2], true);  // was running, made room for a more urgent one
  EXPECT_EQ(scheduler.best_priority(0), 2U);
  EXPECT_EQ(scheduler.take(0), &queues[2]);
  EXPECT_EQ(scheduler.take(0), &queues[0]);
  EXPECT_EQ(scheduler.take(1), nullptr);
  scheduler.remove(queues[1]);
  EXPECT_EQ(scheduler.take(0), nullptr);
  EXPECT_FALSE(scheduler.anybody_ready(0));
}

TEST_F(Queues, LongJobsShareAnEngineByTime) {
  TestQueue a(machine_, context_, 0, {.engine_class = kCopyClass});
  TestQueue b(machine_, context_, 1, {.engine_class = kCopyClass});
  machine_.inject(CLP_INJECT_SLOW, 0, 1000, 100);
  Stream slow;
  for (int i = 0; i < 100; ++i)
    slow.nop();
  a.submit(slow);
  ASSERT_TRUE(a.wait_state(CLP_QUEUE_STATE_RUNNING));
  ASSERT_TRUE(b.wait(b.submit(Stream{}.nop())));
  EXPECT_EQ(a.fence(), 0U);
  ASSERT_TRUE(a.wait(1));
}

TEST_F(Queues, BothTensorEnginesWork) {
  TestQueue a(machine_, context_, 0);
  TestQueue b(machine_, context_, 1);
  machine_.inject(CLP_INJECT_HANG, 0);
  a.submit(Stream{}.nop());
  ASSERT_TRUE(a.wait_state(CLP_QUEUE_STATE_RUNNING));
  ASSERT_TRUE(b.wait(b.submit(Stream{}.nop()))) << "one engine hangs, the other one does not";
  ASSERT_TRUE(a.reset());
}

TEST_F(Queues, WaitingQueuesHoldNoEngine) {
  std::vector<std::unique_ptr<TestQueue>> waiters;
  for (unsigned i = 0; i < 5; ++i) {
    waiters.push_back(std::make_unique<TestQueue>(
        machine_, context_, i, TestQueue::Options{.engine_class = kCopyClass, .priority = 0}));
    waiters.back()->submit(gate_stream());
    ASSERT_TRUE(waiters.back()->wait_state(CLP_QUEUE_STATE_WAITING));
  }
  EXPECT_TRUE(idle(2));
  TestQueue other(machine_, context_, 40, {.engine_class = kCopyClass, .priority = 3});
  ASSERT_TRUE(other.wait(other.submit(fill_stream(data_, 4))));
  open_gate();  // no doorbell: the card looks by itself
  for (auto& waiter : waiters)
    ASSERT_TRUE(waiter->wait(1));
}

TEST_F(Queues, FencesOrderQueuesOfDifferentEngines) {
  TestQueue tensor(machine_, context_, 0);
  TestQueue copy(machine_, context_, 1, {.engine_class = kCopyClass});
  const std::uint64_t fences = context_.allocate(4096);
  for (std::uint32_t round = 1; round <= 50; ++round) {
    Stream produce;
    const auto f = produce.bind(fences, 64);
    const auto d = produce.bind(data_, 4096);
    produce.fill(round, dense(d, DRM_HALYARD_CLIPPER_I32, {1})).signal(round, word(f));
    produce.wait(round, word(f, 8));
    Stream consume;
    const auto g = consume.bind(fences, 64);
    const auto e = consume.bind(data_, 4096);
    consume.wait(round, word(g));
    consume.add(DRM_HALYARD_CLIPPER_COPY, {dense(e, DRM_HALYARD_CLIPPER_I32, {1}),
                                           dense(e, DRM_HALYARD_CLIPPER_I32, {1}, 64)});
    consume.signal(round, word(g, 8));
    const auto done = copy.submit(consume);
    ASSERT_TRUE(tensor.wait(tensor.submit(produce)));
    ASSERT_TRUE(copy.wait(done));
    EXPECT_EQ(context_.at<std::uint32_t>(data_ + 64), round);
  }
}

TEST_F(Queues, ControlEnableHoldsTheEngines) {
  TestQueue queue(machine_, context_, 0);
  machine_.write(CLP_CONTROL, 0);
  queue.submit(Stream{}.nop());
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(queue.fence(), 0U);
  EXPECT_EQ(queue.state(), std::uint32_t{CLP_QUEUE_STATE_PENDING});
  machine_.write(CLP_CONTROL, CLP_CONTROL_ENABLE);
  EXPECT_TRUE(queue.wait(1));
}

TEST_F(Queues, ReenabledQueueStartsAtZero) {
  TestQueue queue(machine_, context_, 0);
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  ASSERT_TRUE(queue.reset());
  queue.enable();
  EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_HEAD), 0U);
  EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_TAIL), 0U);
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
}

/// Everything at once, for the race detector.
TEST_F(Queues, Storm) {
  constexpr unsigned kQueues = 12;
  std::vector<std::unique_ptr<TestQueue>> queues;
  for (unsigned i = 0; i < kQueues; ++i)
    queues.push_back(std::make_unique<TestQueue>(
        machine_, context_, i,
        TestQueue::Options{.engine_class = i % 3 == 0 ? kCopyClass : kTensorClass,
                           .priority = i % 4}));
  std::vector<clp_job> jobs;
  for (unsigned i = 0; i < kQueues; ++i) {
    Stream work;
    const auto binding = work.bind(data_ + std::uint64_t{i} * 512, 512);  // nobody else's
    for (std::uint32_t n = 0; n < 5; ++n)
      work.fill(n, dense(binding, DRM_HALYARD_CLIPPER_I32, {16}, std::uint64_t{n} * 64));
    jobs.push_back(queues[i]->make_job(work));
  }
  std::vector<std::uint64_t> fences(kQueues, 0);
  std::mt19937 random(3);
  for (int round = 0; round < 400; ++round) {
    const unsigned i = static_cast<unsigned>(random() % kQueues);
    switch (random() % 16) {
      case 0:
        ASSERT_TRUE(queues[i]->reset());
        queues[i]->enable();
        break;
      case 1:
        machine_.flush(context_.number());
        break;
      case 2:
        machine_.write(CLP_CONTROL, 0);
        machine_.write(CLP_CONTROL, CLP_CONTROL_ENABLE);
        break;
      default:
        if (fences[i] > 0) (void)queues[i]->fence();
        jobs[i].fence = ++fences[i];
        if (machine_.read(queues[i]->base() + CLP_QUEUE_TAIL) -
                machine_.read(queues[i]->base() + CLP_QUEUE_HEAD) <
            16) {
          queues[i]->enqueue(jobs[i]);
          queues[i]->ring();
        }
        break;
    }
  }
  for (auto& queue : queues) {
    ASSERT_TRUE(eventually([&] { return queue->state() == CLP_QUEUE_STATE_IDLE; }));
  }
}

}  // namespace
}  // namespace halyard::emu::test
