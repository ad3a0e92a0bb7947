// SPDX-License-Identifier: MIT
// Timelines: points, waits of one and of many, failures on their way, eventfd.
#include <unistd.h>

#include <thread>

#include "event_fd.hpp"
#include "fixture.hpp"

namespace halyard::test {
namespace {

class TimelineTest : public HalTest {
 protected:
  Timeline timeline_ = device_.create_timeline();

  void expect_timeout(const Point& point) {
    EXPECT_EQ(error_of([&] { return point.wait(kMoment); }).code(), HALYARD_TIMEOUT);
  }
};

class ErrorTest : public TimelineTest {};

TEST_F(TimelineTest, HostReachesPoints) {
  EXPECT_EQ(timeline_.query(), 0U);
  timeline_.signal(3);
  EXPECT_EQ(timeline_.query(), 3U);
  timeline_.at(1).wait(kPatience);
  timeline_.at(3).wait(0ns);
  expect_timeout(timeline_.at(4));
}

TEST_F(TimelineTest, OnlyGrows) {
  timeline_.signal(3);
  EXPECT_EQ(error_of([&] { return timeline_.signal(3); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return timeline_.signal(2); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return timeline_.signal(0); }).code(), HALYARD_INVALID_ARGUMENT);
  const std::array<Point, 1> old{timeline_.at(3)};
  EXPECT_EQ(error_of([&] { return queue_.barrier({.signals = old}); }).code(),
            HALYARD_INVALID_ARGUMENT);
  const std::array<Point, 2> twice{timeline_.at(5), timeline_.at(5)};
  EXPECT_EQ(error_of([&] { return queue_.barrier({.signals = twice}); }).code(),
            HALYARD_INVALID_ARGUMENT);
  expect_works(queue_);
}

TEST_F(TimelineTest, PromisedPointIsNotTheHostsAnyMore) {
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)}, signals{timeline_.at(5)};
  queue_.barrier({.waits = waits, .signals = signals});
  EXPECT_EQ(error_of([&] { return timeline_.signal(5); }).code(), HALYARD_INVALID_ARGUMENT);
  gate.signal(1);
  timeline_.at(5).wait(kPatience);
  EXPECT_EQ(timeline_.query(), 5U);
  timeline_.signal(6);
  EXPECT_EQ(timeline_.query(), 6U);
}

TEST_F(TimelineTest, QueuesTimelineIsTheQueues) {
  const auto point = queue_.barrier();
  point.wait(kPatience);
  auto* timeline = halyard_queue_timeline(queue_.get());
  EXPECT_EQ(timeline, point.raw().timeline);
  EXPECT_EQ(halyard_timeline_signal(timeline, 100), HALYARD_INVALID_ARGUMENT);
  std::uint64_t value = 0;
  EXPECT_EQ(halyard_timeline_query(timeline, &value), HALYARD_OK);
  EXPECT_EQ(value, point.value());
  const std::array<Point, 1> signals{point};
  auto other = device_.create_queue();
  EXPECT_EQ(error_of([&] { return other.barrier({.signals = signals}); }).code(),
            HALYARD_INVALID_ARGUMENT);
}

TEST_F(TimelineTest, PointsThatAreNoneAreRefused) {
  const halyard_point none{nullptr, 1}, zero{timeline_.get(), 0};
  EXPECT_EQ(halyard_wait(&none, 1, 0), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(halyard_wait(&zero, 1, 0), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(halyard_wait(nullptr, 1, 0), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(halyard_wait(nullptr, 0, 0), HALYARD_OK) << "nothing is reached at once";
  std::size_t index = 0;
  EXPECT_EQ(halyard_wait_any(nullptr, 0, 0, &index), HALYARD_INVALID_ARGUMENT);
  auto sync = detail::sized<halyard_sync>();
  sync.waits = &zero;
  sync.wait_count = 1;
  EXPECT_EQ(halyard_queue_barrier(queue_.get(), &sync, nullptr), HALYARD_INVALID_ARGUMENT);
  EXPECT_THAT(last_error().message, testing::HasSubstr("waits[0]"));
  const auto other = open_device();
  const auto foreign = other.create_timeline();
  const std::array<Point, 1> points{foreign.at(1)};
  EXPECT_EQ(error_of([&] { return queue_.barrier({.waits = points}); }).code(),
            HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return queue_.barrier({.signals = points}); }).code(),
            HALYARD_INVALID_ARGUMENT);
}

TEST_F(TimelineTest, JobsWaitForTheHost) {
  const auto word = device_.allocate(8);
  const std::array<Point, 1> waits{timeline_.at(2)};
  const auto done = queue_.fill(word, 0, 4, 1, {.waits = waits});
  timeline_.signal(1);
  expect_timeout(done);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 0U);
  timeline_.signal(2);
  done.wait(kPatience);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 1U);
}

