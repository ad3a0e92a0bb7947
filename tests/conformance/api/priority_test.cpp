// SPDX-License-Identifier: MIT
// Who goes first when there is more work than engines.
#include <array>
#include <vector>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class PriorityOrderTest : public HalTest {
 protected:
  static constexpr std::size_t kQueues = 6;
  static constexpr std::uint64_t kJobs = 16, kBytes = 4U << 20U;

  /// Points that a queue has reached.
  static std::uint64_t reached(const Queue& queue) {
    std::uint64_t value = 0;
    EXPECT_EQ(halyard_timeline_query(halyard_queue_timeline(queue.get()), &value), HALYARD_OK);
    return value;
  }
};

TEST_F(PriorityOrderTest, MoreImportantQueuesAreDoneFirst) {
  const auto memory = device_.allocate(kBytes);
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  std::vector<Queue> ordinary;
  std::vector<Point> ends;
  const auto submit = [&](Queue& queue) {
    queue.barrier({.waits = waits});
    Point last;
    for (std::uint64_t i = 0; i < kJobs; ++i)
      last = queue.fill(memory, 0, kBytes, 1);
    return last;
  };
  for (std::size_t i = 0; i < kQueues; ++i) {
    ordinary.push_back(device_.create_queue(0, HALYARD_PRIORITY_LOW));
    ends.push_back(submit(ordinary.back()));
  }
  auto important = device_.create_queue(0, HALYARD_PRIORITY_REALTIME);
  const auto end = submit(important);
  gate.signal(1);
  end.wait(kPatience);
  std::uint64_t others = 0;
  for (const auto& queue : ordinary)
    others += reached(queue);
  // In turns they would all be nearly done.
  EXPECT_LT(others, kQueues * kJobs / 2);
  wait_all(ends, kPatience);
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
