// SPDX-License-Identifier: MIT
/// \file
/// Jobs that do what they must not: each ends with its own error, is described by QUEUE_QUERY, and
/// harms nobody else.

#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Fault : public testing::Test {
 protected:
  static constexpr std::uint32_t kTag = 0xc0ffee;

  void SetUp() override {
    buffer_ = client_.make_buffer(kPage);
    queue_ = client_.make_queue();
  }

  /// Runs a stream that fails in its command 1, behind a good one; checks what is told of it.
  void expect_fault(const Stream& stream, const std::vector<drm_halyard_clipper_binding>& bindings,
                    int error, drm_halyard_fault_cause cause, std::uint64_t address, bool write) {
    const Program program = load(client_, stream, bindings);
    EXPECT_EQ(client_.run(program.job(queue_)), -error);
    const drm_halyard_queue_query query = client_.query(queue_);
    EXPECT_EQ(query.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_BANNED));
    EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(cause));
    EXPECT_EQ(query.fault_address, address);
    EXPECT_EQ(query.fault_access, write ? 1U : 0U);
    EXPECT_EQ(query.fault_command, 1U);
    EXPECT_EQ(query.fault_tag, kTag);
    EXPECT_EQ(query.fault_job, 1U);
    EXPECT_EQ(query.failed, 1U);
    EXPECT_EQ(query.completed, 0U);
    EXPECT_EQ(buffer_.as()[0], 1U);  // the command before the fault was executed
  }

  /// Begins a stream with a good command.
  static Stream good() { return Stream().fill(row(0, 1), 1); }

  Client client_;
  Buffer buffer_;
  std::uint32_t queue_ = 0;
};

TEST_F(Fault, WriteToUnboundAddress) {
  const std::uint64_t va = client_.reserve(kPage);
  expect_fault(good().fill(row(1, 1), 2, kTag), {whole(buffer_), {va, kPage}}, EFAULT,
               DRM_HALYARD_FAULT_UNMAPPED, va, true);
}

TEST_F(Fault, ReadFromUnboundAddress) {
  const std::uint64_t va = client_.reserve(kPage);
  expect_fault(good().copy(row(1, 1), row(0, 1, 64), kTag), {whole(buffer_), {va, kPage}}, EFAULT,
               DRM_HALYARD_FAULT_UNMAPPED, va, false);
}

TEST_F(Fault, WriteToMemoryThatWasUnmapped) {
  const Buffer other = client_.make_buffer(kPage);
  const Program program =
      load(client_, good().fill(row(1, 1), 2, kTag), {whole(buffer_), whole(other)});
  ASSERT_EQ(client_.run(program.job(client_.make_queue())), 1);
  ASSERT_EQ(client_.unmap(client_.vm(), other.va, kPage), 0);
  EXPECT_EQ(client_.run(program.job(queue_)), -EFAULT);
  const drm_halyard_queue_query query = client_.query(queue_);
  EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_UNMAPPED));
  EXPECT_EQ(query.fault_address, other.va);
  EXPECT_EQ(query.fault_tag, kTag);
}

TEST_F(Fault, WriteToReadOnlyBinding) {
  const std::uint64_t va = client_.reserve(kPage);
  ASSERT_EQ(
      client_.map_at(client_.vm(), client_.make_bo(kPage), va, kPage, DRM_HALYARD_BIND_READONLY),
      0);
  expect_fault(good().fill(row(1, 1), 2, kTag), {whole(buffer_), {va, kPage}}, EFAULT,
               DRM_HALYARD_FAULT_PERMISSION, va, true);
}

TEST_F(Fault, OperandOutOfBounds) {
  const Program program =
      load(client_, good().fill(row(0, kPage / 4 + 1), 2, kTag), {whole(buffer_)});
  EXPECT_EQ(client_.run(program.job(queue_)), -EFAULT);
  const drm_halyard_queue_query query = client_.query(queue_);
  EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_OUT_OF_BOUNDS));
  EXPECT_EQ(query.fault_command, 1U);
  EXPECT_EQ(query.fault_tag, kTag);
}

TEST_F(Fault, IllegalOpcode) {
  expect_fault(good().raw(DRM_HALYARD_CLIPPER_NUM_OPCODES, kTag), {whole(buffer_)}, EILSEQ,
               DRM_HALYARD_FAULT_ILLEGAL_COMMAND, 0, false);
}

TEST_F(Fault, TensorCommandOnCopyEngine) {
  queue_ = client_.make_queue(DRM_HALYARD_CLIPPER_ENGINE_COPY);
  const Buffer out = client_.make_buffer(kPage);
  expect_fault(good().matmul(matrix(0, 2, 2), matrix(0, 2, 2), matrix(1, 2, 2), kTag),
               {whole(buffer_), whole(out)}, EILSEQ, DRM_HALYARD_FAULT_ILLEGAL_COMMAND, 0, false);
}

TEST_F(Fault, StreamAtUnboundAddress) {
  Job job;
  job.queue = queue_;
  job.payload.stream = client_.reserve(kPage);
  job.payload.stream_size = 64;
  EXPECT_EQ(client_.run(job), -EFAULT);
  const drm_halyard_queue_query query = client_.query(queue_);
  EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_UNMAPPED));
  EXPECT_EQ(query.fault_address, job.payload.stream);
}

