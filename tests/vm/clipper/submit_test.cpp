// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Submit : public testing::Test {
 protected:
  void SetUp() override {
    buffer_ = client_.make_buffer(kPage);
    program_ = load(client_, Stream().fill(row(0, 1), 99), {whole(buffer_)});
    queue_ = client_.make_queue();
    syncobj_ = client_.make_syncobj();
  }

  void TearDown() override {
    // A refused SUBMIT has no effect, and the queue still works.
    if (expect_untouched_) {
      EXPECT_EQ(client_.query(queue_).submitted, 0U);
      EXPECT_EQ(buffer_.as()[0], 0U);
      EXPECT_EQ(client_.run(program_.job(queue_)), 1);
      EXPECT_EQ(buffer_.as()[0], 99U);
    }
  }

  Job job() { return program_.job(queue_); }

  int submit(const drm_halyard_obj_array& jobs) {
    drm_halyard_submit argument{};
    argument.jobs = jobs;
    return client_.call(DRM_IOCTL_HALYARD_SUBMIT, argument);
  }

  /// A good job with something in the kernel's struct changed.
  int submit_with(const std::function<void(drm_halyard_job&)>& spoil) {
    const Job good = job();
    drm_halyard_job raw = good.raw();
    spoil(raw);
    return submit(array_of(std::span<const drm_halyard_job>(&raw, 1)));
  }

  /// A good job with something in its payload changed.
  int payload_with(const std::function<void(drm_halyard_clipper_payload&)>& spoil) {
    Job bad = job();
    spoil(bad.payload);
    return client_.submit(bad);
  }

  int sync_with(const drm_halyard_sync_op& op) {
    Job bad = job();
    bad.syncs.push_back(op);
    return client_.submit(bad);
  }

  int buffer_with(const drm_halyard_buffer_ref& ref) {
    Job bad = job();
    bad.buffers.push_back(ref);
    return client_.submit(bad);
  }

  Client client_;
  Buffer buffer_;
  Program program_;
  std::uint32_t queue_ = 0, syncobj_ = 0;
  bool expect_untouched_ = true;
};

using Raw = drm_halyard_job;
using Payload = drm_halyard_clipper_payload;

// ---- The call ----

TEST_F(Submit, FlagsMustBeZero) {
  const Job good = job();
  const Raw raw = good.raw();
  drm_halyard_submit argument{};
  argument.flags = 1;
  argument.jobs = array_of(std::span(&raw, 1));
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_SUBMIT, argument), EINVAL);
}

TEST_F(Submit, PadMustBeZero) {
  const Job good = job();
  const Raw raw = good.raw();
  drm_halyard_submit argument{};
  argument.pad = 1;
  argument.jobs = array_of(std::span(&raw, 1));
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_SUBMIT, argument), EINVAL);
}

TEST_F(Submit, NoJobsAreRefused) {
  EXPECT_EQ(submit({.stride = sizeof(Raw), .count = 0, .array = 0}), EINVAL);
}

TEST_F(Submit, TooManyJobsAreRefused) {
  const std::uint32_t max = client_.limits().submit_jobs_max;
  const Job good = job();
  const std::vector<Raw> jobs(max + 1, good.raw());
  EXPECT_EQ(client_.submit(jobs), E2BIG);
  EXPECT_EQ(submit({.stride = sizeof(Raw),
                    .count = ~0U,
                    .array = reinterpret_cast<std::uint64_t>(jobs.data())}),
            E2BIG);
}

TEST_F(Submit, JobStrideIsChecked) {
  const Job good = job();
  const Raw raw = good.raw();
  const auto address = reinterpret_cast<std::uint64_t>(&raw);
  EXPECT_EQ(submit({.stride = sizeof(Raw) - 8, .count = 1, .array = address}), EINVAL);
  EXPECT_EQ(submit({.stride = sizeof(Raw) + 4, .count = 1, .array = address}), EINVAL);
  struct {
    Raw raw;
    std::uint64_t more;
  } longer{raw, 1};
  EXPECT_EQ(submit({.stride = sizeof(longer),
                    .count = 1,
                    .array = reinterpret_cast<std::uint64_t>(&longer)}),
            E2BIG);
}

TEST_F(Submit, BadJobArrayFaults) {
  EXPECT_EQ(submit({.stride = sizeof(Raw), .count = 1, .array = 8}), EFAULT);
}

// ---- A job ----

TEST_F(Submit, JobFlagsMustBeZero) {
  EXPECT_EQ(submit_with([](Raw& raw) { raw.flags = 1; }), EINVAL);
  EXPECT_EQ(submit_with([](Raw& raw) { raw.flags = 1U << 31U; }), EINVAL);
}

