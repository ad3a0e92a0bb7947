// SPDX-License-Identifier: MIT
/// \file
/// Who gets how much of the card, and when, by the card's own clock: each command of a job is
/// followed by one that stores the card's time, so that the order of all of them is known
/// afterwards however slow the machine around the card was.

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "worker.hpp"

namespace halyard::test {
namespace {

using Stamps = std::vector<std::uint64_t>;

constexpr std::uint32_t kCommands = 4;  ///< of a job
constexpr unsigned kHoldUs = 1'500'000;
/// What each command takes at least, so that all take as long on however busy a machine.
constexpr unsigned kCommandUs = 2'000;

/// Engines of the class of make_stamp_queue().
unsigned engines_of(const Client& client) {
  std::array<drm_halyard_query_engine, 8> engines{};
  drm_halyard_dev_query argument{.type = DRM_HALYARD_QUERY_ENGINES,
                                 .size = sizeof(engines),
                                 .pointer = reinterpret_cast<std::uint64_t>(engines.data())};
  require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  return engines[0].count;
}

std::uint64_t card_time(const Client& client) {
  return client.device().timestamp;
}

/// Runs jobs once, so that all that they use is where it is to be.
void warm_up(Worker& worker, const std::vector<AnyJob>& jobs) {
  for (const AnyJob& job : jobs)
    require(worker.client().run(job) == 1 ? 0 : EIO, "a job");
}

/// Keeps every engine at one command while jobs are submitted that are to begin together. It does
/// so as a user of its own, because what it takes counts.
class Gate {
 public:
  Gate() : engines_(engines_of(Client())) {
    require(pipe(ready_.data()) == 0 && pipe(go_.data()) == 0 ? 0 : errno, "pipe");
    pid_ = fork_child(false);
    if (pid_ == 0) _Exit(hold());
    char byte = 0;
    require(read(ready_[0], &byte, 1) == 1 ? 0 : EIO, "a process that holds the engines");
    inject("slow", -1, 0, engines_, kHoldUs);
    require(write(go_[1], &byte, 1) == 1 ? 0 : errno, "write");
    for (int i = 0; i < 4000 && injected() < engines_; ++i)
      sleep_ms(5);
    require(injected() < engines_ ? ETIME : 0, "hold the engines");
    inject("slow", -1, 0, 1'000'000, kCommandUs);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    inject("none");
    EXPECT_EQ(wait_child(pid_), 0);
    for (const int fd : {ready_[0], ready_[1], go_[0], go_[1]})
      close(fd);
  }
  [[nodiscard]] unsigned engines() const { return engines_; }

 private:
  int hold() {
    if (setgid(kNobody - 1) != 0 || setuid(kNobody - 1) != 0) return 1;
    const auto worker = make_worker();
    const Target target = worker->make(kPage);
    std::vector<AnyJob> jobs;
    for (unsigned i = 0; i < engines_; ++i) {
      jobs.push_back(worker->stamps(target, i, 1));
      jobs.back().queue = worker->make_stamp_queue(DRM_HALYARD_PRIORITY_NORMAL);
    }
    warm_up(*worker, jobs);
    const std::uint32_t done = worker->client().make_syncobj();
    char byte = 0;
    if (write(ready_[1], &byte, 1) != 1 || read(go_[0], &byte, 1) != 1) return 2;
    for (unsigned i = 0; i < engines_; ++i)
      require(worker->client().submit(jobs[i].signal(done, i + 1)), "SUBMIT");
    for (unsigned i = 0; i < engines_; ++i)
      require(worker->client().wait(done, i + 1), "SYNCOBJ_WAIT");
    return 0;
  }

  unsigned engines_;
  std::array<int, 2> ready_{}, go_{};
  int pid_ = 0;
};

/// A client that keeps some queues busy.
class Competitor {
 public:
  Competitor(unsigned queues, unsigned jobs)
      : stamps_(queues * jobs * kCommands), target_(worker_->make(bytes())) {
    map_ = worker_->client().map(target_.handle, target_.size);
    for (unsigned q = 0; q < queues; ++q)
      queues_.push_back(worker_->make_stamp_queue(DRM_HALYARD_PRIORITY_NORMAL));
    for (unsigned i = 0; i < queues * jobs; ++i) {
      jobs_.push_back(worker_->stamps(target_, i * kCommands, kCommands));
      jobs_.back().queue = queues_[i % queues];
    }
    warm_up(*worker_, jobs_);
  }

