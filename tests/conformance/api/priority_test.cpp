// SPDX-License-Identifier: MIT
// Who goes first when there is more work than engines.
#include <algorithm>
#include <optional>
#include <vector>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class PriorityOrderTest : public HalTest {
 protected:
  static constexpr std::size_t kQueues = 6;
  static constexpr std::uint64_t kJobs = 2;
  // Enough to do for one job that the device is slower than who submits, even where an emulated
  // card is faster than its guest.
  static constexpr std::uint32_t kWidth = 512, kProducts = 40;

  static Graph power_graph() {
    Graph graph;
    const auto x = graph.input("x", {kWidth, kWidth});
    auto y = graph.matmul(x, x);
    for (std::uint32_t i = 1; i < kProducts; ++i)
      y = graph.matmul(y, x);
    graph.output("y", y);
    return graph;
  }

  /// A queue with work.
  struct Work {
    Queue queue;
    Profile profile;  ///< of the last job
    Point end;
  };
  Work submit(halyard_priority priority, std::uint64_t jobs) const {
    Work work{device_.create_queue(0, priority), device_.create_profile(), {}};
    for (std::uint64_t i = 1; i < jobs; ++i)
      work.queue.submit(program_, {{"x", x_}, {"y", y_}});
    work.end = work.queue.submit(program_, {{"x", x_}, {"y", y_}}, {.profile = &work.profile});
    return work;
  }
  static bool is_done(const Work& work) {
    std::uint64_t value = 0;
    EXPECT_EQ(halyard_timeline_query(halyard_queue_timeline(work.queue.get()), &value), HALYARD_OK);
    return value >= work.end.value();
  }
  /// When the device was done with it, in its own time.
  static std::uint64_t end_of(const Work& work) {
    work.end.wait(kPatience);
    return work.profile.entries().back().end_ns;
  }

  /// While important work of so many jobs keeps every engine, ordinary queues get theirs, and then
  /// an important one. How many ordinary ones were done before the important one; nothing when the
  /// engines were free before everything was submitted.
  std::optional<std::size_t> done_before(std::uint64_t holding) const {
    std::vector<Work> holders, ordinary;
    for (std::uint32_t i = 0; i < engines_; ++i)
      holders.push_back(submit(HALYARD_PRIORITY_REALTIME, holding));
    for (std::size_t i = 0; i < kQueues; ++i)
      ordinary.push_back(submit(HALYARD_PRIORITY_LOW, kJobs));
    const auto important = submit(HALYARD_PRIORITY_REALTIME, kJobs);
    const bool held = std::none_of(holders.begin(), holders.end(), is_done);
    const auto end = end_of(important);
    std::size_t earlier = 0;
    for (const auto& work : ordinary) {
      if (end_of(work) < end) ++earlier;
    }
    for (const auto& work : holders)
      work.end.wait(kPatience);
    return held ? std::optional(earlier) : std::nullopt;
  }

  const std::uint32_t engines_ = device_.engines().at(0).count;
  const Program program_ = device_.compile(power_graph());
  const Buffer x_ = device_.allocate(sizeof(float) * kWidth * kWidth);
  const Buffer y_ = device_.allocate(sizeof(float) * kWidth * kWidth);
};

TEST_F(PriorityOrderTest, MoreImportantQueuesAreDoneFirst) {
  std::optional<std::size_t> earlier;
  for (std::uint64_t holding = 4; !earlier && holding <= 64; holding *= 2)
    earlier = done_before(holding);
  ASSERT_TRUE(earlier) << "the device is faster than jobs are submitted";
  // They have as much to do, and were submitted before: on engines that have nothing more important
  // to do, one each may be done.
  EXPECT_LT(*earlier, engines_);
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