TEST_F(TimelineTest, JobsWaitForJobsOfOtherQueues) {
  auto other = device_.create_queue();
  const auto word = device_.allocate(8);
  Point last;
  for (std::uint32_t i = 1; i <= 50; ++i) {
    auto& queue = i % 2 == 0 ? queue_ : other;
    const std::array<Point, 1> waits{last};
    last = queue.fill(word, 0, 4, i, i > 1 ? Sync{.waits = waits} : Sync{});
  }
  last.wait(kPatience);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 50U);
}

TEST_F(TimelineTest, JobMayWaitForOneThatIsSubmittedLater) {
  auto other = device_.create_queue();
  const auto word = device_.allocate(8);
  const std::array<Point, 1> points{timeline_.at(1)};
  const auto second = queue_.fill(word, 0, 4, 2, {.waits = points});
  const auto third = queue_.fill(word, 4, 4, 3);
  expect_timeout(second);
  other.fill(word, 0, 4, 1, {.signals = points});
  third.wait(kPatience);
  EXPECT_EQ(word.map<std::uint32_t>()[0], 2U);
  EXPECT_EQ(word.map<std::uint32_t>()[1], 3U);
}

TEST_F(TimelineTest, WhatFollowsAWaitingPromiseKeepsItsOrder) {
  auto gate = device_.create_timeline();
  auto other = device_.create_queue();
  const std::array<Point, 1> waits{gate.at(1)}, five{timeline_.at(5)}, six{timeline_.at(6)};
  queue_.barrier({.waits = waits, .signals = five});
  other.barrier({.signals = six});
  timeline_.signal(7);
  expect_timeout(timeline_.at(5));
  expect_timeout(timeline_.at(7));
  gate.signal(1);
  timeline_.at(7).wait(kPatience);
  EXPECT_EQ(timeline_.query(), 7U);
}

TEST_F(TimelineTest, ReleasedWhileAJobWaitsForIt) {
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  auto never = device_.create_timeline();
  const std::array<Point, 1> lost{never.at(1)};
  auto other = device_.create_queue();
  const auto stuck = other.barrier({.waits = lost});
  never = Timeline();
  const auto done = queue_.barrier({.waits = waits});
  gate.signal(1);
  gate = Timeline();
  done.wait(kPatience);
  expect_timeout(stuck);
}

TEST_F(TimelineTest, WaitsForAllAndForAny) {
  auto other = device_.create_timeline();
  const std::array<Point, 2> both{timeline_.at(1), other.at(1)};
  EXPECT_EQ(error_of([&] { return wait_any(both, kMoment); }).code(), HALYARD_TIMEOUT);
  other.signal(1);
  EXPECT_EQ(wait_any(both, kPatience), 1U);
  EXPECT_EQ(error_of([&] { return wait_all(both, kMoment); }).code(), HALYARD_TIMEOUT);
  timeline_.signal(1);
  wait_all(both, kPatience);
}

TEST_F(TimelineTest, WaitsForMoreThanAHandful) {
  std::vector<Point> points;
  std::vector<Timeline> timelines;
  for (int i = 0; i < 40; ++i) {
    timelines.push_back(device_.create_timeline());
    points.push_back(timelines.back().at(1));
  }
  timelines[33].signal(1);
  EXPECT_EQ(wait_any(points, kPatience), 33U);
  for (auto& timeline : timelines) {
    if (timeline.query() == 0) timeline.signal(1);
  }
  wait_all(points, kPatience);
}

