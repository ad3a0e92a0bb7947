// SPDX-License-Identifier: MIT
/// \file
/// Time of check, time of use: a thread changes a field of what a call reads, to and fro between a
/// good and a bad value, while another makes the call over and over. Each call ends as it would
/// with the one or with the other, and nothing is done that neither asks for.

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <set>
#include <thread>
#include <type_traits>

#include <gtest/gtest.h>

#include "worker.hpp"

namespace halyard::test {
namespace {

constexpr int kRounds = 400;
constexpr std::uint32_t kGuard = 0x900d900d;
constexpr std::uint32_t kPattern = 0x77;
constexpr std::uint32_t kFarOut = 0x10000000;
/// Sets one byte only: a copy of several bytes may take some of either value, and a third one of
/// that.
constexpr std::uint32_t kTopByte = 0xff000000;

/// Changes a word to and fro until it is destroyed.
template <typename Word>
class Flipper {
 public:
  Flipper(Word& word, Word bad)
      : thread_([&word, good = word, bad](const std::stop_token& stop) {
          const std::atomic_ref<Word> target(word);
          while (!stop.stop_requested()) {
            target.store(bad, std::memory_order_relaxed);
            target.store(good, std::memory_order_relaxed);
          }
        }) {}

 private:
  std::jthread thread_;
};

/// A job that writes to one object; another one of the same client's must stay as it is.
class Race : public testing::Test {
 protected:
  void SetUp() override {
    target_ = worker_->make(kPage);
    guard_ = worker_->make(kPage);
    guard_map_ = client().map(guard_.handle, kPage);
    std::ranges::fill(guard_map_.as<std::uint32_t>(), kGuard);
    job_ = worker_->fill(target_, 0, kPage, kPattern);
    job_.signal(timeline_, 1);
    raw_ = job_.raw();
  }

  void TearDown() override {
    const auto words = guard_map_.as<std::uint32_t>();
    EXPECT_TRUE(std::ranges::all_of(words, [](auto word) { return word == kGuard; }));
    EXPECT_EQ(worker_->attempt(worker_->fill(target_, 0, kPage, 1)), 1);
  }

  [[nodiscard]] Client& client() { return worker_->client(); }

  /// Submits while the word is changed. All ends are among those expected, and both come.
  template <typename Word>
  void expect_either(Word& word, std::type_identity_t<Word> bad, int refusal) {
    const std::uint64_t before = client().query(job_.queue).submitted;
    std::uint64_t accepted = 0;
    std::set<int> ends;
    {
      const Flipper<Word> flipper(word, bad);
      for (int i = 0; i < kRounds * 20 && (i < kRounds || ends.size() < 2); ++i) {
        const int end = client().submit(std::span(&raw_, 1));
        accepted += end == 0 ? 1 : 0;
        ends.insert(end);
      }
    }
    EXPECT_EQ(ends, (std::set<int>{0, refusal}));
    EXPECT_EQ(client().query(job_.queue).submitted, before + accepted);
    EXPECT_EQ(client().wait(timeline_, 1), 0);
  }

  std::unique_ptr<Worker> worker_ = make_worker();
  Target target_, guard_;
  Mapping guard_map_;
  AnyJob job_;
  drm_halyard_job raw_{};
  std::uint32_t timeline_ = client().make_syncobj();
};

TEST_F(Race, QueueOfAJob) {
  expect_either(raw_.queue_id, raw_.queue_id + 1000, ENOENT);
}

TEST_F(Race, SizeOfAPayload) {
  expect_either(raw_.payload_size, raw_.payload_size | kTopByte, EINVAL);
}

TEST_F(Race, PointerToAPayload) {
  expect_either(raw_.payload, raw_.payload | std::uint64_t{kTopByte} << 32U, EFAULT);
}

TEST_F(Race, FlagsOfAJob) {
  expect_either(raw_.flags, 1U, EINVAL);
}

TEST_F(Race, NumberOfBuffers) {
  expect_either(raw_.buffers.count, raw_.buffers.count | kTopByte, E2BIG);
}

TEST_F(Race, StrideOfBuffers) {
  expect_either(raw_.buffers.stride, raw_.buffers.stride | kTopByte, EINVAL);
}

TEST_F(Race, NumberOfSyncs) {
  expect_either(raw_.syncs.count, raw_.syncs.count | kTopByte, E2BIG);
}

TEST_F(Race, HandleOfABuffer) {
  expect_either(job_.buffers.back().handle, 0x7fffffffU, ENOENT);
}

TEST_F(Race, FlagsOfABuffer) {
  expect_either(job_.buffers.back().flags, 0x80000000U, EINVAL);
}

TEST_F(Race, HandleOfASyncobj) {
  expect_either(job_.syncs.back().handle, 0x7fffffffU, ENOENT);
}

TEST_F(Race, PointOfASyncobj) {
  expect_either(job_.syncs.back().timeline_value, std::uint64_t{0}, EINVAL);
}

/// The command stream itself, which user space can write to at any time: where a command writes to
/// is in the buffer, or far out of it. Whoever checks, driver or card, uses what it has checked.
TEST_F(Race, CommandStream) {
  constexpr std::uint32_t kSlot = 0x155;
  constexpr std::uint32_t kOffset = kSlot * sizeof(std::uint64_t);
  AnyJob job = worker_->stamps(target_, kSlot, 1);
  const auto stream = worker_->newest_stream();
  const auto word = std::ranges::find(stream, kOffset);
  ASSERT_NE(word, stream.end());
  job.queue = worker_->make_stamp_queue(DRM_HALYARD_PRIORITY_NORMAL);
  std::set<int> ends;
  for (int i = 0; i < kRounds && (i < kRounds / 4 || ends.size() < 2); ++i) {
    AnyJob once = job;
    const std::uint32_t done = client().make_syncobj();
    // Each time it begins with the other one: on a busy machine the thread may come too late.
    const bool far = i % 2 != 0;
    *word = far ? kOffset + kFarOut : kOffset;
    const Flipper<std::uint32_t> flipper(*word, far ? kOffset : kOffset + kFarOut);
    const int refused = client().submit(once.signal(done));
    ends.insert(-refused);
    if (refused != 0) continue;
    ASSERT_EQ(client().wait(done), 0);
    const int end = client().status(done);
    ends.insert(end == 1 ? 0 : end);
    if (end == 1) continue;
    ASSERT_EQ(client().queue_destroy(job.queue), 0);
    job.queue = worker_->make_stamp_queue(DRM_HALYARD_PRIORITY_NORMAL);
  }
  for (const int end : ends)
    EXPECT_TRUE(end == 0 || end == -EFAULT || end == -EINVAL) << end;
  EXPECT_GE(ends.size(), 2U) << "the race never went one of the two ways";
}

}  // namespace
}  // namespace halyard::test