TEST_F(Submit, JobPadMustBeZero) {
  EXPECT_EQ(submit_with([](Raw& raw) { raw.pad = 1; }), EINVAL);
}

TEST_F(Submit, UnknownQueueIsRefused) {
  EXPECT_EQ(submit_with([](Raw& raw) { raw.queue_id = 4711; }), ENOENT);
}

TEST_F(Submit, PayloadSizeMustFit) {
  for (const std::uint32_t size :
       {0U, std::uint32_t{sizeof(Payload)} - 8, std::uint32_t{sizeof(Payload)} + 8, ~0U}) {
    EXPECT_EQ(submit_with([&](Raw& raw) { raw.payload_size = size; }), EINVAL) << size;
  }
}

TEST_F(Submit, BadPayloadPointerFaults) {
  EXPECT_EQ(submit_with([](Raw& raw) { raw.payload = 8; }), EFAULT);
}

TEST_F(Submit, TooManyBuffersAreRefused) {
  const std::uint32_t max = client_.limits().job_buffers_max;
  EXPECT_EQ(submit_with([&](Raw& raw) {
              raw.buffers = {
                  .stride = sizeof(drm_halyard_buffer_ref), .count = max + 1, .array = 8};
            }),
            E2BIG);
}

TEST_F(Submit, TooManySyncsAreRefused) {
  const std::uint32_t max = client_.limits().job_syncs_max;
  EXPECT_EQ(submit_with([&](Raw& raw) {
              raw.syncs = {.stride = sizeof(drm_halyard_sync_op), .count = max + 1, .array = 8};
            }),
            E2BIG);
}

TEST_F(Submit, BufferStrideIsChecked) {
  const drm_halyard_buffer_ref ref{.handle = buffer_.handle, .flags = 0};
  const auto address = reinterpret_cast<std::uint64_t>(&ref);
  EXPECT_EQ(
      submit_with([&](Raw& raw) { raw.buffers = {.stride = 0, .count = 1, .array = address}; }),
      EINVAL);
  EXPECT_EQ(
      submit_with([&](Raw& raw) { raw.buffers = {.stride = 8 + 4, .count = 1, .array = address}; }),
      EINVAL);
  EXPECT_EQ(submit_with([&](Raw& raw) { raw.buffers = {.stride = 8, .count = 1, .array = 8}; }),
            EFAULT);
}

TEST_F(Submit, SyncStrideIsChecked) {
  const drm_halyard_sync_op op{
      .flags = DRM_HALYARD_SYNC_SIGNAL, .handle = syncobj_, .timeline_value = 0};
  const auto address = reinterpret_cast<std::uint64_t>(&op);
  EXPECT_EQ(submit_with([&](Raw& raw) { raw.syncs = {.stride = 8, .count = 1, .array = address}; }),
            EINVAL);
  EXPECT_EQ(
      submit_with([&](Raw& raw) { raw.syncs = {.stride = 20, .count = 1, .array = address}; }),
      EINVAL);
  EXPECT_EQ(submit_with([&](Raw& raw) { raw.syncs = {.stride = 16, .count = 1, .array = 8}; }),
            EFAULT);
}

TEST_F(Submit, UnknownBufferFlagsAreRefused) {
  EXPECT_EQ(buffer_with({.handle = buffer_.handle, .flags = 4}), EINVAL);
  EXPECT_EQ(buffer_with({.handle = buffer_.handle, .flags = 1U << 31U}), EINVAL);
}

TEST_F(Submit, UnknownBufferIsRefused) {
  EXPECT_EQ(buffer_with({.handle = 4711, .flags = 0}), ENOENT);
}

TEST_F(Submit, BufferTwiceIsRefused) {
  Job twice = job();
  twice.uses(buffer_.handle, 0).uses(buffer_.handle, DRM_HALYARD_BUFFER_WRITE);
  EXPECT_EQ(client_.submit(twice), EINVAL);
}

TEST_F(Submit, UnknownSyncFlagsAreRefused) {
  EXPECT_EQ(sync_with({.flags = 4, .handle = syncobj_, .timeline_value = 0}), EINVAL);
  EXPECT_EQ(sync_with({.flags = 1U << 31U, .handle = syncobj_, .timeline_value = 0}), EINVAL);
}

TEST_F(Submit, UnknownSyncobjIsRefused) {
  EXPECT_EQ(sync_with({.flags = 0, .handle = 4711, .timeline_value = 0}), ENOENT);
  EXPECT_EQ(sync_with({.flags = DRM_HALYARD_SYNC_SIGNAL, .handle = 4711, .timeline_value = 0}),
            ENOENT);
}

