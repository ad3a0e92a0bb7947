// SPDX-License-Identifier: MIT
#include "fault_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <thread>

namespace halyard::faults {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// What is armed happens at the next work, which never pauses for long.
constexpr auto kPatience = 60s;
constexpr auto kLook = 2ms;

struct Load {
  const char* name;
  unsigned clients;
  bool busy;  ///< the clients are at work before anything is injected
};
constexpr std::array<Load, 3> kLoads = {
    {{"idle", 1, false}, {"busy", 1, true}, {"sixteen", 16, true}}};

/// Every injection has a line in the chip's table, and the table names no other.
class TableTest : public testing::Test {
 public:
  explicit TableTest(Session& session) : session_(session) {}
  void TestBody() override {
    const auto kinds = session_.card.kinds();
    std::set<std::string> listed;
    for (const auto& one : session_.cases)
      listed.insert(one.kind());
    EXPECT_THAT(listed, testing::UnorderedElementsAreArray(kinds))
        << "tests/vm/" << session_.card.chip() << "/faults.txt and what the card offers differ";
  }

 private:
  Session& session_;
};

class FaultTest : public testing::Test {
 public:
  FaultTest(Session& session, const Case& fault, const Load& load)
      : session_(session),
        card_(session.card),
        fault_(fault),
        load_(load),
        workers_(session.workers) {}

  void TestBody() override;

 private:
  void SetUp() override;
  void TearDown() override;

  void make_workers();
  void round();
  bool arm();
  unsigned await_fired();
  bool settle();
  void judge();
  void judge_guilty(const Worker& worker, const Failure& failure);
  void judge_rungs(const Resets& before);
  void expect_usable();

  Session& session_;
  const Card& card_;
  const Case& fault_;
  const Load& load_;
  Row row_;
  std::vector<std::unique_ptr<Worker>>& workers_;  ///< those of the test before, as a rule
};

void FaultTest::SetUp() {
  row_.fault = fault_.name;
  row_.load = load_.name;
  // A test before may have left no device behind, which was its failure.
  if (!card_.exists()) card_.revive();
  ASSERT_TRUE(card_.inject("none"));
  card_.set_timeout(session_.options.timeout_ms);
  if (workers_.size() != load_.clients) {
    ASSERT_NO_FATAL_FAILURE(make_workers());
  }
  for (const auto& worker : workers_)
    worker->set_churn(fault_.churn);
}

void FaultTest::make_workers() {
  workers_.clear();
  for (unsigned i = 0; i < load_.clients; ++i) {
    workers_.push_back(std::make_unique<Worker>(i));
    // What it uses is where jobs need it from now on: what happens, happens to its jobs.
    const auto failure = workers_.back()->try_again();
    ASSERT_FALSE(failure) << workers_.back()->name() << " can't begin: " << failure->message;
  }
}

void FaultTest::TearDown() {
  if (HasFailure()) workers_.clear();
  if (card_.exists()) static_cast<void>(card_.inject("none"));
  session_.rows.push_back(row_);
}

void FaultTest::TestBody() {
  // A rung that fails is waited for, which takes long.
  const bool slow =
      fault_.outcome == Outcome::kLost || (fault_.rung != kNoRung && fault_.rung != kQueue);
  const unsigned rounds =
      slow ? std::max(session_.options.rounds / 8, 1U) : session_.options.rounds;
  for (unsigned i = 0; i < rounds && !HasFailure(); ++i) {
    SCOPED_TRACE("round " + std::to_string(i) + ", seed " + std::to_string(session_.options.seed));
    round();
  }
}

/// Arms everything; what starts the trouble comes last in the table's line.
bool FaultTest::arm() {
  for (const auto& injection : fault_.injections) {
    if (!card_.inject(injection.line(session_.random))) return false;
  }
  return true;
}

/// Events spoilt when all have been, or when the time is over.
unsigned FaultTest::await_fired() {
  unsigned fired = 0;
  for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
    fired = card_.fired().value_or(fired);
    if (fired >= fault_.events()) break;
    if (fault_.outcome == Outcome::kLost && !card_.exists()) return fault_.events();
    std::this_thread::sleep_for(kLook);
  }
  // A card without a link answers with ones.
  return std::min(fired, fault_.events());
}

/// Whatever was under way when it happened is over, and something that came after it.
bool FaultTest::settle() {
  for (const auto& worker : workers_)
    worker->finish();
  for (const auto& worker : workers_) {
    if (worker->wait_idle()) continue;
    ADD_FAILURE() << worker->name() << " waits for ever";
    return false;
  }
  return true;
}

