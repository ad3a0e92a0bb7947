// SPDX-License-Identifier: MIT
/// \file
/// Jobs that run: buffers, priorities, errors that the card finds, and user space that rewrites
/// what it has submitted.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "job.hpp"

namespace halyard::test {
namespace {

class Jobs : public testing::Test {
 protected:
  void TearDown() override { inject("none"); }

  /// A job that runs for `ms`, begun.
  std::uint32_t start_slow(const Stream& stream, unsigned ms) {
    inject("slow", -1, 0, 1, ms * 1000);
    const std::uint32_t done = user_.client.make_syncobj();
    Job job = user_.job(stream);
    require(user_.client.submit(job.signal(done)), "SUBMIT");
    EXPECT_TRUE(wait_for_injection());
    return done;
  }

  User user_;
};

TEST_F(Jobs, EmptyOne) {
  EXPECT_EQ(user_.run(Stream().end()), 1);
}

TEST_F(Jobs, EveryOperation) {
  User big;
  big.out = big.client.make_buffer(16 * kPage);
  for (std::uint32_t opcode = DRM_HALYARD_DORY_OP_MATMUL; opcode < DRM_HALYARD_DORY_NUM_OPCODES;
       ++opcode) {
    Program program = load(big.client, valid_operation(opcode).end());
    // Inputs are read from region 0, behind and across the stream.
    const Buffer in = big.client.make_buffer(16 * kPage);
    std::ranges::copy(program.memory.map.bytes().first(program.size), in.map.bytes().begin());
    Job job = program.job(big.queue, {&big.out});
    job.buffers[0].handle = in.handle;
    EXPECT_EQ(big.client.run(job), 1) << opcode;
  }
}

TEST_F(Jobs, ReachEveryRegion) {
  std::vector<Buffer> buffers;
  Stream stream;
  for (std::uint32_t region = 1; region < DRM_HALYARD_DORY_REGIONS; ++region) {
    buffers.push_back(user_.client.make_buffer(region * kPage));
    stream.fill(dense(region, kI32, {region * 1024}), region);
  }
  const Program program = load(user_.client, stream.end());
  Job job = program.job(user_.queue, {});
  for (const Buffer& buffer : buffers)
    job.uses(buffer.handle, DRM_HALYARD_BUFFER_WRITE);
  EXPECT_EQ(user_.client.run(job), 1);
  for (std::uint32_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(buffers[i].as().front(), i + 1);
    EXPECT_EQ(buffers[i].as().back(), i + 1);
  }
}

TEST_F(Jobs, StreamInTheMidstOfAnySlot) {
  const Stream stream = fill_word(7);
  const Buffer filler = user_.client.make_buffer(kPage);
  const Buffer memory = user_.client.make_buffer(2 * kPage);
  constexpr std::uint32_t kOffset = kPage - 8;
  std::ranges::copy(stream.bytes(), memory.map.bytes().begin() + kOffset);
  Job job;
  job.queue = user_.queue;
  job.payload = {.slot = 2,
                 .flags = 0,
                 .offset = kOffset,
                 .size = static_cast<std::uint32_t>(stream.bytes().size())};
  job.uses(filler.handle, 0).uses(user_.out.handle, DRM_HALYARD_BUFFER_WRITE);
  job.uses(memory.handle, 0);
  EXPECT_EQ(user_.client.run(job), 1);
  EXPECT_EQ(user_.out.as()[0], 7U);
}

TEST_F(Jobs, BuffersOutliveTheirHandles) {
  const std::uint64_t before = user_.client.memory_used();
  const std::uint32_t victim = user_.client.make_bo(64 * kPage);
  inject("slow", -1, 0, 1, 300'000);
  const std::uint32_t done = user_.client.make_syncobj();
  Job job = user_.job(fill_word(3));
  job.uses(victim, DRM_HALYARD_BUFFER_WRITE);
  ASSERT_EQ(user_.client.submit(job.signal(done)), 0);
  EXPECT_EQ(user_.client.close_bo(victim), 0);
  EXPECT_GE(user_.client.memory_used(), before + 64 * kPage);
  EXPECT_EQ(user_.client.wait(done), 0);
  EXPECT_EQ(user_.client.status(done), 1);
  bool freed = false;
  for (int i = 0; i < 200 && !freed; ++i) {
    freed = user_.client.memory_used() < before + 64 * kPage;
    sleep_ms(10);
  }
  EXPECT_TRUE(freed);
}

TEST_F(Jobs, UrgentQueuesGoFirst) {
  // Both wait for the card while it is busy; then each leaves the time of its run.
  const std::uint32_t low = user_.client.make_queue(0, DRM_HALYARD_PRIORITY_LOW);
  const std::uint32_t high = user_.client.make_queue(0, DRM_HALYARD_PRIORITY_HIGH);
  const Program low_stamp = load(
      user_.client,
      Stream().operand(DRM_HALYARD_DORY_OUT, word(1, 0)).op(DRM_HALYARD_DORY_OP_TIMESTAMP).end());
  const Program high_stamp = load(
      user_.client,
      Stream().operand(DRM_HALYARD_DORY_OUT, word(1, 8)).op(DRM_HALYARD_DORY_OP_TIMESTAMP).end());
  const Buffer stamps = user_.client.make_buffer(kPage);
  const std::uint32_t slow = start_slow(fill_word(1), 500);
  const std::uint32_t low_done = user_.client.make_syncobj();
  const std::uint32_t high_done = user_.client.make_syncobj();
  const auto submit = [&](const Program& program, std::uint32_t queue, std::uint32_t done) {
    Job job;
    job.queue = queue;
    job.payload = {.slot = 0, .flags = 0, .offset = 0, .size = program.size};
    job.uses(program.memory.handle, 0);
    // Its order in memory is nobody's business here.
    job.uses(stamps.handle, DRM_HALYARD_BUFFER_WRITE | DRM_HALYARD_BUFFER_NO_IMPLICIT);
    require(user_.client.submit(job.signal(done)), "SUBMIT");
  };
  submit(low_stamp, low, low_done);
  submit(high_stamp, high, high_done);
  for (const std::uint32_t done : {slow, low_done, high_done}) {
    EXPECT_EQ(user_.client.wait(done), 0);
    EXPECT_EQ(user_.client.status(done), 1);
  }
  const auto stamp = stamps.as<std::uint64_t>();
  EXPECT_NE(stamp[1], 0U);
  EXPECT_GT(stamp[0], stamp[1]) << "the low one ran first";
}

// ---- What only the card finds ----

TEST_F(Jobs, OperandsThatDoNotFitFailTheJob) {
  constexpr std::uint32_t kTag = 0xc0ffee;
  Stream stream;
  stream.fill(dense(1, kI32, {1}), 1);
  stream.tag(kTag).copy(dense(0, kI32, {3}), dense(1, kI32, {4}, 64)).end();
  EXPECT_EQ(user_.run(stream), -EILSEQ);
  const drm_halyard_queue_query query = user_.client.query(user_.queue);
  EXPECT_EQ(query.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_BANNED));
  EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_ILLEGAL_COMMAND));
  EXPECT_EQ(query.fault_command, 1U);
  EXPECT_EQ(query.fault_tag, kTag);
  EXPECT_EQ(query.fault_job, 1U);
  EXPECT_EQ(user_.out.as()[0], 1U);
  EXPECT_EQ(user_.out.as()[16], 0U);
  user_.queue = user_.client.make_queue();
  EXPECT_EQ(user_.run(fill_word(5)), 1);
}

