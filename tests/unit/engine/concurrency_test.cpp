// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "engine/fast/workers.hpp"
#include "engine/spin.hpp"
#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

TEST(Workers, RunEveryTaskOnce) {
  for (const std::size_t count : {0U, 1U, 2U, 7U, 100U}) {
    std::vector<std::atomic<int>> runs(count);
    Workers::instance().run(count, [&](std::size_t i) { ++runs[i]; });
    for (const std::atomic<int>& n : runs) {
      EXPECT_EQ(n, 1);
    }
  }
}

TEST(Workers, ThrowTheTasksExceptionAfterTheOthersEnded) {
  std::atomic<int> ended = 0;
  const auto task = [&](std::size_t i) {
    if (i == 3) {
      throw std::runtime_error("three");
    }
    ++ended;
  };
  EXPECT_THROW(Workers::instance().run(20, task), std::runtime_error);
  EXPECT_EQ(ended, 19);
}

TEST(Workers, MayBeUsedFromWithinATask) {
  std::atomic<int> runs = 0;
  Workers::instance().run(
      4, [&](std::size_t) { Workers::instance().run(4, [&](std::size_t) { ++runs; }); });
  EXPECT_EQ(runs, 16);
}

/// Each level has a call of its own; more than the workers have room for.
void run_nested(unsigned levels, FunctionRef<void()> leaf) {
  if (levels == 0) {
    leaf();
    return;
  }
  Workers::instance().run(2, [&](std::size_t) { run_nested(levels - 1, leaf); });
}

TEST(Workers, DoWithoutHelpWhenThereAreTooManyCalls) {
  std::atomic<int> runs = 0;
  run_nested(12, [&] { ++runs; });
  EXPECT_EQ(runs, 1 << 12);
}

TEST(Workers, ThrowAfterTheOthersEndedAlsoWithoutHelp) {
  std::atomic<int> runs = 0;
  const auto leaf = [&] {
    ++runs;
    throw std::runtime_error("each");
  };
  EXPECT_THROW(run_nested(12, leaf), std::runtime_error);
  EXPECT_EQ(runs, 1 << 12);
}

/// Two tasks each of which waits for the other: they end soon only on two threads.
TEST(Workers, HelpWheneverTheyAreCalled) {
  if (Workers::instance().width() == 1) {
    GTEST_SKIP() << "one processor: there are no helpers";
  }
  for (const auto pause : {0, 20, 100, 1000}) {
    for (int round = 0; round < 50; ++round) {
      std::this_thread::sleep_for(std::chrono::microseconds(pause));
      std::atomic<unsigned> begun = 0;
      std::atomic<bool> met = true;
      Workers::instance().run(2, [&](std::size_t) {
        ++begun;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (begun != 2 && std::chrono::steady_clock::now() < end) {
        }
        met = met && begun == 2;
      });
      ASSERT_TRUE(met) << "nobody helped in round " << round << " after " << pause << " us";
    }
  }
}

TEST(Spinner, SpinsOnlyAfterAShortWait) {
  Spinner spinner{std::chrono::milliseconds(1)};
  int looks = 0;
  const auto look = [&looks] { return ++looks == 1; };
  EXPECT_TRUE(spinner.spin(look));
  spinner.learn(std::chrono::milliseconds(10));
  EXPECT_FALSE(spinner.spin(look));
  EXPECT_EQ(looks, 1);
  spinner.learn(std::chrono::microseconds(10));
  looks = 0;
  EXPECT_TRUE(spinner.spin(look));
}

/// A product large enough to be divided, and its result by one thread alone.
struct Job {
  explicit Job(std::uint32_t seed) {
    Random random(seed);
    a.randomize(random);
    b.randomize(random);
  }
  void run() { EXPECT_EQ(fast().matmul(a, b, out, {.activation = Activation::kRelu}), ""); }

  Storage a{DType::kI8, {200, 300}};
  Storage b{DType::kI8, {300, 200}};
  Storage out{DType::kI32, {200, 200}};
};

TEST(Concurrency, CallsFromSeveralThreadsDoNotDisturbEachOther) {
  constexpr std::size_t kThreads = 4;
  std::vector<Job> jobs;
  std::vector<Storage> expected;
  for (std::size_t i = 0; i < kThreads; ++i) {
    jobs.emplace_back(static_cast<std::uint32_t>(60 + i));
    expected.push_back(jobs.back().out);
    ASSERT_EQ(
        reference().matmul(jobs[i].a, jobs[i].b, expected[i], {.activation = Activation::kRelu}),
        "");
  }
  std::vector<std::thread> threads;
  for (Job& job : jobs) {
    threads.emplace_back([&job] {
      for (int i = 0; i < 20; ++i) {
        job.out.paint();
        job.run();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t i = 0; i < kThreads; ++i) {
    expect_equal(jobs[i].out, expected[i]);
  }
}

}  // namespace
}  // namespace halyard::engine::testing
