// SPDX-License-Identifier: MIT
/// \file
/// The whole system sleeps with jobs in flight and with buffers in the card's memory. Run by
/// suspend.sh, which leaves nothing of the file systems that do not survive it.
///
/// The kernel's own test of suspend (pm_test) stops before the processors do, and wakes up by
/// itself: every driver has put its device to sleep then, and the bus has taken the power away.

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "lost.hpp"
#include "power.hpp"
#include "user.hpp"

namespace halyard::test {
namespace {

using namespace std::chrono_literals;

/// Returns when the system is awake again.
void sleep_and_wake() {
  write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
  write_file("/sys/power/pm_test", "platform");
  write_file("/sys/power/state", "freeze");
}

/// How often the system has slept.
unsigned times_slept() {
  std::ifstream file("/sys/power/suspend_stats/success");
  unsigned count = 0;
  file >> count;
  return count;
}

class Suspend : public testing::Test {
 protected:
  void TearDown() override { set_sleep_after(1000ms); }
  User user_;
};

TEST_F(Suspend, IdleQueuesGoOn) {
  user_.run(1);
  const unsigned before = times_slept();
  sleep_and_wake();
  EXPECT_EQ(times_slept(), before + 1);
  user_.run(2);
}

TEST_F(Suspend, JobsInFlightEndWell) {
  for (int round = 0; round < 2; ++round) {
    inject("slow", -1, 0, 1, 400'000);
    std::array<User, 2> users;
    std::vector<User::Job> jobs;
    for (int i = 0; i < 8; ++i)
      jobs.push_back(users[static_cast<unsigned>(i) % 2].start(static_cast<float>(i)));
    ASSERT_TRUE(wait_for_injection());
    sleep_and_wake();
    for (std::size_t i = 0; i < jobs.size(); ++i)
      users[i % 2].expect_result(jobs[i]);
  }
}

/// The system waits for what is in flight as long as it takes to find out that it hangs.
TEST_F(Suspend, AJobThatHangsIsFoundBefore) {
  // Where the card has memory of its own nothing is to be copied there meanwhile, and to hang.
  const User::Job before = user_.start(6);
  before.end.wait(kPatience);
  inject("hang");
  const User::Job job = user_.again(before);
  ASSERT_TRUE(wait_for_injection());
  sleep_and_wake();
  EXPECT_THROW(job.end.wait(kPatience), halyard::Error);
  User().run();
}

TEST_F(Suspend, DeviceMemoryIsKept) {
  std::vector<User::Job> jobs;
  for (int i = 0; i < 16; ++i) {
    jobs.push_back(user_.start(static_cast<float>(i)));
    jobs.back().end.wait(kPatience);
  }
  sleep_and_wake();
  for (const User::Job& job : jobs)
    user_.expect_result(job);
}

TEST_F(Suspend, OfACardThatSleepsAlready) {
  const User::Job job = user_.start(7);
  job.end.wait(kPatience);
  set_sleep_after(50ms);
  ASSERT_TRUE(wait_for_sleep());
  sleep_and_wake();
  user_.expect_result(job);
  user_.run();
  EXPECT_TRUE(wait_for_sleep());
}

/// Who submits all the time is frozen, and goes on.
TEST_F(Suspend, UnderLoad) {
  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&stop] {
      User user;
      for (int j = 0; !stop; ++j)
        user.run(static_cast<float>(j % 100));
    });
  }
  for (int i = 0; i < 3; ++i) {
    sleep_ms(200);
    sleep_and_wake();
  }
  stop = true;
}

}  // namespace
}  // namespace halyard::test