/// Rings and status blocks live in the same address space; command streams reach neither.
TEST_F(Fault, DriversOwnMemoryIsOutOfReach) {
  const std::uint64_t base = client_.device().va_end;
  for (std::uint64_t page = 0; page < 8; ++page) {
    const std::uint32_t queue = client_.make_queue();
    const std::uint64_t va = base + page * kPage;
    const Program read =
        load(client_, Stream().copy(row(1, 1), row(0, 1)), {whole(buffer_), {va, kPage}});
    EXPECT_EQ(client_.run(read.job(queue)), -EFAULT);
    EXPECT_EQ(client_.queue_destroy(queue), 0);
    const std::uint32_t other = client_.make_queue();
    const Program write =
        load(client_, Stream().fill(row(1, 1), 0xffffffff), {whole(buffer_), {va, kPage}});
    EXPECT_EQ(client_.run(write.job(other)), -EFAULT);
    EXPECT_EQ(client_.queue_destroy(other), 0);
  }
  EXPECT_EQ(buffer_.as()[0], 0U);
}

TEST_F(Fault, OtherAddressSpacesAreOutOfReach) {
  Client other;
  const Buffer secret = other.make_buffer(kPage);
  secret.as()[0] = 0x5ec3e7;
  const std::uint64_t va = other.reserve(0);  // apart from anything bound here
  ASSERT_EQ(other.map_at(other.vm(), secret.handle, va + (1U << 30U), kPage), 0);
  const Program program = load(client_, good().copy(row(1, 1), row(0, 1), kTag),
                               {whole(buffer_), {va + (1U << 30U), kPage}});
  EXPECT_EQ(client_.run(program.job(queue_)), -EFAULT);
  EXPECT_EQ(buffer_.as()[0], 1U);
}

TEST_F(Fault, BannedQueueTakesNoJobs) {
  const Program bad = load(client_, Stream().fill(row(0, 1), 1), {{client_.reserve(kPage), kPage}});
  const Program fine = load(client_, Stream().nop(), {});
  EXPECT_EQ(client_.run(bad.job(queue_)), -EFAULT);
  EXPECT_EQ(client_.submit(fine.job(queue_)), ECANCELED);
  EXPECT_EQ(client_.queue_destroy(queue_), 0);
  EXPECT_EQ(client_.run(fine.job(client_.make_queue())), 1);
}

TEST_F(Fault, JobsBehindItAreCancelled) {
  const Buffer gate = client_.make_buffer(kPage);
  const Program bad = load(client_, Stream().fence_wait(0, 0, 1).fill(row(1, 1), 1),
                           {whole(gate), {client_.reserve(kPage), kPage}});
  const Program fine = load(client_, Stream().fill(row(0, 1), 5), {whole(buffer_)});
  const std::uint32_t first = client_.make_syncobj();
  Job job = bad.job(queue_);
  ASSERT_EQ(client_.submit(job.signal(first)), 0);
  std::vector<std::uint32_t> behind;
  for (std::uint32_t i = 0; i < client_.limits().queue_depth + 4; ++i) {
    behind.push_back(client_.make_syncobj());
    Job next = fine.job(queue_);
    ASSERT_EQ(client_.submit(next.signal(behind.back())), 0);
  }
  gate.as<std::uint64_t>()[0] = 1;
  EXPECT_EQ(client_.wait(first), 0);
  EXPECT_EQ(client_.status(first), -EFAULT);
  for (const std::uint32_t syncobj : behind) {
    ASSERT_EQ(client_.wait(syncobj), 0);
    ASSERT_EQ(client_.status(syncobj), -ECANCELED);
  }
  EXPECT_EQ(buffer_.as()[0], 0U);
  const drm_halyard_queue_query query = client_.query(queue_);
  EXPECT_EQ(query.failed, behind.size() + 1);
  EXPECT_EQ(query.fault_job, 1U);
}

TEST_F(Fault, OtherQueuesAreUntouched) {
  const Program bad = load(client_, Stream().fill(row(0, 1), 1), {{client_.reserve(kPage), kPage}});
  const Program fine = load(client_, Stream().fill(row(0, 1), 5), {whole(buffer_)});
  constexpr std::uint64_t kJobs = 50;
  const std::uint32_t innocent = client_.make_queue();
  const std::uint32_t timeline = client_.make_syncobj();
  for (std::uint64_t i = 1; i <= kJobs; ++i) {
    Job job = fine.job(innocent);
    ASSERT_EQ(client_.submit(job.signal(timeline, i)), 0);
    if (i == kJobs / 2) {
      ASSERT_EQ(client_.submit(bad.job(queue_)), 0);
    }
  }
  EXPECT_EQ(client_.wait(timeline, kJobs), 0);
  const drm_halyard_queue_query query = client_.query(innocent);
  EXPECT_EQ(query.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_ACTIVE));
  EXPECT_EQ(query.completed, kJobs);
}

/// The error travels to whoever waits in the kernel: a job that depends on a failed one is not run.
TEST_F(Fault, ErrorReachesTheNextQueue) {
  const Program bad = load(client_, Stream().fill(row(0, 1), 1), {{client_.reserve(kPage), kPage}});
  const Program fine = load(client_, Stream().fill(row(0, 1), 5), {whole(buffer_)});
  const std::uint32_t failed = client_.make_syncobj();
  Job first = bad.job(queue_);
  ASSERT_EQ(client_.submit(first.signal(failed)), 0);
  const std::uint32_t other = client_.make_queue();
  Job second = fine.job(other);
  second.wait(failed);
  const std::uint32_t done = client_.make_syncobj();
  ASSERT_EQ(client_.submit(second.signal(done)), 0);
  EXPECT_EQ(client_.wait(done), 0);
  EXPECT_EQ(client_.status(failed), -EFAULT);
}

}  // namespace
}  // namespace halyard::test
