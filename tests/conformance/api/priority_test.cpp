// SPDX-License-Identifier: MIT
// Who goes first when there is more work than engines.
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class PriorityOrderTest : public HalTest {
 protected:
  static constexpr std::size_t kQueues = 6;
  static constexpr std::uint64_t kJobs = 6;
  // Enough to do for one job that the device is slower than who submits.
  static constexpr std::uint32_t kWidth = 384;

  static Graph square_graph() {
    Graph graph;
    const auto x = graph.input("x", {kWidth, kWidth});
    graph.output("y", graph.matmul(x, x));
    return graph;
  }

  /// A queue with work that begins when `held` is reached.
  struct Work {
    Queue queue;
    Profile profile;  ///< of the last job
    Point end;
  };
  Work submit(halyard_priority priority, std::uint64_t jobs, std::span<const Point> held) const {
    Work work{device_.create_queue(0, priority), device_.create_profile(), {}};
    work.queue.barrier({.waits = held});
    for (std::uint64_t i = 0; i < jobs; ++i)
      work.queue.submit(program_, {{"x", x_}, {"y", y_}});
    work.end = work.queue.submit(program_, {{"x", x_}, {"y", y_}}, {.profile = &work.profile});
    return work;
  }
  /// When the device was done with it, in its own time.
  static std::uint64_t end_of(const Work& work) {
    work.end.wait(kPatience);
    return work.profile.entries().back().end_ns;
  }

  /// Ordinary queues and an important one begin when `holders` jobs of another are done. How many
  /// ordinary ones were done before the important one; nothing when the holders were done before
  /// everything was submitted.
  std::optional<std::size_t> done_before(std::uint64_t holders) const {
    const auto holder = submit(HALYARD_PRIORITY_NORMAL, holders, {});
    const std::array<Point, 1> held{holder.end};
    std::vector<Work> ordinary;
    for (std::size_t i = 0; i < kQueues; ++i)
      ordinary.push_back(submit(HALYARD_PRIORITY_LOW, kJobs, held));
    const auto important = submit(HALYARD_PRIORITY_REALTIME, kJobs, held);
    std::uint64_t reached = 0;
    halyard_timeline_query(halyard_queue_timeline(holder.queue.get()), &reached);
    const auto end = end_of(important);
    std::size_t earlier = 0;
    for (const auto& work : ordinary)
      if (end_of(work) < end) ++earlier;
    return reached < holder.end.value() ? std::optional(earlier) : std::nullopt;
  }

  const Program program_ = device_.compile(square_graph());
  const Buffer x_ = device_.allocate(sizeof(float) * kWidth * kWidth);
  const Buffer y_ = device_.allocate(sizeof(float) * kWidth * kWidth);
};

TEST_F(PriorityOrderTest, MoreImportantQueuesAreDoneFirst) {
  std::optional<std::size_t> earlier;
  for (std::uint64_t holders = 8; !earlier && holders <= 128; holders *= 2)
    earlier = done_before(holders);
  ASSERT_TRUE(earlier) << "the device is faster than jobs are submitted";
  // They have as much to do, and were submitted before: on engines that have nothing more important
  // to do, one each may be done.
  EXPECT_LT(*earlier, device_.engines().at(0).count);
}

TEST_F(PriorityOrderTest, WhatIsNotImportantIsDoneInTheEnd) {
  const auto memory = device_.allocate(64);
  auto low = device_.create_queue(0, HALYARD_PRIORITY_LOW);
  auto high = device_.create_queue(0, HALYARD_PRIORITY_HIGH);
  std::vector<Point> points;
  for (std::uint32_t i = 0; i < 50; ++i) {
    points.push_back(low.fill(memory, 0, 4, i));
    points.push_back(high.fill(memory, 32, 4, i));
  }
  wait_all(points, kPatience);
  EXPECT_EQ(memory.map<std::uint32_t>()[0], 49U);
}

}  // namespace
}  // namespace halyard::test
