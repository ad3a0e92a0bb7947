// SPDX-License-Identifier: MIT
/// \file
/// What is kept of failures of the card. Each test takes what it has caused: none meets another's.

#include <unistd.h>

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "client.hpp"
#include "dumps.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

/// Of a page table's entry.
constexpr std::uint64_t kValid = 1;

class Dump : public testing::Test {
 protected:
  static void SetUpTestSuite() { drop_dumps(); }

  void SetUp() override { queue_ = client_.make_queue(); }
  void TearDown() override { inject("none"); }

  /// What every dump of a guilty queue says.
  void expect_guilty(const TakenDump& dump, const std::string& cause, int error) const {
    EXPECT_EQ(dump.line("device", "reason"), "a job failed");
    EXPECT_EQ(dump.line("device", "chip"), "clipper");
    EXPECT_NE(dump.line("device", "time"), "");
    EXPECT_NE(dump.line("device", "kernel"), "");
    EXPECT_FALSE(dump.has("firmware"));
    EXPECT_EQ(dump.line("queue", "class"), "tensor");
    EXPECT_EQ(dump.line("queue", "process").find(std::to_string(getpid()) + ' '), 0U);
    EXPECT_EQ(dump.line("queue", "cause"), cause);
    EXPECT_EQ(dump.line("queue", "error"), std::to_string(-error));
    EXPECT_EQ(dump.line("queue", "job"), "1");
    EXPECT_TRUE(dump.has("registers"));
    EXPECT_TRUE(dump.has("status"));
    EXPECT_TRUE(dump.has("queues"));
  }

  Client client_;
  std::uint32_t queue_ = 0;
};

/// Ring, payload and page walk agree with the job.
TEST_F(Dump, OfAPageFault) {
  const std::uint64_t va = client_.reserve(kPage);
  const Program program = load(client_, Stream().nop().fill(row(0, 1), 2, 0xc0ffee), {{va, kPage}});
  EXPECT_EQ(client_.run(program.job(queue_)), -EFAULT);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  expect_guilty(dump, "unmapped", EFAULT);
  const drm_halyard_queue_query query = client_.query(queue_);
  EXPECT_EQ(std::stoull(dump.line("queue", "address"), nullptr, 16), query.fault_address);
  EXPECT_EQ(dump.line("queue", "access"), "write");
  EXPECT_EQ(dump.line("queue", "command"), "1");
  EXPECT_EQ(dump.line("queue", "tag"), "0xc0ffee");

  EXPECT_EQ(dump.size("payload"), sizeof(drm_halyard_clipper_payload));
  EXPECT_EQ(dump.word("payload", 0), static_cast<std::uint32_t>(program.payload.stream));
  EXPECT_EQ(dump.word("payload", 16), program.payload.stream_size);
  // The ring's first entry begins with the stream's address, too.
  EXPECT_EQ(dump.word("ring", 0), static_cast<std::uint32_t>(program.payload.stream));
  EXPECT_EQ(dump.word("ring", 4), static_cast<std::uint32_t>(program.payload.stream >> 32U));

  EXPECT_EQ(dump.value("page walk", "address"), va);
  const std::string root = "level 3 entry " + std::to_string(va >> 39U & 511U);
  EXPECT_TRUE(dump.value("page walk", root) & kValid);  // its neighbours are mapped
}

/// Down to the entry that forbids what was tried.
TEST_F(Dump, OfAForbiddenWrite) {
  const std::uint64_t va = client_.reserve(kPage);
  ASSERT_EQ(
      client_.map_at(client_.vm(), client_.make_bo(kPage), va, kPage, DRM_HALYARD_BIND_READONLY),
      0);
  const Program program = load(client_, Stream().nop().fill(row(0, 1), 2), {{va, kPage}});
  EXPECT_EQ(client_.run(program.job(queue_)), -EFAULT);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  expect_guilty(dump, "permission", EFAULT);
  const std::string leaf = "level 0 entry " + std::to_string(va >> 12U & 511U);
  EXPECT_TRUE(dump.value("page walk", leaf) & kValid);
}

/// A hang: the engine that hangs is told of, and nothing is said of pages.
TEST_F(Dump, OfAHang) {
  inject("hang");
  EXPECT_EQ(client_.run(load(client_, Stream().nop(), {}).job(queue_)), -ETIME);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  expect_guilty(dump, "timeout", ETIME);
  EXPECT_FALSE(dump.has("page walk"));
  const std::uint64_t number = std::stoull(dump.line("queue", "number"));
  EXPECT_TRUE(dump.value("registers", "engine0 QUEUE") == number ||
              dump.value("registers", "engine1 QUEUE") == number);
}

/// Only the first of a failure's consequences is kept.
TEST_F(Dump, OfAHangThatTakesADeviceReset) {
  inject("hang");
  inject("queue_reset_fails");
  inject("engine_reset_fails");
  EXPECT_EQ(client_.run(load(client_, Stream().nop(), {}).job(queue_)), -ETIME);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  expect_guilty(dump, "timeout", ETIME);
}

}  // namespace
}  // namespace halyard::test