TEST_F(Submit, ForeignSyncobjIsRefused) {
  const Client other;
  std::uint32_t foreign = 0;
  for (int i = 0; i < 5; ++i) {
    foreign = other.make_syncobj();
  }
  EXPECT_EQ(sync_with({.flags = DRM_HALYARD_SYNC_SIGNAL, .handle = foreign, .timeline_value = 0}),
            ENOENT);
}

TEST_F(Submit, BinarySyncobjTakesNoPoint) {
  EXPECT_EQ(sync_with({.flags = 0, .handle = client_.make_syncobj(true), .timeline_value = 1}),
            EINVAL);
  EXPECT_EQ(sync_with({.flags = DRM_HALYARD_SYNC_SIGNAL, .handle = syncobj_, .timeline_value = 1}),
            EINVAL);
}

TEST_F(Submit, TimelinePointZeroIsRefused) {
  EXPECT_EQ(sync_with({.flags = DRM_HALYARD_SYNC_SIGNAL | DRM_HALYARD_SYNC_TIMELINE,
                       .handle = syncobj_,
                       .timeline_value = 0}),
            EINVAL);
}

TEST_F(Submit, WaitForWhatNobodySubmittedIsRefused) {
  EXPECT_EQ(sync_with({.flags = 0, .handle = syncobj_, .timeline_value = 0}), EINVAL);
  EXPECT_EQ(
      sync_with({.flags = DRM_HALYARD_SYNC_TIMELINE, .handle = syncobj_, .timeline_value = 5}),
      EINVAL);
}

TEST_F(Submit, AllJobsOrNone) {
  Job good = job();
  Job bad = job();
  bad.payload.flags = 1;
  const std::array<Raw, 3> jobs{good.raw(), good.raw(), bad.raw()};
  EXPECT_EQ(client_.submit(jobs), EINVAL);
}

// ---- The chip's payload ----

TEST_F(Submit, PayloadFlagsMustBeZero) {
  EXPECT_EQ(payload_with([](Payload& p) { p.flags = 1; }), EINVAL);
}

TEST_F(Submit, PayloadPadMustBeZero) {
  EXPECT_EQ(payload_with([](Payload& p) { p.pad = 1; }), EINVAL);
}

TEST_F(Submit, PayloadStreamMustBeAligned) {
  EXPECT_EQ(payload_with([](Payload& p) { p.stream += 32; }), EINVAL);
  EXPECT_EQ(payload_with([](Payload& p) { p.stream_size += 32; }), EINVAL);
}

TEST_F(Submit, PayloadBindingsMustBeAligned) {
  EXPECT_EQ(payload_with([](Payload& p) { p.bindings += 4; }), EINVAL);
}

TEST_F(Submit, PayloadBindingsAreLimited) {
  EXPECT_EQ(payload_with([](Payload& p) { p.binding_count = 257; }), EINVAL);
  EXPECT_EQ(payload_with([](Payload& p) { p.binding_count = ~0U; }), EINVAL);
}

TEST_F(Submit, PayloadStaysInUserSpace) {
  const drm_halyard_query_device device = client_.device();
  EXPECT_EQ(payload_with([](Payload& p) { p.stream = 0; }), EINVAL);
  EXPECT_EQ(payload_with([&](Payload& p) { p.stream = device.va_end; }), EINVAL);
  EXPECT_EQ(payload_with([&](Payload& p) { p.stream = device.va_end - 64; }), EINVAL);
  EXPECT_EQ(payload_with([](Payload& p) { p.stream = ~std::uint64_t{63}; }), EINVAL);
  EXPECT_EQ(payload_with([&](Payload& p) { p.bindings = device.va_end; }), EINVAL);
  EXPECT_EQ(payload_with([](Payload& p) { p.bindings = 0; }), EINVAL);
  EXPECT_EQ(payload_with([](Payload& p) { p.bindings = ~std::uint64_t{7}; }), EINVAL);
}

// ---- What works ----

class Run : public Submit {
 protected:
  Run() { expect_untouched_ = false; }
};

TEST_F(Run, EmptyJobCompletes) {
  Job empty;
  empty.queue = queue_;
  EXPECT_EQ(client_.run(empty), 1);
  EXPECT_EQ(client_.query(queue_).completed, 1U);
}

TEST_F(Run, JobWithoutSyncsCompletes) {
  ASSERT_EQ(client_.submit(job()), 0);
  Job last = job();
  EXPECT_EQ(client_.run(last), 1);  // in order: the one before is done, too
  EXPECT_EQ(client_.query(queue_).completed, 2U);
}