void FaultTest::round() {
  std::uint64_t verified = 0, ended = 0;
  for (const auto& worker : workers_) {
    verified += worker->verified();
    ended += worker->ended();
  }
  const auto before = card_.resets();
  if (load_.busy) {
    for (const auto& worker : workers_)
      worker->start();
    for (const auto& worker : workers_)
      ASSERT_TRUE(worker->wait_busy());
  }
  const auto start = Clock::now();
  ++row_.injected;
  ASSERT_TRUE(arm());
  if (!load_.busy) {
    for (const auto& worker : workers_)
      worker->start();
  }
  const auto fired = await_fired();
  row_.fired += fired;
  EXPECT_EQ(fired, fault_.events()) << "not all of it has happened";
  ASSERT_TRUE(settle());
  judge();
  if (fault_.outcome != Outcome::kLost) {
    judge_rungs(before);
    ASSERT_TRUE(card_.inject("none"));
    std::uint64_t verified_now = 0, ended_now = 0;
    for (const auto& worker : workers_) {
      verified_now += worker->verified();
      ended_now += worker->ended();
    }
    row_.verified += verified_now - verified;
    // The right results come from the card: so many jobs the driver has seen end.
    EXPECT_GE(ended_now - ended, verified_now - verified);
  }
  expect_usable();
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  row_.worst = std::max(row_.worst, time);
  if (!HasFailure()) ++row_.recovered;
}

/// Who lost what, and whether it was theirs to lose.
void FaultTest::judge() {
  const auto banned = card_.exists() ? card_.banned() : std::vector<std::string>{};
  std::vector<std::string> guilty;
  for (const auto& worker : workers_) {
    if (!worker->failure()) continue;
    const auto& failure = *worker->failure();
    // A job may have done all its work before it failed: then the next call tells, of the queue.
    const bool late = failure.refused && failure.status == HALYARD_QUEUE_BANNED;
    const bool is_named = halyard_status_name(failure.status) == "HALYARD_" + fault_.status;
    const bool is_guilty = fault_.outcome == Outcome::kLost ||
                           (fault_.outcome == Outcome::kRefused && failure.refused) ||
                           (fault_.outcome == Outcome::kGuilty && (is_named || late));
    if (failure.wrong || !is_guilty) {
      ++row_.lost;
      ADD_FAILURE() << worker->name()
                    << " is innocent and lost a job: " << halyard_status_name(failure.status)
                    << ", " << failure.message;
      continue;
    }
    guilty.push_back(worker->name());
  }
  switch (fault_.outcome) {
    case Outcome::kHarmless:
      EXPECT_THAT(banned, testing::IsEmpty());
      break;
    case Outcome::kRefused:
      EXPECT_EQ(guilty.size(), 1U) << "calls that were refused";
      EXPECT_THAT(banned, testing::IsEmpty());
      break;
    case Outcome::kGuilty:
      if (guilty.size() > 1) row_.lost += guilty.size() - 1;
      EXPECT_EQ(guilty.size(), 1U) << "clients that are blamed";
      EXPECT_EQ(banned, guilty);
      break;
    case Outcome::kLost:
      EXPECT_EQ(guilty.size(), workers_.size()) << "clients that hear of it";
      EXPECT_TRUE(card_.wait_gone()) << "the device is still there";
      break;
  }
}

/// The gentlest means that works is the last that is tried.
void FaultTest::judge_rungs(const Resets& before) {
  auto after = card_.resets();
  // A reset counts when all queues have been given back, and some are at work by then.
  for (const auto end = Clock::now() + kPatience;
       fault_.rung != kNoRung && after[fault_.rung] == before[fault_.rung] && Clock::now() < end;) {
    std::this_thread::sleep_for(kLook);
    after = card_.resets();
  }
  for (std::size_t rung = 0; rung < kRungs; ++rung) {
    const auto times = after[rung] - before[rung];
    if (rung == fault_.rung) {
      EXPECT_GE(times, 1U) << "resets of the " << kRungNames[rung];
    } else if (fault_.rung == kNoRung || rung > fault_.rung) {
      EXPECT_EQ(times, 0U) << "resets of the " << kRungNames[rung];
    }
  }
}

/// Who failed goes on with a new queue, and a client that comes now finds a device that works.
void FaultTest::expect_usable() {
  if (fault_.outcome == Outcome::kLost) {
    workers_.clear();
    card_.revive();
    ASSERT_TRUE(card_.exists());
    card_.set_timeout(session_.options.timeout_ms);
    ASSERT_NO_FATAL_FAILURE(make_workers());
    for (const auto& worker : workers_)
      worker->set_churn(fault_.churn);
  }
  for (const auto& worker : workers_) {
    if (!worker->failure()) continue;
    const auto failure = worker->try_again();
    EXPECT_FALSE(failure) << worker->name() << " can't go on: " << failure->message;
  }
  // First the old one: a chip may have no more queues than there are clients.
  workers_.front().reset();
  workers_.front() = std::make_unique<Worker>(0);
  workers_.front()->set_churn(fault_.churn);
  const auto failure = workers_.front()->try_again();
  EXPECT_FALSE(failure) << "a new client finds no device that works: " << failure->message;
}

}  // namespace

void register_tests(Session& session) {
  testing::RegisterTest("Table", "CoversWhatTheCardOffers", nullptr, nullptr, __FILE__, __LINE__,
                        [&session]() -> testing::Test* { return new TableTest(session); });
  for (const auto& load : kLoads) {
    for (const auto& fault : session.cases) {
      testing::RegisterTest((std::string("Faults/") + load.name).c_str(), fault.name.c_str(),
                            nullptr, nullptr, __FILE__, __LINE__,
                            [&session, &fault, &load]() -> testing::Test* {
                              return new FaultTest(session, fault, load);
                            });
    }
  }
}

}  // namespace halyard::faults
