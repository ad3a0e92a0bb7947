// SPDX-License-Identifier: MIT
// The sim platform's scheduler with jobs that do what the test says: who runs when, who waits, who
// is stopped.
#include "platform/sim/scheduler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "clock.hpp"
#include "platform/sim/address_space.hpp"

namespace halyard::hal::sim {
namespace {

using emu::Outcome;

constexpr std::int64_t kPatience = 20'000'000'000, kMoment = 20'000'000;
constexpr std::int64_t kTimeout = 50'000'000;

/// What a job does at its n-th step.
using Script = std::function<Outcome(std::uint32_t step)>;

class Scripted final : public emu::Execution {
 public:
  explicit Scripted(Script script) : script_(std::move(script)) {}
  Outcome step() override {
    const auto outcome = script_(completed_);
    if (outcome == Outcome::kRunning) ++completed_;
    if (outcome == Outcome::kFault) {
      fault_ = {emu::FaultCause::kUnmapped, 0x1234, emu::Access::kWrite, completed_, 7, "text"};
    }
    return outcome;
  }
  [[nodiscard]] const emu::Fault& fault() const override { return fault_; }
  [[nodiscard]] std::uint64_t cycles() const override { return 0; }
  [[nodiscard]] std::uint32_t completed() const override { return completed_; }

 private:
  Script script_;
  emu::Fault fault_;
  std::uint32_t completed_ = 0;
};

/// One kind of engine. A job's payload is the index of its script.
class Processor final : public emu::CommandProcessor {
 public:
  explicit Processor(std::uint32_t engines) : engines_(engines) {}
  [[nodiscard]] std::vector<emu::EngineInfo> engines() const override {
    return {{"one", 0, engines_}};
  }
  [[nodiscard]] std::vector<std::byte> chip_blob() const override { return {}; }
  std::unique_ptr<emu::Execution> start(std::span<const std::byte> payload, std::uint32_t,
                                        emu::AddressSpace&, const std::function<std::uint64_t()>&,
                                        std::string& error) override {
    std::size_t index = 0;
    if (payload.size() != sizeof(index)) {
      error = "no index";
      return nullptr;
    }
    std::memcpy(&index, payload.data(), sizeof(index));
    return std::make_unique<Scripted>(scripts.at(index));
  }
  std::vector<Script> scripts;

 private:
  const std::uint32_t engines_;
};

class SchedulerTest : public testing::Test {
 protected:
  explicit SchedulerTest(std::uint32_t engines = 1) : processor_(engines) {
    processor_.scripts.reserve(1000);
    queue_ = scheduler_.queue_create(0, HALYARD_PRIORITY_NORMAL);
  }

  /// A timeline whose point 1 is the job's end.
  Handle submit(Handle queue, Script script, std::vector<SyncPoint> waits = {}) {
    const auto timeline = scheduler_.timeline_create();
    submit_signalling(queue, std::move(script), waits, {timeline, 1});
    return timeline;
  }
  void submit_signalling(Handle queue, Script script, const std::vector<SyncPoint>& waits,
                         SyncPoint signal) {
    const std::size_t index = processor_.scripts.size();
    processor_.scripts.push_back(std::move(script));
    const JobRequest job{.queue = queue,
                         .payload = std::as_bytes(std::span(&index, 1)),
                         .buffers = {},
                         .waits = waits,
                         .signals = {&signal, 1}};
    scheduler_.submit({&job, 1});
  }
  bool wait(Handle timeline, std::int64_t timeout = kPatience, std::uint64_t value = 1) {
    const SyncPoint point{timeline, value};
    return scheduler_.wait({&point, 1}, true, monotonic_ns() + timeout, nullptr);
  }
  halyard_status status(Handle timeline) { return scheduler_.point_status({timeline, 1}); }

  static Script done() {
    return [](std::uint32_t) { return Outcome::kDone; };
  }