  void submit() {
    done_ = worker_->client().make_syncobj();
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      AnyJob& job = jobs_[i];
      if (i + queues_.size() >= jobs_.size()) job.signal(done_, i + 1);
      require(worker_->client().submit(job), "SUBMIT");
    }
  }

  /// When each command was done, in order. Waits for all of them.
  Stamps finish() {
    for (std::size_t i = jobs_.size() - queues_.size(); i < jobs_.size(); ++i)
      require(worker_->client().wait(done_, i + 1, 120000), "SYNCOBJ_WAIT");
    const auto words = map_.as<std::uint64_t>().first(stamps_);
    Stamps stamps(words.begin(), words.end());
    std::ranges::sort(stamps);
    return stamps;
  }

 private:
  [[nodiscard]] std::uint64_t bytes() const {
    return (stamps_ * sizeof(std::uint64_t) + kPage - 1) / kPage * kPage;
  }

  std::unique_ptr<Worker> worker_ = make_worker();
  std::size_t stamps_;
  Target target_;
  Mapping map_;
  std::vector<std::uint32_t> queues_;
  std::vector<AnyJob> jobs_;
  std::uint32_t done_ = 0;
};

std::size_t count_between(const Stamps& stamps, std::uint64_t from, std::uint64_t to) {
  return static_cast<std::size_t>(std::ranges::upper_bound(stamps, to) -
                                  std::ranges::lower_bound(stamps, from));
}

/// 1 when all are equal, 1 / n when one has everything.
double jain(const std::vector<std::size_t>& parts) {
  double sum = 0, squares = 0;
  for (const std::size_t part : parts) {
    sum += static_cast<double>(part);
    squares += static_cast<double>(part) * static_cast<double>(part);
  }
  return sum * sum / (static_cast<double>(parts.size()) * squares);
}

class Fairness : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(chmod(device_node().c_str(), 0666), 0); }
};

/// One after the other they come with all that they have; while all have something left, all get
/// the same.
TEST_F(Fairness, EightEqualClients) {
  constexpr std::size_t kClients = 8;
  std::vector<std::unique_ptr<Competitor>> clients;
  for (std::size_t i = 0; i < kClients; ++i)
    clients.push_back(std::make_unique<Competitor>(1, 12));
  const Gate gate;
  for (const auto& client : clients)
    client->submit();
  std::vector<Stamps> stamps;
  for (const auto& client : clients)
    stamps.push_back(client->finish());

  std::uint64_t end = ~std::uint64_t{0};
  std::size_t all = 0;
  for (const Stamps& of_one : stamps) {
    end = std::min(end, of_one.back());
    all += of_one.size();
  }
  std::vector<std::size_t> parts;
  for (const Stamps& of_one : stamps)
    parts.push_back(count_between(of_one, 0, end));
  const std::size_t together = std::accumulate(parts.begin(), parts.end(), std::size_t{0});
  EXPECT_GT(together, all / 2) << "they hardly met";
  EXPECT_GE(jain(parts), 0.95) << testing::PrintToString(parts);
  RecordProperty("jain", std::to_string(jain(parts)));
}

/// What a flood does to one with a single queue: of what was done in his time he has as much as is
/// his, an engine's worth where there are several.
void expect_share(const Stamps& victim, const Stamps& flood, unsigned engines) {
  const auto others = static_cast<double>(count_between(flood, 0, victim.back()));
  const auto own = static_cast<double>(victim.size());
  const double fair = engines > 1 ? static_cast<double>(engines - 1) : 1;
  EXPECT_LE(others, own * fair * 1.25 + kCommands * engines);
  testing::Test::RecordProperty("others_per_own", std::to_string(others / own));
}

TEST_F(Fairness, ManyQueuesOfOneClientGetNoMore) {
  const std::uint32_t queues = std::min(Client().limits().queues_max - 8, 16U);
  Competitor flood(queues, 8), victim(1, 12);
  const Gate gate;
  flood.submit();
  victim.submit();
  const Stamps of_victim = victim.finish();
  expect_share(of_victim, flood.finish(), gate.engines());
}