TEST_F(Run, LargerStridesAreAcceptedWithZeroTail) {
  struct LongRef {
    drm_halyard_buffer_ref ref;
    std::uint64_t more;
  } const ref{{.handle = buffer_.handle, .flags = DRM_HALYARD_BUFFER_WRITE}, 0};
  struct LongOp {
    drm_halyard_sync_op op;
    std::uint64_t more;
  } const op{{.flags = DRM_HALYARD_SYNC_SIGNAL, .handle = syncobj_, .timeline_value = 0}, 0};
  EXPECT_EQ(submit_with([&](Raw& raw) {
              raw.buffers = {.stride = sizeof(ref),
                             .count = 1,
                             .array = reinterpret_cast<std::uint64_t>(&ref)};
              raw.syncs = {
                  .stride = sizeof(op), .count = 1, .array = reinterpret_cast<std::uint64_t>(&op)};
            }),
            0);
  EXPECT_EQ(client_.wait(syncobj_), 0);
  EXPECT_EQ(buffer_.as()[0], 99U);
}

TEST_F(Run, MatmulComputes) {
  constexpr std::uint32_t kN = 8;
  const Buffer a = client_.make_buffer(kPage);
  const Buffer b = client_.make_buffer(kPage);
  const Buffer out = client_.make_buffer(kPage);
  for (std::uint32_t i = 0; i < kN * kN; ++i) {
    a.as<float>()[i] = static_cast<float>(i % 7);
    b.as<float>()[i] = static_cast<float>(i % 5) - 2.0F;
  }
  const Program program =
      load(client_, Stream().matmul(matrix(0, kN, kN), matrix(1, kN, kN), matrix(2, kN, kN)),
           {whole(a), whole(b), whole(out)});
  ASSERT_EQ(client_.run(program.job(queue_)), 1);
  for (std::uint32_t i = 0; i < kN; ++i) {
    for (std::uint32_t j = 0; j < kN; ++j) {
      float sum = 0;
      for (std::uint32_t k = 0; k < kN; ++k) {
        sum += a.as<float>()[i * kN + k] * b.as<float>()[k * kN + j];
      }
      EXPECT_EQ(out.as<float>()[i * kN + j], sum) << i << ", " << j;
    }
  }
}

/// More jobs than the device holds: the others wait in the kernel.
TEST_F(Run, MoreJobsThanTheRingHolds) {
  const std::uint64_t count = 3 * client_.limits().queue_depth + 7;
  for (std::uint64_t i = 1; i <= count; ++i) {
    Job next = job();
    ASSERT_EQ(client_.submit(next.signal(syncobj_, i)), 0);
  }
  EXPECT_EQ(client_.wait(syncobj_, count), 0);
  EXPECT_EQ(client_.query(queue_).completed, count);
}

TEST_F(Run, ManyJobsInOneCall) {
  const std::uint32_t count = client_.limits().submit_jobs_max;
  Job last = job();
  last.signal(syncobj_);
  const Job others = job();
  std::vector<Raw> jobs(count, others.raw());
  jobs.back() = last.raw();
  ASSERT_EQ(client_.submit(jobs), 0);
  EXPECT_EQ(client_.wait(syncobj_), 0);
  EXPECT_EQ(client_.query(queue_).completed, count);
}

TEST_F(Run, JobsOfOneCallMayDependOnEachOther) {
  const std::uint32_t other = client_.make_queue(DRM_HALYARD_CLIPPER_ENGINE_COPY);
  const std::uint32_t between = client_.make_syncobj();
  const Program copy = load(client_, Stream().copy(row(0, 1), row(0, 1, 64)), {whole(buffer_)});
  Job first = job();
  first.signal(between);
  Job second = copy.job(other);
  second.wait(between).signal(syncobj_);
  const std::array<Raw, 2> jobs{first.raw(), second.raw()};
  ASSERT_EQ(client_.submit(jobs), 0);
  EXPECT_EQ(client_.wait(syncobj_), 0);
  EXPECT_EQ(buffer_.as()[16], 99U);
}

TEST_F(Run, StreamReachesItsLastBinding) {
  std::vector<drm_halyard_clipper_binding> bindings(256, whole(buffer_));
  const Program program = load(client_, Stream().fill(row(255, 1), 17), bindings);
  EXPECT_EQ(client_.run(program.job(queue_)), 1);
  EXPECT_EQ(buffer_.as()[0], 17U);
}

}  // namespace
}  // namespace halyard::test