  const std::shared_ptr<AddressSpace> space_ = std::make_shared<AddressSpace>();
  Processor processor_;
  Scheduler scheduler_{processor_, [this](auto) { return space_; }, [] { return std::uint64_t{1}; },
                       Injector(""), kTimeout};
  Handle queue_ = 0;
};

TEST_F(SchedulerTest, HigherPriorityGoesFirst) {
  const auto low = scheduler_.queue_create(0, HALYARD_PRIORITY_LOW);
  const auto high = scheduler_.queue_create(0, HALYARD_PRIORITY_REALTIME);
  const auto gate = scheduler_.timeline_create();
  std::string order;
  const auto writes = [&order](char letter) {
    return [&order, letter](std::uint32_t) {
      order += letter;
      return Outcome::kDone;
    };
  };
  const auto first = submit(low, writes('l'), {{gate, 1}});
  const auto second = submit(queue_, writes('n'), {{gate, 1}});
  const auto third = submit(high, writes('h'), {{gate, 1}});
  scheduler_.timeline_signal(gate, 1);
  ASSERT_TRUE(wait(first) && wait(second) && wait(third));
  EXPECT_EQ(order, "hnl");
}

TEST_F(SchedulerTest, HigherPriorityTakesOverBetweenTwoCommands) {
  const auto low = scheduler_.queue_create(0, HALYARD_PRIORITY_LOW);
  std::latch started(1), go_on(1);
  std::string order;
  const auto slow = submit(low, [&](std::uint32_t step) {
    order += static_cast<char>('0' + step);
    if (step == 1) {
      started.count_down();
      go_on.wait();
    }
    return step < 3 ? Outcome::kRunning : Outcome::kDone;
  });
  started.wait();
  const auto quick = submit(queue_, [&](std::uint32_t) {
    order += 'q';
    return Outcome::kDone;
  });
  go_on.count_down();
  ASSERT_TRUE(wait(slow) && wait(quick));
  EXPECT_EQ(order, "01q23");
}

TEST_F(SchedulerTest, EqualPrioritiesTakeTurns) {
  const auto other = scheduler_.queue_create(0, HALYARD_PRIORITY_NORMAL);
  const auto gate = scheduler_.timeline_create();
  std::string order;
  const auto writes = [&order](char letter) {
    return [&order, letter](std::uint32_t) {
      order += letter;
      return Outcome::kDone;
    };
  };
  Handle last = 0;
  for (int i = 0; i < 3; ++i)
    submit(queue_, writes('a'), {{gate, 1}});
  for (int i = 0; i < 3; ++i)
    last = submit(other, writes('b'), {{gate, 1}});
  scheduler_.timeline_signal(gate, 1);
  ASSERT_TRUE(wait(last));
  EXPECT_EQ(order, "ababab");
}

TEST_F(SchedulerTest, JobThatWaitsForMemoryLetsOthersRun) {
  std::atomic<bool> open{false};
  const auto waiting =
      submit(queue_, [&](std::uint32_t) { return open ? Outcome::kDone : Outcome::kWaiting; });
  const auto other = scheduler_.queue_create(0, HALYARD_PRIORITY_NORMAL);
  ASSERT_TRUE(wait(submit(other, done())));
  EXPECT_FALSE(wait(waiting, kMoment / 4));
  open = true;
  EXPECT_TRUE(wait(waiting));
  EXPECT_EQ(status(waiting), HALYARD_OK);
}

TEST_F(SchedulerTest, WaitingJobIsTriedAlthoughTheEngineIsBusy) {
  std::atomic<bool> open{false};
  const auto waiting =
      submit(queue_, [&](std::uint32_t) { return open ? Outcome::kDone : Outcome::kWaiting; });
  const auto busy = scheduler_.queue_create(0, HALYARD_PRIORITY_NORMAL);
  const auto endless = submit(busy, [](std::uint32_t) {
    std::this_thread::yield();
    return Outcome::kRunning;
  });
  // One engine: the endless job keeps it until its queue goes.
  open = true;
  EXPECT_FALSE(wait(endless, kMoment));
  scheduler_.queue_destroy(busy);
  EXPECT_TRUE(wait(waiting));
}

TEST_F(SchedulerTest, JobThatWaitsTooLongIsAHang) {
  const auto hung = submit(
      queue_, [](std::uint32_t step) { return step < 2 ? Outcome::kRunning : Outcome::kWaiting; });
  const auto behind = submit(queue_, done());
  ASSERT_TRUE(wait(hung) && wait(behind));
  EXPECT_EQ(status(hung), HALYARD_HANG);
  EXPECT_EQ(status(behind), HALYARD_CANCELLED);
  const auto state = scheduler_.queue_status(queue_);
  EXPECT_EQ(state.state, QueueStatus::State::kBanned);
  EXPECT_EQ(state.fault, HALYARD_HANG);
  EXPECT_EQ(state.fault_job, 1U);
  EXPECT_EQ(state.fault_command, 2U);
  EXPECT_EQ(state.failed, 2U);
}

TEST_F(SchedulerTest, JobThatGetsOnIsNoHang) {
  const auto begin = monotonic_ns();
  const auto slow = submit(queue_, [begin](std::uint32_t step) {
    // Waits a little at each command, in all longer than the timeout.
    const auto due = begin + static_cast<std::int64_t>(step + 1) * kTimeout / 4;
    if (monotonic_ns() < due) return Outcome::kWaiting;
    return step < 8 ? Outcome::kRunning : Outcome::kDone;
  });
  ASSERT_TRUE(wait(slow));
  EXPECT_EQ(status(slow), HALYARD_OK);
}

TEST_F(SchedulerTest, FaultIsToldAndBansTheQueue) {
  const auto good = submit(queue_, done());
  const auto bad = submit(
      queue_, [](std::uint32_t step) { return step < 3 ? Outcome::kRunning : Outcome::kFault; });
  ASSERT_TRUE(wait(good) && wait(bad));
  EXPECT_EQ(status(good), HALYARD_OK);
  EXPECT_EQ(status(bad), HALYARD_FAULT);
  const auto state = scheduler_.queue_status(queue_);
  EXPECT_EQ(state.fault_job, 2U);
  EXPECT_EQ(state.fault_command, 3U);
  EXPECT_EQ(state.fault_tag, 7U);
  EXPECT_EQ(state.fault_address, 0x1234U);
  EXPECT_TRUE(state.fault_write);
  EXPECT_EQ(state.completed, 1U);
  EXPECT_EQ(state.failed, 1U);
  try {
    submit(queue_, done());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), HALYARD_QUEUE_BANNED);
  }
}

