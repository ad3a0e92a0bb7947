// SPDX-License-Identifier: MIT
// Many threads, many devices, one process.
#include <atomic>
#include <thread>
#include <vector>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class ConcurrentWorkTest : public HalTest {
 protected:
  /// `body` in so many threads; what it throws is a failure.
  template <class Body>
  static void in_threads(unsigned count, Body body) {
    std::vector<std::thread> threads;
    std::atomic<unsigned> failures{0};
    for (unsigned i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        try {
          body(i);
        } catch (const Error&) {
          ++failures;
        }
      });
    }
    for (auto& thread : threads)
      thread.join();
    EXPECT_EQ(failures, 0U);
  }
};

TEST_F(ConcurrentWorkTest, ThreadsCompileTheSameAndDifferentGraphs) {
  in_threads(4, [&](unsigned thread) {
    for (std::uint32_t i = 1; i <= 10; ++i) {
      static_cast<void>(device_.compile(add_relu_graph(i)));
      static_cast<void>(device_.compile(add_relu_graph(100 + 10 * thread + i)));
    }
  });
  expect_works(queue_);
}

TEST_F(ConcurrentWorkTest, EachThreadHasADeviceOfItsOwn) {
  in_threads(4, [&](unsigned thread) {
    const auto device = open_device();
    auto queue = device.create_queue();
    const auto program = device.compile(add_relu_graph(8));
    const auto x = device.allocate(32), y = device.allocate(32);
    for (int i = 0; i < 20; ++i) {
      x.map<float>()[1] = static_cast<float>(thread);
      queue.submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
      EXPECT_EQ(y.map<float>()[1], static_cast<float>(thread) + 1);
    }
  });
}

TEST_F(ConcurrentWorkTest, QueuesOfAllClassesWorkAtOnce) {
  const auto engines = device_.engines();
  in_threads(4, [&](unsigned thread) {
    auto queue = device_.create_queue(engines[thread % engines.size()].engine_class);
    const auto a = device_.allocate(1U << 16U), b = device_.allocate(1U << 16U);
    for (std::uint32_t i = 0; i < 20; ++i) {
      a.map<std::uint32_t>()[100] = thread * 1000 + i;
      queue.copy(b, 0, a, 0, a.size()).wait(kPatience);
      EXPECT_EQ(b.map<std::uint32_t>()[100], thread * 1000 + i);
    }
  });
}

TEST_F(ConcurrentWorkTest, JobsOfOtherQueuesGoOnWhileOneWaits) {
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  auto waiting = device_.create_queue();
  const auto end = waiting.barrier({.waits = waits});
  expect_works(queue_);
  gate.signal(1);
  end.wait(kPatience);
}

}  // namespace
}  // namespace halyard::test
