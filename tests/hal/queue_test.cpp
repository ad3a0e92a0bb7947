// SPDX-License-Identifier: MIT
// Queues: order, depth, priorities, concurrency, the end of objects.
#include <atomic>
#include <cstring>
#include <thread>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class QueueTest : public HalTest {};
class PriorityTest : public HalTest {};
class ConcurrencyTest : public HalTest {};
class LimitsTest : public HalTest {};

TEST_F(QueueTest, PointsCountUpFromOne) {
  auto queue = device_.create_queue();
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_EQ(queue.barrier().value(), i);
}

TEST_F(QueueTest, JobsRunInOrder) {
  const auto word = device_.allocate(8);
  Point last;
  for (std::uint32_t i = 1; i <= 200; ++i)
    last = queue_.fill(word, 0, 4, i);
  last.wait(kPatience);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 200U);
}

TEST_F(QueueTest, ThousandsMayBeUnderWay) {
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  const auto word = device_.allocate(8);
  queue_.barrier({.waits = waits});
  Point last;
  for (std::uint32_t i = 1; i <= 3000; ++i)
    last = queue_.fill(word, 0, 4, i);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 0U);
  gate.signal(1);
  last.wait(kPatience);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 3000U);
}

TEST_F(QueueTest, EveryClassOfEnginesTakesJobs) {
  for (const auto& engine : device_.engines()) {
    auto queue = device_.create_queue(engine.engine_class);
    queue.barrier().wait(kPatience);
  }
}

TEST_F(QueueTest, ClassesAndPrioritiesThatAreNotThereAreRefused) {
  EXPECT_EQ(error_of([&] { return device_.create_queue(77); }).code(), HALYARD_INVALID_ARGUMENT);
  // As a C program may give it: no value of the enumeration.
  const std::uint32_t nine = 9;
  halyard_queue_desc desc{};
  desc.size = sizeof(desc);
  std::memcpy(&desc.priority, &nine, sizeof(nine));
  halyard_queue* queue = nullptr;
  EXPECT_EQ(halyard_queue_create(device_.get(), &desc, &queue), HALYARD_INVALID_ARGUMENT);
}

TEST_F(PriorityTest, EveryPriorityWorks) {
  for (const auto priority : {HALYARD_PRIORITY_LOW, HALYARD_PRIORITY_NORMAL, HALYARD_PRIORITY_HIGH,
                              HALYARD_PRIORITY_REALTIME}) {
    auto queue = device_.create_queue(0, priority);
    expect_works(queue);
  }
}

TEST_F(QueueTest, ProgramsRunOnlyWhereTheyCan) {
  const auto program = device_.compile(add_relu_graph(4));
  const auto x = device_.allocate(16), y = device_.allocate(16);
  unsigned refused = 0;
  for (const auto& engine : device_.engines()) {
    auto queue = device_.create_queue(engine.engine_class);
    try {
      queue.submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), HALYARD_UNSUPPORTED);
      ++refused;
    }
  }
  EXPECT_EQ(refused, device_.engines().size() - 1) << "one class of engines runs programs";
}