TEST_F(Jobs, OthersDoNotSuffer) {
  User other;
  for (int i = 0; i < 5; ++i) {
    user_.queue = user_.client.make_queue();
    Stream bad;
    bad.copy(dense(0, kI32, {3}), dense(1, kI32, {4})).end();
    const std::uint32_t failed = user_.client.make_syncobj();
    Job job = user_.job(bad);
    ASSERT_EQ(user_.client.submit(job.signal(failed)), 0);
    EXPECT_EQ(other.run(fill_word(1)), 1);
    EXPECT_EQ(user_.client.wait(failed), 0);
    EXPECT_EQ(user_.client.status(failed), -EILSEQ);
  }
}

// ---- Who writes to a stream after it was submitted changes nothing ----

TEST_F(Jobs, RewrittenStreamIsNotRead) {
  // A second operation that is rewritten to leave its buffer while the first one runs.
  Stream stream;
  stream.fill(dense(1, kI32, {1}), 1).fill(dense(1, kI32, {1}, 4), 2).end();
  const Program program = load(user_.client, stream);
  inject("slow", -1, 0, 1, 500'000);
  const std::uint32_t done = user_.client.make_syncobj();
  Job job = program.job(user_.queue, {&user_.out});
  ASSERT_EQ(user_.client.submit(job.signal(done)), 0);
  ASSERT_TRUE(wait_for_injection());
  for (std::uint32_t& w : program.memory.as())
    w = 0xffffffff;
  EXPECT_EQ(user_.client.wait(done), 0);
  EXPECT_EQ(user_.client.status(done), 1);
  EXPECT_EQ(user_.out.as()[0], 1U);
  EXPECT_EQ(user_.out.as()[1], 2U);
}

TEST_F(Jobs, StreamThatChangesAllTheTime) {
  // What is checked is what runs: a job is refused or does what it may, but it never faults.
  Stream stream;
  stream.operand(DRM_HALYARD_DORY_OUT, dense(1, kI32, {1}));
  stream.set(DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_OUT) + DRM_HALYARD_DORY_OFFSET, {64});
  const std::size_t flips = stream.words().size() - 1;
  stream.set(DRM_HALYARD_DORY_PATTERN, {1}).op(DRM_HALYARD_DORY_OP_FILL).end();
  const Program program = load(user_.client, stream);
  std::atomic_ref<std::uint32_t> offset(program.memory.as()[flips]);
  unsigned accepted = 0;
  unsigned refused = 0;
  {
    std::jthread flipper([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        offset.store(0x80000000);
        offset.store(64);
      }
    });
    for (int i = 0; i < 400; ++i) {
      const std::uint32_t done = user_.client.make_syncobj();
      Job job = program.job(user_.queue, {&user_.out});
      const int error = user_.client.submit(job.signal(done));
      ASSERT_TRUE(error == 0 || error == EINVAL) << error;
      ++(error == 0 ? accepted : refused);
      if (error != 0) continue;
      ASSERT_EQ(user_.client.wait(done), 0);
      ASSERT_EQ(user_.client.status(done), 1);
    }
  }
  EXPECT_GT(accepted, 0U);
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(user_.out.as()[16], 1U);
}

}  // namespace
}  // namespace halyard::test
