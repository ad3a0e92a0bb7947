// SPDX-License-Identifier: MIT
/// \file
/// Each rung of recovery that is the chip's own, on whatever chip, when recovery begins there: the
/// guilty is named, and the innocent lose nothing.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "lost.hpp"
#include "user.hpp"

namespace halyard::test {
namespace {

/// By the kernel's number of the rung. The function's, which is the bus's, is for cards that did
/// not obey a reset before: tests of the chips with such errors.
constexpr std::array<const char*, kRungs - 1> kNames{"Queue", "Engine", "Device"};

class Rung : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(wait_for_device());
    std::ifstream(debugfs_folder() + "/timeout_ms") >> timeout_ms_;
    set_recovery_from(GetParam());
  }
  void TearDown() override {
    set_recovery_from(0);
    set_timeout_ms(timeout_ms_);
  }

  unsigned timeout_ms_ = 0;
};

INSTANTIATE_TEST_SUITE_P(, Rung, testing::Range(0U, static_cast<unsigned>(kNames.size())),
                         [](const auto& rung) { return kNames.at(rung.param); });

TEST_P(Rung, GuiltyIsNamedAndInnocentLoseNothing) {
  User guilty, innocent;
  for (const User* user : {&guilty, &innocent})
    ASSERT_EQ(user->worker->client().run(user->job), 1);
  innocent.memory.as<std::uint32_t>()[0] = 0;
  const Resets before = resets();
  // Nobody is found out before both have their jobs where they belong.
  set_timeout_ms(60000);
  inject("hang");
  guilty.submit({});
  ASSERT_TRUE(wait_for_injection());
  innocent.submit({});
  set_timeout_ms(300);

  EXPECT_EQ(end_of(guilty.fences.front()), -ETIME);
  for (std::size_t i = 1; i < guilty.fences.size(); ++i)
    EXPECT_EQ(end_of(guilty.fences[i]), -ECANCELED) << i;
  for (const File& fence : innocent.fences)
    EXPECT_EQ(end_of(fence), 1);
  EXPECT_EQ(innocent.memory.as<std::uint32_t>()[0], kPattern);

  const auto found = guilty.worker->client().query(guilty.job.queue);
  EXPECT_EQ(found.state, DRM_HALYARD_QUEUE_BANNED);
  EXPECT_EQ(found.fault_cause, DRM_HALYARD_FAULT_TIMEOUT);
  EXPECT_EQ(innocent.worker->client().query(innocent.job.queue).state, DRM_HALYARD_QUEUE_ACTIVE);
  // Counted when it is over, and some are at work by then. The chip may not have such a rung.
  for (int i = 0; i < 400 && resets()[GetParam()] == before[GetParam()]; ++i)
    sleep_ms(10);
  const Resets after = resets();
  EXPECT_EQ(after[GetParam()] - before[GetParam()], 1U);
  for (unsigned rung = 0; rung < GetParam(); ++rung)
    EXPECT_EQ(after[rung], before[rung]) << kNames.at(rung);
}

}  // namespace
}  // namespace halyard::test