/// Files and address spaces are had for the asking, so they do not help another user either.
TEST_F(Fairness, ManyClientsOfAnotherUserGetNoMore) {
  constexpr unsigned kClients = 4, kQueues = 1, kJobs = 16;
  constexpr std::size_t kStamps = std::size_t{kClients} * kQueues * kJobs * kCommands;
  void* const memory = mmap(nullptr, kStamps * sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::span seen(static_cast<std::uint64_t*>(memory), kStamps);
  std::array<int, 2> go{}, flooded{};
  ASSERT_EQ(pipe(go.data()), 0);
  ASSERT_EQ(pipe(flooded.data()), 0);

  const int pid = fork_child(true);
  if (pid == 0) {
    std::vector<std::unique_ptr<Competitor>> clients;
    for (unsigned i = 0; i < kClients; ++i)
      clients.push_back(std::make_unique<Competitor>(kQueues, kJobs));
    char byte = 0;
    if (write(flooded[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) _Exit(1);
    for (const auto& client : clients)
      client->submit();
    if (write(flooded[1], &byte, 1) != 1) _Exit(2);
    auto at = seen.begin();
    for (const auto& client : clients)
      at = std::ranges::copy(client->finish(), at).out;
    _Exit(0);
  }
  Competitor victim(1, 12);
  char byte = 0;
  ASSERT_EQ(read(flooded[0], &byte, 1), 1);
  const Gate gate;
  ASSERT_EQ(write(go[1], &byte, 1), 1);
  ASSERT_EQ(read(flooded[0], &byte, 1), 1);
  victim.submit();
  const Stamps of_victim = victim.finish();
  ASSERT_EQ(wait_child(pid), 0);
  Stamps flood(seen.begin(), seen.end());
  std::ranges::sort(flood);
  expect_share(of_victim, flood, gate.engines());
  munmap(memory, kStamps * sizeof(std::uint64_t));
  for (const int fd : {go[0], go[1], flooded[0], flooded[1]})
    close(fd);
}

/// Many queues of the same client wait for the engines; the urgent one's job does not wait for
/// them, but for no more than the command that is under way. Where jobs are not interrupted it is
/// the job: these have one command.
TEST_F(Fairness, UrgentJobStartsWithinOneCommand) {
  constexpr unsigned kLongUs = 100'000;
  const auto worker = make_worker();
  Client& client = worker->client();
  const unsigned engines = engines_of(client);
  const unsigned queues = 4 * engines;
  const Target target = worker->make(kPage);
  const Mapping map = client.map(target.handle, kPage);
  std::vector<AnyJob> normal;
  for (unsigned i = 0; i < queues; ++i) {
    normal.push_back(worker->stamps(target, i, 1));
    normal.back().queue = worker->make_stamp_queue(DRM_HALYARD_PRIORITY_NORMAL);
  }
  AnyJob urgent = worker->stamps(target, queues, 1);
  urgent.queue = worker->make_stamp_queue(DRM_HALYARD_PRIORITY_HIGH);
  warm_up(*worker, normal);
  warm_up(*worker, {urgent});
  const std::uint32_t done = client.make_syncobj();
  urgent.signal(done);
  inject("slow", -1, 0, 1000, kLongUs);
  for (const AnyJob& job : normal)
    ASSERT_EQ(client.submit(job), 0);
  ASSERT_TRUE(wait_for_injection());
  ASSERT_EQ(client.submit(urgent), 0);
  const std::uint64_t submitted = card_time(client);
  ASSERT_EQ(client.wait(done), 0);
  for (const AnyJob& job : normal)
    ASSERT_EQ(client.queue_destroy(job.queue), 0);
  inject("none");

  const auto words = map.as<std::uint64_t>();
  const std::uint64_t reached = words[queues];
  ASSERT_GT(reached, submitted);
  Stamps others(words.begin(), words.begin() + queues);
  std::ranges::sort(others);
  // One on its engine, and on the others what they do in the time of the urgent job's own two.
  EXPECT_LE(count_between(others, submitted, reached), 1 + 2 * (engines - 1));
}

}  // namespace
}  // namespace halyard::test