TEST_F(TimelineTest, WaitsAcrossDevices) {
  const auto second = open_device();
  auto queue = second.create_queue();
  auto other = second.create_timeline();
  const std::array<Point, 2> both{timeline_.at(1), other.at(1)};
  EXPECT_EQ(error_of([&] { return wait_any(both, 0ns); }).code(), HALYARD_TIMEOUT);
  other.signal(1);
  EXPECT_EQ(wait_any(both, 0ns), 1U);
  std::thread([&] { timeline_.signal(1); }).join();
  wait_all(both, kPatience);
}

TEST_F(TimelineTest, WakesAWaitingThread) {
  std::thread waiter([&] { timeline_.at(1).wait(kPatience); });
  std::this_thread::sleep_for(kMoment);
  timeline_.signal(1);
  waiter.join();
  std::thread for_later([&] { timeline_.at(2).wait(kPatience); });
  const std::array<Point, 1> signals{timeline_.at(2)};
  queue_.barrier({.signals = signals});
  for_later.join();
}

TEST_F(TimelineTest, CycleTimesOutAndIsResolvedByRelease) {
  auto a = device_.create_queue(), b = device_.create_queue();
  auto of_a = device_.create_timeline(), of_b = device_.create_timeline();
  const std::array<Point, 1> point_a{of_a.at(1)}, point_b{of_b.at(1)};
  const auto job_a = a.barrier({.waits = point_b, .signals = point_a});
  const auto job_b = b.barrier({.waits = point_a, .signals = point_b});
  expect_timeout(job_a);
  expect_timeout(job_b);
  a = Queue();
  EXPECT_EQ(error_of([&] { return job_a.wait(kPatience); }).code(), HALYARD_CANCELLED);
  expect_works(queue_);
}

// ---- failures ------------------------------------------------------------------------------

TEST_F(ErrorTest, FailureReachesWhoeverWaits) {
  const std::array<Point, 1> signals{timeline_.at(4)};
  auto queue = device_.create_queue();
  queue.barrier().wait(kPatience);
  const auto failed = submit_fault(queue, {.signals = signals});
  for (const auto& point : {failed, timeline_.at(4), timeline_.at(3), timeline_.at(9)}) {
    const auto error = error_of([&] { return point.wait(kPatience); });
    EXPECT_EQ(error.code(), HALYARD_FAULT) << error.what();
    EXPECT_EQ(error.command_name(), "the gather");
    EXPECT_NE(error.command(), HALYARD_NO_COMMAND);
    EXPECT_NE(error.queue(), 0U);
    EXPECT_EQ(error.device(), device_.info().path);
    EXPECT_THAT(error.what(), testing::HasSubstr("job 2"));
  }
  EXPECT_EQ(error_of([&] { return timeline_.query(); }).code(), HALYARD_FAULT);
  EXPECT_EQ(device_.jobs().failed, 1U);
  expect_works(queue_);
}

TEST_F(ErrorTest, FailureReachesJobsThatWait) {
  auto bad = device_.create_queue(), other = device_.create_queue(), third = device_.create_queue();
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)}, signals{timeline_.at(1)}, second{timeline_.at(2)};
  const auto failed = submit_fault(bad, {.waits = waits, .signals = signals});
  const auto before = other.barrier();
  const auto dependent = other.barrier({.waits = signals, .signals = second});
  const auto behind = other.barrier();
  const std::array<Point, 1> chained{dependent};
  const auto far = third.barrier({.waits = chained});
  gate.signal(1);
  for (const auto& point : {far, dependent, behind, timeline_.at(2)}) {
    const auto error = error_of([&] { return point.wait(kPatience); });
    EXPECT_EQ(error.code(), HALYARD_FAULT) << error.what();
    EXPECT_EQ(error.command_name(), "the gather") << "the cause is told, not where it passed by";
  }
  before.wait(kPatience);
  EXPECT_EQ(error_of([&] { return failed.wait(kPatience); }).code(), HALYARD_FAULT);
  EXPECT_EQ(error_of([&] { return other.barrier(); }).code(), HALYARD_QUEUE_BANNED);
  expect_works(queue_);
}