TEST_F(SchedulerTest, MalformedPayloadIsRefusedWithAllOfTheCall) {
  const auto timeline = scheduler_.timeline_create();
  const std::size_t index = processor_.scripts.size();
  processor_.scripts.push_back(done());
  const SyncPoint first{timeline, 1}, second{timeline, 2};
  const std::array<JobRequest, 2> jobs{{
      {queue_, std::as_bytes(std::span(&index, 1)), {}, {}, {&first, 1}},
      {queue_, {}, {}, {}, {&second, 1}},
  }};
  EXPECT_THROW(scheduler_.submit(jobs), Error);
  EXPECT_EQ(scheduler_.queue_status(queue_).submitted, 0U);
  EXPECT_FALSE(wait(timeline, kMoment / 4));
  EXPECT_NO_THROW(scheduler_.submit(std::span(jobs).first(1)));
  EXPECT_TRUE(wait(timeline));
}

TEST_F(SchedulerTest, StaleHandlesAreRefused) {
  EXPECT_THROW(submit(0, done()), Error);
  EXPECT_THROW(submit(99, done()), Error);
  scheduler_.queue_destroy(queue_);
  EXPECT_THROW(submit(queue_, done()), Error);
  EXPECT_THROW(scheduler_.queue_status(queue_), Error);
  EXPECT_THROW(scheduler_.timeline_query(99), Error);
  EXPECT_THROW(scheduler_.queue_create(5, HALYARD_PRIORITY_NORMAL), Error);
  scheduler_.queue_destroy(queue_);
  scheduler_.timeline_destroy(99);
}

TEST_F(SchedulerTest, PointsThatEndInAnotherOrderAreReachedInOrder) {
  const auto other = scheduler_.queue_create(0, HALYARD_PRIORITY_NORMAL);
  const auto gate = scheduler_.timeline_create(), both = scheduler_.timeline_create();
  submit_signalling(queue_, done(), {{gate, 1}}, {both, 1});
  submit_signalling(other, done(), {}, {both, 2});
  EXPECT_FALSE(wait(both, kMoment / 4));
  EXPECT_EQ(scheduler_.timeline_query(both), 0U);
  scheduler_.timeline_signal(gate, 1);
  EXPECT_TRUE(wait(both, kPatience, 2));
  EXPECT_EQ(scheduler_.timeline_query(both), 2U);
}

TEST_F(SchedulerTest, EndsWithJobsInEveryPlace) {
  const auto never = scheduler_.timeline_create();
  submit(queue_, done(), {{never, 1}});
  const auto parked = scheduler_.queue_create(0, HALYARD_PRIORITY_HIGH);
  submit(parked, [](std::uint32_t) { return Outcome::kWaiting; });
  const auto running = scheduler_.queue_create(0, HALYARD_PRIORITY_NORMAL);
  submit(running, [](std::uint32_t) { return Outcome::kRunning; });
  const auto ready = scheduler_.queue_create(0, HALYARD_PRIORITY_LOW);
  submit(ready, done());
}

class TwoEnginesTest : public SchedulerTest {
 protected:
  TwoEnginesTest() : SchedulerTest(2) {}
  const Handle other_ = scheduler_.queue_create(0, HALYARD_PRIORITY_NORMAL);
};

TEST_F(TwoEnginesTest, WhileOneIsBusyTheOtherRunsWhatComes) {
  for (int round = 0; round < 20; ++round) {
    std::latch started(1), go_on(1);
    const auto slow = submit(queue_, [&](std::uint32_t) {
      started.count_down();
      go_on.wait();
      return Outcome::kDone;
    });
    started.wait();
    const bool ended = wait(submit(other_, done()));
    go_on.count_down();
    ASSERT_TRUE(wait(slow));
    ASSERT_TRUE(ended) << "in round " << round;
  }
}

TEST_F(TwoEnginesTest, BothRunWhatBecomesReadyAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const auto gate = scheduler_.timeline_create();
    std::atomic<int> started{0};
    const auto meets = [&](std::uint32_t) {
      ++started;
      const auto end = monotonic_ns() + kPatience;
      while (started != 2 && monotonic_ns() < end)
        std::this_thread::yield();
      return started == 2 ? Outcome::kDone : Outcome::kFault;
    };
    const auto first = submit(queue_, meets, {{gate, 1}});
    const auto second = submit(other_, meets, {{gate, 1}});
    scheduler_.timeline_signal(gate, 1);
    ASSERT_TRUE(wait(first) && wait(second));
    ASSERT_EQ(status(first), HALYARD_OK) << "in round " << round;
    ASSERT_EQ(status(second), HALYARD_OK);
  }
}

}  // namespace
}  // namespace halyard::hal::sim
