// SPDX-License-Identifier: MIT
/// \file
/// A card that nobody uses is powered down, and nobody notices: whatever needs it wakes it up, and
/// what only looks does not. Whether it sleeps is asked of the card itself, too.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
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

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A minute: whoever wakes the card is found out afterwards.
constexpr auto kLong = 60000ms;
constexpr auto kShort = 50ms;

class Sleep : public testing::Test {
 protected:
  void TearDown() override { set_sleep_after(1000ms); }

  /// Asleep, and will stay awake once it is woken up.
  void fall_asleep() {
    set_sleep_after(kShort);
    ASSERT_TRUE(wait_for_sleep());
    set_sleep_after(kLong);
    ASSERT_TRUE(card_sleeps());
  }

  static void expect_awake() {
    EXPECT_EQ(runtime_status(), "active");
    EXPECT_FALSE(card_sleeps());
  }
  static void expect_asleep(const std::string& after) {
    EXPECT_EQ(runtime_status(), "suspended") << after;
    EXPECT_TRUE(card_sleeps()) << after;
  }

  User user_;
};

/// Reads all that a file has to say; empty when it says nothing, or refuses.
std::string contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_F(Sleep, IsTheDefault) {
  EXPECT_EQ(contents(power_folder() / "control"), "auto\n");
  EXPECT_EQ(contents(power_folder() / "autosuspend_delay_ms"), "1000\n");
}

TEST_F(Sleep, AJobWakesTheCard) {
  for (int i = 0; i < 10; ++i) {
    fall_asleep();
    user_.run(static_cast<float>(i));
    expect_awake();
  }
}

TEST_F(Sleep, QueuesAndFilesAreMadeAsleep) {
  fall_asleep();
  {
    User another;
    another.run(7);
  }
  fall_asleep();
  {
    const User idle;
    fall_asleep();
  }
  // What was the other's has gone while the card slept.
  user_.run(8);
}

TEST_F(Sleep, LookingDoesNotWake) {
  Client client;
  const std::uint32_t queue = client.make_queue();
  fall_asleep();

  EXPECT_NE(fdinfo_text(client).find("drm-engine-"), std::string::npos);
  expect_asleep("fdinfo");
  EXPECT_GE(client.limits().queues_used, 1U);
  static_cast<void>(client.memory_used());
  static_cast<void>(client.query(queue));
  expect_asleep("queries");
  EXPECT_FALSE(halyard::enumerate().empty());
  static_cast<void>(user_.device().memory());
  static_cast<void>(user_.device().engines());
  expect_asleep("the library's lists");
  for (const auto& entry : fs::directory_iterator(debugfs_folder())) {
    const std::string name = entry.path().filename();
    if (name != "inject" &&
        (entry.status().permissions() & fs::perms::owner_read) != fs::perms::none) {
      static_cast<void>(contents(entry.path()));
      expect_asleep("debugfs: " + name);
    }
  }
  for (const auto& entry : fs::directory_iterator(pci_device())) {
    if (entry.is_regular_file() &&
        (entry.status().permissions() & fs::perms::owner_read) != fs::perms::none &&
        !entry.path().filename().string().starts_with("resource")) {
      static_cast<void>(contents(entry.path()));
    }
  }
  expect_asleep("sysfs");
  user_.run();
}

TEST_F(Sleep, TheCardsTimeIsTrue) {
  const auto before = Client().device();
  fall_asleep();
  const auto after = Client().device();
  expect_awake();
  const auto device_ns = static_cast<double>(after.timestamp - before.timestamp) * 1e9 /
                         static_cast<double>(after.timestamp_hz);
  const auto host_ns = static_cast<double>(after.cpu_time - before.cpu_time);
  // The card's clock has gone on while it slept.
  EXPECT_GT(device_ns, host_ns / 2);
}

TEST_F(Sleep, ABusyCardStaysAwake) {
  set_sleep_after(kShort);
  inject("slow", -1, 0, 1, 1'000'000);
  const User::Job job = user_.start(5);
  ASSERT_TRUE(wait_for_injection());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(runtime_status(), "active");
    sleep_ms(20);
  }
  user_.expect_result(job);
  EXPECT_TRUE(wait_for_sleep());
}

TEST_F(Sleep, AnAdministratorKeepsItAwake) {
  {
    const Awake awake;
    set_sleep_after(kShort);
    sleep_ms(500);
    expect_awake();
  }
  EXPECT_TRUE(wait_for_sleep());
}

/// Results, and memory that was written to, are where the jobs and the host have left them.
TEST_F(Sleep, MemoryIsKept) {
  std::vector<User::Job> jobs;
  for (int i = 0; i < 8; ++i) {
    jobs.push_back(user_.start(static_cast<float>(i)));
    jobs.back().end.wait(kPatience);
  }
  fall_asleep();
  // Where it is the card's own, looking at it wakes the card up.
  for (const User::Job& job : jobs) {
    user_.expect_result(job);
  }
  const bool host = user_.device().memory()[0].is_host != 0;
  EXPECT_EQ(card_sleeps(), host);
}

/// A mapping that was used before shows the card's memory after, too, not what a card that sleeps
/// answers: all ones.
TEST_F(Sleep, MappingsOutliveSleep) {
  const User::Job job = user_.start(9);
  user_.expect_result(job);
  for (int i = 0; i < 5; ++i) {
    fall_asleep();
    const auto y = job.y.map<float>();
    EXPECT_EQ(y[10], 19);
    y[10] = static_cast<float>(i);
    EXPECT_EQ(y[10], static_cast<float>(i));
    y[10] = 19;
  }
}

/// The card falls asleep and is woken up at every moment that there is.
TEST_F(Sleep, JobsAndSleepMeet) {
  constexpr int kUsers = 4, kJobs = 60;
  set_sleep_after(1ms);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kUsers; ++i) {
    threads.emplace_back([i] {
      User user;
      std::minstd_rand random(static_cast<unsigned>(i) + 1);
      for (int j = 0; j < kJobs; ++j) {
        user.run(static_cast<float>(j));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 8000));
      }
    });
  }
  threads.clear();
  EXPECT_TRUE(wait_for_sleep());
}

TEST_F(Sleep, UnboundAsleep) {
  const Slot slot;
  fall_asleep();
  slot.unbind();
  EXPECT_THROW(user_.run(), halyard::Error);
  slot.bind();
  ASSERT_TRUE(wait_for_device());
  User().run();
  set_sleep_after(kShort);
  EXPECT_TRUE(wait_for_sleep());
}

TEST_F(Sleep, RemovedAsleep) {
  fall_asleep();
  write_file(pci_device() / "remove", "1");
  EXPECT_THROW(user_.run(), halyard::Error);
  write_file("/sys/bus/pci/rescan", "1");
  ASSERT_TRUE(wait_for_device());
  User().run();
  set_sleep_after(kShort);
  EXPECT_TRUE(wait_for_sleep());
}

}  // namespace
}  // namespace halyard::test