TEST_F(ErrorTest, JobThatWaitsForWhatFailedLongAgoFails) {
  auto bad = device_.create_queue(), other = device_.create_queue();
  const auto failed = submit_fault(bad);
  EXPECT_EQ(error_of([&] { return failed.wait(kPatience); }).code(), HALYARD_FAULT);
  const std::array<Point, 1> waits{failed};
  const auto dependent = other.barrier({.waits = waits});
  EXPECT_EQ(error_of([&] { return dependent.wait(kPatience); }).code(), HALYARD_FAULT);
  std::uint64_t value = 0;
  EXPECT_EQ(halyard_timeline_query(halyard_queue_timeline(other.get()), &value), HALYARD_FAULT);
}

TEST_F(ErrorTest, LongChainsAcrossQueuesAreConfirmed) {
  auto other = device_.create_queue();
  Point last;
  for (int i = 0; i < 5000; ++i) {
    auto& queue = i % 2 == 0 ? queue_ : other;
    const std::array<Point, 1> waits{last};
    last = queue.barrier(i > 0 ? Sync{.waits = waits} : Sync{});
  }
  last.wait(kPatience);
}

TEST_F(ErrorTest, WhatWasReachedBeforeTheFailureStaysReached) {
  auto queue = device_.create_queue();
  const std::array<Point, 1> first{timeline_.at(1)}, second{timeline_.at(2)};
  const auto good = queue.barrier({.signals = first});
  const auto bad = submit_fault(queue, {.signals = second});
  EXPECT_EQ(error_of([&] { return bad.wait(kPatience); }).code(), HALYARD_FAULT);
  good.wait(kPatience);
  timeline_.at(1).wait(kPatience);
  EXPECT_EQ(error_of([&] { return timeline_.at(2).wait(kPatience); }).code(), HALYARD_FAULT);
}

TEST_F(ErrorTest, FailedQueueTakesNoMoreJobs) {
  auto queue = device_.create_queue();
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  const auto failed = submit_fault(queue, {.waits = waits});
  const auto behind = queue.barrier();
  gate.signal(1);
  EXPECT_EQ(error_of([&] { return behind.wait(kPatience); }).code(), HALYARD_FAULT)
      << "a failure reaches every later point";
  const auto error = error_of([&] { return queue.barrier(); });
  EXPECT_EQ(error.code(), HALYARD_QUEUE_BANNED);
  EXPECT_EQ(error.command_name(), "the gather");
  EXPECT_EQ(error_of([&] { return failed.wait(kPatience); }).code(), HALYARD_FAULT);
  expect_works(queue_);
  auto fresh = device_.create_queue();
  expect_works(fresh);
}

TEST_F(ErrorTest, OneFailureEndsAWaitForAll) {
  auto queue = device_.create_queue();
  const auto failed = submit_fault(queue);
  const std::array<Point, 2> both{timeline_.at(1), failed};
  EXPECT_EQ(error_of([&] { return wait_all(both, kPatience); }).code(), HALYARD_FAULT)
      << "although the other point is never reached";
}

TEST_F(ErrorTest, FailureEndsAWaitForAPointThatNobodyPromised) {
  auto queue = device_.create_queue();
  const auto program = device_.compile(gather_graph(2, 4, 1));  // a refusal ends the case here
  std::thread waiter([&] {
    EXPECT_EQ(error_of([&] { return timeline_.at(100).wait(kPatience); }).code(), HALYARD_FAULT);
  });
  std::this_thread::sleep_for(kMoment);
  const std::array<Point, 1> signals{timeline_.at(1)};
  static_cast<void>(submit_fault(queue, {.signals = signals}));
  waiter.join();
}

// ---- poll loops ----------------------------------------------------------------------------

/// Of a point on the queue's own timeline.
void notify_of(const Queue& queue, std::uint64_t value, const EventFd& event) {
  EXPECT_EQ(halyard_timeline_notify(halyard_queue_timeline(queue.get()), value, event.get()),
            HALYARD_OK);
}

TEST_F(TimelineTest, NotifiesAnEventfd) {
  const EventFd event;
  timeline_.at(2).notify(event.get());
  timeline_.signal(1);
  EXPECT_FALSE(event.wait(kMoment));
  timeline_.signal(2);
  EXPECT_TRUE(event.wait(kPatience));
  EXPECT_EQ(event.take(), 1U);
  timeline_.at(1).notify(event.get());
  EXPECT_TRUE(event.wait(kPatience)) << "reached already";
}