TEST_F(QueueTest, RefusedJobsLeaveTheQueueAsItWas) {
  const auto before = queue_.barrier();
  halyard_point point{};
  EXPECT_EQ(halyard_queue_fill(queue_.get(), nullptr, 0, 4, 0, nullptr, &point),
            HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(point.timeline, nullptr);
  EXPECT_EQ(queue_.barrier().value(), before.value() + 1);
  expect_works(queue_);
}

TEST_F(ConcurrencyTest, ManyThreadsShareOneQueue) {
  constexpr int kThreads = 4, kJobs = 200;
  const auto program = device_.compile(add_relu_graph(4));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto x = buffer<float>({static_cast<float>(t), 0, 0, 0});
      for (int i = 0; i < kJobs; ++i) {
        const auto y = device_.allocate(16);
        queue_.submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
        if (y.map<float>()[0] != static_cast<float>(t)) ++wrong;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ConcurrencyTest, ManyThreadsDoEverythingAtOnce) {
  constexpr int kThreads = 4, kRounds = 20;
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        auto queue = device_.create_queue();
        auto timeline = device_.create_timeline();
        const auto size = static_cast<std::uint32_t>(4 + (t + i) % 3);
        const auto program = device_.compile(add_relu_graph(size));
        const auto x = device_.allocate(64), y = device_.allocate(64);
        const std::array<Point, 1> signals{timeline.at(1)};
        queue.submit(program, {{"x", x}, {"y", y}}, {.signals = signals});
        timeline.at(1).wait(kPatience);
        if (y.map<float>()[size - 1] != static_cast<float>(size - 1)) ++failed;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(failed, 0);
}

// ---- the end of objects --------------------------------------------------------------------

TEST_F(QueueTest, JobsKeepBuffersAndProgramsAlive) {
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  const auto y = device_.allocate(16);
  Point done;
  {
    const auto program = device_.compile(add_relu_graph(4));
    const auto x = buffer<float>({5, 5, 5, 5});
    done = queue_.submit(program, {{"x", x}, {"y", y}}, {.waits = waits});
  }
  gate.signal(1);
  done.wait(kPatience);
  EXPECT_EQ(y.map<float>()[1], 6.0F);
}

TEST_F(QueueTest, BuffersAreGivenBackWhenTheirJobIsDone) {
  const auto used = device_.info().memory_used;
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  queue_.barrier().wait(kPatience);
  const auto after_arena = device_.info().memory_used;
  const auto done = queue_.fill(touched(1 << 20), 0, 4, 1, {.waits = waits});
  EXPECT_GE(device_.info().memory_used, after_arena + (1U << 20U));
  gate.signal(1);
  done.wait(kPatience);
  // The job may be known to be done before the kernel has put it away.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (device_.info().memory_used != after_arena && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(device_.info().memory_used, after_arena);
  EXPECT_GE(after_arena, used);
}

TEST_F(QueueTest, ReleaseCancelsWhatIsNotDone) {
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  auto queue = device_.create_queue();
  const auto word = device_.allocate(8);
  const auto before = queue.barrier();
  before.wait(kPatience);
  const auto first = queue.fill(word, 0, 4, 1, {.waits = waits});
  const auto second = queue.fill(word, 4, 4, 1);
  queue = Queue();
  EXPECT_EQ(error_of([&] { return first.wait(kPatience); }).code(), HALYARD_CANCELLED);
  EXPECT_EQ(error_of([&] { return second.wait(kPatience); }).code(), HALYARD_CANCELLED);
  before.wait(kPatience);
  gate.signal(1);
  expect_works(queue_);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 0U);
}

TEST_F(QueueTest, ReleasedInAnyOrder) {
  Point done;
  Buffer y;
  {
    auto device = open_device();
    auto queue = device.create_queue();
    auto program = device.compile(add_relu_graph(4));
    const auto x = device.allocate(16);
    y = device.allocate(16);
    device = Device();
    done = queue.submit(program, {{"x", x}, {"y", y}});
    done.wait(kPatience);
    program = Program();
  }
  EXPECT_EQ(y.map<float>()[3], 3.0F) << "a buffer keeps its device";
  done.wait(kPatience);
}

TEST_F(LimitsTest, LimitsAreToldOneByOne) {
  if (on_sim()) GTEST_SKIP() << "the sim platform has no limit of queues";
  std::vector<Queue> queues;
  const auto error = error_of([&] {
    for (int i = 0; i < 100'000; ++i)
      queues.push_back(device_.create_queue());
  });
  EXPECT_EQ(error.code(), HALYARD_LIMIT);
  EXPECT_THAT(error.what(), testing::HasSubstr("queue"));
  queues.clear();
  expect_works(queue_);
}

}  // namespace
}  // namespace halyard::test
