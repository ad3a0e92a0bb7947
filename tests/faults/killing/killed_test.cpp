// SPDX-License-Identifier: MIT
/// \file
/// Clients are killed at random points of whatever they do, and others take their places. In the
/// end nothing is left of them, and the device has not been reset for their sake.

#include "killed_test.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "holdings.hpp"
#include "worker.hpp"

namespace halyard::faults {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Somebody is killed when all together have done so many things at most, or after a while.
constexpr unsigned kMostActions = 10;
constexpr auto kAtLatest = 5s;
/// So many times as long at most when clients have not got round to all that they can do.
constexpr unsigned kPatience = 10;
/// What is left of a process is cleared away in the background.
constexpr auto kClearing = 120s;
/// Slabs are filled and freed in pages, and others use them, too.
constexpr std::uint64_t kSlabSlackKib = 4096;
constexpr std::uint64_t kFileSlack = 64;

/// The clients' end of a socket pair stays open here, so that who takes a dead one's place has it.
struct Pair {
  Pair() {
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  ~Pair() {
    close(ends[0]);
    close(ends[1]);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  int ends[2] = {-1, -1};
};

/// The parent uses no library that has threads, so that it can fork.
class Clients {
 public:
  Clients(Shared& shared, unsigned count, std::mt19937& random)
      : shared_(shared), random_(random), pairs_(count / 2 + 1), processes_(count) {
    for (unsigned i = 0; i < count; ++i)
      processes_[i] = spawn(i);
  }
  ~Clients() {
    for (const pid_t process : processes_)
      kill(process, SIGKILL);
    for (const pid_t process : processes_)
      waitpid(process, nullptr, 0);
  }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  /// Whoever it is; others take the places of those that are dead by now.
  void kill_one() {
    kill(processes_[random_() % processes_.size()], SIGKILL);
    for (pid_t dead = 0; (dead = waitpid(-1, nullptr, WNOHANG)) > 0;) {
      const auto place = std::find(processes_.begin(), processes_.end(), dead);
      *place = spawn(static_cast<unsigned>(place - processes_.begin()));
    }
  }

 private:
  pid_t spawn(unsigned place) {
    const auto seed = static_cast<unsigned>(random_());
    const pid_t process = fork();
    if (process < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (process == 0) use_device(shared_, seed, pairs_[place / 2].ends[place % 2]);
    return process;
  }

  Shared& shared_;
  std::mt19937& random_;
  std::vector<Pair> pairs_;
  std::vector<pid_t> processes_;
};

class KilledTest : public testing::Test {
 protected:
  KilledTest()
      : shared_(*static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~KilledTest() override { munmap(&shared_, sizeof(shared_)); }

  unsigned run(unsigned seconds, std::mt19937& random) {
    Clients clients(shared_, kill_options.clients, random);
    unsigned kills = 0;
    const auto start = Clock::now(), end = start + std::chrono::seconds(seconds);
    const auto last = start + std::chrono::seconds(kPatience * seconds);
    while (Clock::now() < end || (!all_seen() && Clock::now() < last)) {
      await_actions(static_cast<unsigned>(random() % kMostActions));
      clients.kill_one();
      ++kills;
      if (shared_.failures != 0) break;
    }
    return kills;
  }

  [[nodiscard]] bool all_seen() const {
    return shared_.jobs > 0 && shared_.waits > 0 && shared_.received > 0;
  }

  void await_actions(unsigned count) const {
    const auto enough = shared_.actions + count;
    for (const auto end = Clock::now() + kAtLatest; shared_.actions < enough && Clock::now() < end;)
      std::this_thread::sleep_for(1ms);
  }

  /// What is held when it no longer changes for the better.
  static Holdings settle(const Holdings& before) {
    auto now = Holdings::now();
    for (const auto end = Clock::now() + kClearing; Clock::now() < end;) {
      if (now.objects == before.objects && now.dmabufs == before.dmabufs &&
          now.files <= before.files + kFileSlack && now.slab_kib <= before.slab_kib + kSlabSlackKib)
        break;
      std::this_thread::sleep_for(100ms);
      now = Holdings::now();
    }
    return now;
  }

  /// In a process of its own: this one has never opened the device.
  static bool device_works() {
    const pid_t process = fork();
    if (process == 0) {
      Worker worker(0);
      const auto failure = worker.try_again();
      if (failure) std::fprintf(stderr, "%s\n", failure->message.c_str());
      _exit(failure ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    int status = -1;
    return waitpid(process, &status, 0) == process && WIFEXITED(status) &&
           WEXITSTATUS(status) == EXIT_SUCCESS;
  }

  Shared& shared_;
};

TEST_F(KilledTest, ClientsLeaveNothingBehind) {
  std::mt19937 random(kill_options.seed);
  // Who kills is not kept from it by those who are to be killed.
  setpriority(PRIO_PROCESS, 0, -20);
  const auto empty = Holdings::now();
  // Caches fill up first.
  auto kills = run(std::max(kill_options.seconds / 10, 2U), random);
  const auto before = settle(empty);
  ASSERT_EQ(before.objects, empty.objects);

  kills += run(kill_options.seconds, random);
  const auto after = settle(before);
  std::printf(
      "seed %u: %u clients killed %u times; opened %llu, jobs %llu, waits %llu, sent %llu, "
      "received %llu, refused %llu; dma-bufs %llu -> %llu, files %llu -> %llu, slabs %llu -> %llu "
      "KiB, resets %llu -> %llu\n",
      kill_options.seed, kill_options.clients, kills,
      static_cast<unsigned long long>(shared_.opened),
      static_cast<unsigned long long>(shared_.jobs), static_cast<unsigned long long>(shared_.waits),
      static_cast<unsigned long long>(shared_.sent),
      static_cast<unsigned long long>(shared_.received),
      static_cast<unsigned long long>(shared_.refused),
      static_cast<unsigned long long>(before.dmabufs),
      static_cast<unsigned long long>(after.dmabufs), static_cast<unsigned long long>(before.files),
      static_cast<unsigned long long>(after.files),
      static_cast<unsigned long long>(before.slab_kib),
      static_cast<unsigned long long>(after.slab_kib),
      static_cast<unsigned long long>(empty.resets), static_cast<unsigned long long>(after.resets));
  EXPECT_EQ(shared_.failures, 0U) << shared_.failure;
  EXPECT_EQ(after.objects, before.objects);
  EXPECT_EQ(after.dmabufs, before.dmabufs);
  EXPECT_LE(after.files, before.files + kFileSlack);
  EXPECT_LE(after.slab_kib, before.slab_kib + kSlabSlackKib);
  EXPECT_EQ(after.resets, empty.resets) << "resets of the device for the sake of the dead";
  // The clients have been at work, and of every kind.
  EXPECT_GT(shared_.jobs, 0U);
  EXPECT_GT(shared_.waits, 0U);
  EXPECT_GT(shared_.received, 0U);
  EXPECT_TRUE(device_works());
}

}  // namespace
}  // namespace halyard::faults