TEST_F(ErrorTest, NotifiesOfJobsAndOfTheirFailure) {
  const EventFd event;
  const auto done = queue_.barrier();
  done.notify(event.get());
  EXPECT_TRUE(event.wait(kPatience));
  EXPECT_EQ(event.take(), 1U);
  auto queue = device_.create_queue();
  const auto failed = submit_fault(queue);
  failed.notify(event.get());
  EXPECT_TRUE(event.wait(kPatience));
  EXPECT_EQ(error_of([&] { return failed.wait(kPatience); }).code(), HALYARD_FAULT);
}

TEST_F(ErrorTest, NotifiesOfAFailureBeforeThePointWasPromised) {
  auto queue = device_.create_queue();
  const EventFd event, later, host;
  auto gate = device_.create_timeline();
  const Point open = gate.at(1), first = timeline_.at(1);
  const auto failed = submit_fault(queue, {.waits = {&open, 1}, .signals = {&first, 1}});
  notify_of(queue, failed.value() + 1, event);
  timeline_.at(7).notify(host.get());
  EXPECT_FALSE(event.wait(kMoment));
  EXPECT_FALSE(host.wait(kMoment));
  gate.signal(1);
  EXPECT_TRUE(event.wait(kPatience));
  EXPECT_TRUE(host.wait(kPatience));
  notify_of(queue, failed.value() + 2, later);
  EXPECT_TRUE(later.wait(kPatience)) << "failed already";
}

TEST_F(TimelineTest, NotifiesOnceThePointWasPromised) {
  const EventFd event;
  queue_.barrier().wait(kPatience);
  notify_of(queue_, 3, event);
  queue_.barrier().wait(kPatience);
  EXPECT_FALSE(event.wait(kMoment));
  queue_.barrier().wait(kPatience);
  EXPECT_TRUE(event.wait(kPatience));
  EXPECT_EQ(event.take(), 1U);
}

TEST_F(TimelineTest, NotificationsEndWithTheirTimeline) {
  const EventFd event;
  device_.create_timeline().at(1).notify(event.get());
  std::this_thread::sleep_for(2 * kMoment);
  EXPECT_FALSE(event.wait(0ms));
}

TEST_F(TimelineTest, NotifiesThroughACopyOfTheDescriptor) {
  const EventFd kept;
  {
    const int copy = dup(kept.get());
    timeline_.at(1).notify(copy);
    close(copy);
  }
  timeline_.signal(1);
  EXPECT_TRUE(kept.wait(kPatience));
}

TEST_F(TimelineTest, NotifyOfWhatIsNoEventfdIsRefused) {
  EXPECT_EQ(error_of([&] { return timeline_.at(1).notify(-1); }).code(), HALYARD_INVALID_ARGUMENT);
}

// ---- other processes -----------------------------------------------------------------------

TEST_F(TimelineTest, IsExportedAndImported) {
  if (on_sim()) {
    EXPECT_EQ(error_of([&] { return timeline_.export_fd(); }).code(), HALYARD_UNSUPPORTED);
    EXPECT_EQ(error_of([&] { return device_.import_timeline(0); }).code(), HALYARD_UNSUPPORTED);
    return;
  }
  const int fd = timeline_.export_fd();
  const auto second = open_device();
  auto imported = second.import_timeline(fd);
  close(fd);
  imported.signal(1);
  timeline_.at(1).wait(kPatience);
}

TEST_F(ErrorTest, FailureReachesAnotherDevice) {
  const auto program = device_.compile(gather_graph(2, 4, 1));  // a refusal ends the case here
  if (on_sim()) GTEST_SKIP() << "the sim platform has timelines in one device only";
  const int fd = timeline_.export_fd();
  const auto second = open_device();
  const auto imported = second.import_timeline(fd);
  close(fd);
  auto queue = device_.create_queue();
  const std::array<Point, 1> signals{timeline_.at(1)};
  static_cast<void>(submit_fault(queue, {.signals = signals}));
  EXPECT_EQ(error_of([&] { return imported.at(1).wait(kPatience); }).code(), HALYARD_FAULT)
      << "failures cross, though not with their details";
}

}  // namespace
}  // namespace halyard::test
