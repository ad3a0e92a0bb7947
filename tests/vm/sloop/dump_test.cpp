// SPDX-License-Identifier: MIT
/// \file
/// What is kept of failures of the card. Each test takes what it has caused: none meets another's.

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "dumps.hpp"
#include "jobs.hpp"

namespace halyard::test {
namespace {

class Dump : public testing::Test {
 protected:
  static void SetUpTestSuite() { drop_dumps(); }

  void SetUp() override {
    // On the card before, so that no copy of the core's is in the way.
    handle_ = client_.make_bo(4096);
    ASSERT_EQ(client_.fill_bo(handle_, 4096, 1), 1);
    queue_ = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_DMA);
  }
  void TearDown() override { inject("none"); }

  /// What the job was, as submitted and as the card read it.
  static void expect_job(const TakenDump& dump) {
    ASSERT_EQ(dump.size("payload"), sizeof(drm_halyard_sloop_payload));
    for (const char* section : {"payload", "jobs"}) {
      EXPECT_EQ(dump.word(section, offsetof(drm_halyard_sloop_payload, pattern)), 0xfeedfaceU);
      EXPECT_EQ(dump.word(section, offsetof(drm_halyard_sloop_payload, size)), 4096U);
    }
    EXPECT_TRUE(dump.has("requests"));
    EXPECT_TRUE(dump.has("answers"));
    EXPECT_EQ(dump.line("queue", "class"), "dma");
    EXPECT_EQ(dump.line("firmware", "file"), "halyard/sloop.fw");
    EXPECT_EQ(dump.line("firmware", "state"), "running");
    EXPECT_NE(dump.line("firmware", "version"), "");
  }

  Mover client_;
  std::uint32_t handle_ = 0;
  std::uint32_t queue_ = 0;
};

TEST_F(Dump, OfAMemoryError) {
  inject("ecc", -1, 0, 1, 1);
  EXPECT_EQ(client_.run(fill(queue_, handle_, 4096, 0xfeedface)), -EBADMSG);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  EXPECT_EQ(dump.line("device", "chip"), "sloop");
  EXPECT_EQ(dump.line("queue", "cause"), "memory error");
  EXPECT_EQ(dump.line("queue", "error"), std::to_string(-EBADMSG));
  expect_job(dump);
}

TEST_F(Dump, OfAHang) {
  inject("hang");
  EXPECT_EQ(client_.run(fill(queue_, handle_, 4096, 0xfeedface)), -ETIME);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  EXPECT_EQ(dump.line("queue", "cause"), "timeout");
  expect_job(dump);
}

/// Nobody's job is guilty: the device is told of, before it is reset.
TEST_F(Dump, OfACrashOfTheFirmware) {
  inject("firmware_crash");
  EXPECT_EQ(client_.run(fill(queue_, handle_, 4096, 2)), 1);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  EXPECT_EQ(dump.line("device", "reason"), "firmware has crashed");
  EXPECT_FALSE(dump.has("queue"));
  EXPECT_NE(dump.value("registers", "CRASH_CODE"), 0U);
}

}  // namespace
}  // namespace halyard::test
