// SPDX-License-Identifier: MIT
/// \file
/// What SUBMIT refuses of this chip's payload, and what the card does.

#include <cerrno>
#include <functional>

#include <gtest/gtest.h>

#include "jobs.hpp"

namespace halyard::test {
namespace {

struct Refusal {
  const char* name;
  std::function<void(Job&)> spoil;
};

class Payload : public testing::TestWithParam<Refusal> {
 protected:
  Mover client_;
};

TEST_P(Payload, IsRefused) {
  const auto card = client_.make_bo(kMiB);
  const auto host = client_.make_bo(kMiB, kHostMemory);
  Job job = copy(client_.queue(), card, host, kMiB);
  EXPECT_EQ(client_.run(job), 1);
  GetParam().spoil(job);
  EXPECT_EQ(client_.submit(job), EINVAL);
}

INSTANTIATE_TEST_SUITE_P(
    OfACopy, Payload,
    testing::Values(Refusal{"Kind", [](Job& job) { job.payload.job = 3; }},
                    Refusal{"KindOfOtherEngines",
                            [](Job& job) { job.payload.job = DRM_HALYARD_SLOOP_JOB_COMPUTE; }},
                    Refusal{"Flags", [](Job& job) { job.payload.flags = 1; }},
                    Refusal{"Pattern", [](Job& job) { job.payload.pattern = 1; }},
                    Refusal{"Bindings", [](Job& job) { job.payload.bindings = 8; }},
                    Refusal{"BindingCount", [](Job& job) { job.payload.binding_count = 1; }},
                    Refusal{"SourceBuffer", [](Job& job) { job.payload.source = at(2); }},
                    Refusal{"TargetBuffer", [](Job& job) { job.payload.target = at(2); }},
                    Refusal{"SourceOffset", [](Job& job) { job.payload.source = at(0, 1); }},
                    Refusal{"TargetOffset", [](Job& job) { job.payload.target = at(1, kMiB); }},
                    Refusal{"TargetReadOnly", [](Job& job) { job.buffers[1].flags = 0; }},
                    Refusal{"Size", [](Job& job) { job.payload.size = kMiB + 1; }},
                    Refusal{"SizeThatWraps",
                            [](Job& job) { job.payload.size = ~std::uint64_t{0}; }}),
    [](const auto& test) { return test.param.name; });

class Jobs : public testing::Test {
 protected:
  Mover client_;
};

TEST_F(Jobs, EmptyIsFine) {
  const auto handle = client_.make_bo(4096);
  EXPECT_EQ(client_.run(fill(client_.queue(), handle, 0, 0)), 1);
}

TEST_F(Jobs, ComputeReachesNoHostMemory) {
  Job job;
  job.queue = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_COMPUTE);
  job.uses(client_.make_bo(4096), 0);
  EXPECT_EQ(client_.run(job), 1);
  job.uses(client_.make_bo(4096, kHostMemory), 0);
  EXPECT_EQ(client_.submit(job), EINVAL);
}

TEST_F(Jobs, MoreBuffersThanSegmentsAreTooMany) {
  Job job = fill(client_.queue(), client_.make_bo(4096), 4096, 1);
  for (std::uint32_t i = 1; i < DRM_HALYARD_SLOOP_MAX_SEGMENTS; ++i) {
    job.uses(client_.make_bo(4096), 0);
  }
  EXPECT_EQ(client_.run(job), 1);
  job.uses(client_.make_bo(4096), 0);
  EXPECT_EQ(client_.submit(job), E2BIG);
}

TEST_F(Jobs, OneBufferTwiceIsRefused) {
  Job job = fill(client_.queue(), client_.make_bo(4096), 4096, 1);
  job.uses(job.buffers[0].handle, 0);
  EXPECT_EQ(client_.submit(job), EINVAL);
}

TEST_F(Jobs, RunInOrder) {
  const auto handle = client_.make_bo(kMiB);
  const auto done = client_.make_syncobj();
  for (std::uint32_t i = 1; i <= 200; ++i) {
    Job job = fill(client_.queue(), handle, kMiB, i);
    if (i == 200) {
      job.signal(done);
    }
    ASSERT_EQ(client_.submit(job), 0);
  }
  ASSERT_EQ(client_.wait(done), 0);
  EXPECT_TRUE(holds(client_.map(handle, kMiB).as<std::uint32_t>(), 200));
  EXPECT_EQ(client_.query(client_.queue()).completed, 200U);
}

TEST_F(Jobs, MalformedStreamIsTheCardsToRefuse) {
  const auto stream = client_.make_bo(4096);
  const Mapping map = client_.map(stream, 4096);
  map.as<drm_halyard_sloop_task>()[0].opcode = DRM_HALYARD_SLOOP_NUM_OPCODES;
  Job job;
  job.queue = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_COMPUTE);
  job.payload.job = DRM_HALYARD_SLOOP_JOB_COMPUTE;
  job.payload.size = sizeof(drm_halyard_sloop_task);
  job.uses(stream, 0);
  EXPECT_EQ(client_.run(job), -EILSEQ);
  const auto query = client_.query(job.queue);
  EXPECT_EQ(query.state, std::uint32_t{DRM_HALYARD_QUEUE_BANNED});
  EXPECT_EQ(query.fault_cause, std::uint32_t{DRM_HALYARD_FAULT_ILLEGAL_COMMAND});
  EXPECT_EQ(client_.submit(job), ECANCELED);
}

}  // namespace
}  // namespace halyard::test
