// SPDX-License-Identifier: MIT
/// \file
/// Hangs, crashes and garbage: who is guilty loses, all others go on, and memory keeps what it
/// holds.

#include <cerrno>

#include <gtest/gtest.h>

#include "jobs.hpp"

namespace halyard::test {
namespace {

class Recovery : public testing::Test {
 protected:
  Mover client_;
  std::uint32_t keepsake_ = 0;

  void SetUp() override {
    keepsake_ = client_.make_bo(kMiB);
    ASSERT_EQ(client_.fill_bo(keepsake_, kMiB, 0x600d), 1);
  }

  void TearDown() override {
    inject("none");
    // Whatever happened: memory and a new queue work.
    const Mover other;
    EXPECT_EQ(other.fill_bo(other.make_bo(kMiB), kMiB, 1), 1);
    EXPECT_TRUE(holds(client_.map(keepsake_, kMiB).as<std::uint32_t>(), 0x600d));
  }

  /// A job of a queue of its own, to which this happens. Its object is on the card before, so that
  /// no copy of the core's is in the way.
  [[nodiscard]] int run_with(const char* kind, unsigned argument = 0) {
    const auto handle = client_.make_bo(4096);
    EXPECT_EQ(client_.fill_bo(handle, 4096, 1), 1);
    queue_ = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_DMA);
    if (kind != nullptr) {
      inject(kind, -1, 0, 1, argument);
    }
    return client_.run(fill(queue_, handle, 4096, 2));
  }
  [[nodiscard]] int run_fill() { return run_with(nullptr); }

  std::uint32_t queue_ = 0;
};

TEST_F(Recovery, OfAHang) {
  EXPECT_EQ(run_with("hang"), -ETIME);
  EXPECT_EQ(client_.query(queue_).fault_cause, std::uint32_t{DRM_HALYARD_FAULT_TIMEOUT});
  EXPECT_EQ(client_.fill_bo(keepsake_, 4096, 0x600d), 1);
}

TEST_F(Recovery, OfALostInterrupt) {
  EXPECT_EQ(run_with("irq_lost"), 1);
}

TEST_F(Recovery, OfASpuriousInterrupt) {
  for (unsigned vector = 0; vector < 4; ++vector) {
    inject("irq_spurious", -1, 0, 1, vector);
  }
  EXPECT_EQ(run_fill(), 1);
}

TEST_F(Recovery, OfAMemoryError) {
  EXPECT_EQ(run_with("ecc", 1), -EBADMSG);
  EXPECT_EQ(client_.query(queue_).fault_cause, std::uint32_t{DRM_HALYARD_FAULT_MEMORY_ERROR});
}

TEST_F(Recovery, OfAResponseOfAnotherJob) {
  EXPECT_EQ(run_with("response_bad_id", 4711), -EIO);
}

TEST_F(Recovery, OfALateResponse) {
  EXPECT_EQ(run_with("response_late", 200000), 1);
}

/// In the midst of a job: the card is reset, its firmware loaded anew, the job runs again.
TEST_F(Recovery, OfACrashOfTheFirmware) {
  EXPECT_EQ(run_with("firmware_crash"), 1);
}

TEST_F(Recovery, OfAnAdminRequestWithoutAnswer) {
  constexpr int kQueueDestroy = 4;
  const auto queue = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_DMA);
  inject("admin_lost", kQueueDestroy);
  EXPECT_EQ(client_.queue_destroy(queue), 0);
  EXPECT_EQ(run_fill(), 1);
}

TEST_F(Recovery, OfAnAnswerToNobody) {
  constexpr int kQueueDestroy = 4;
  const auto queue = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_DMA);
  inject("admin_bad_id", kQueueDestroy, 0, 1, 0xbad);
  EXPECT_EQ(client_.queue_destroy(queue), 0);
  EXPECT_EQ(run_fill(), 1);
}

TEST_F(Recovery, OfAnAnswerOfImpossibleSize) {
  constexpr int kQueueDestroy = 4;
  const auto queue = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_DMA);
  inject("admin_bad_size", kQueueDestroy, 0, 1, 0xffffffff);
  EXPECT_EQ(client_.queue_destroy(queue), 0);
  EXPECT_EQ(run_fill(), 1);
}

TEST_F(Recovery, OfARefusedRequest) {
  constexpr int kQueueCreate = 3;
  inject("admin_fails", kQueueCreate, 0, 1, 3);
  drm_halyard_queue_create create{};
  create.vm_id = client_.vm();
  create.engine_class = DRM_HALYARD_SLOOP_ENGINE_DMA;
  create.priority = DRM_HALYARD_PRIORITY_NORMAL;
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_QUEUE_CREATE, create), EIO);
}

/// The next rung: the hung queue's engine does not come back, so the card is reset.
TEST_F(Recovery, OfAHangThatNeedsTheCardReset) {
  constexpr int kQueueDestroy = 4;
  inject("admin_lost", kQueueDestroy, 0, 1);
  inject("engine_reset_fails");
  EXPECT_EQ(run_with("hang"), -ETIME);
}

}  // namespace
}  // namespace halyard::test
