// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include <cerrno>

#include <gtest/gtest.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Queue : public testing::Test {
 protected:
  using Create = drm_halyard_queue_create;

  /// QUEUE_CREATE with something changed.
  template <typename Spoil>
  int create(Spoil spoil) {
    Create argument{};
    argument.vm_id = client_.vm();
    argument.engine_class = DRM_HALYARD_CLIPPER_ENGINE_TENSOR;
    argument.priority = DRM_HALYARD_PRIORITY_NORMAL;
    spoil(argument);
    const std::uint32_t before = client_.limits().queues_used;
    const int error = client_.call(DRM_IOCTL_HALYARD_QUEUE_CREATE, argument);
    EXPECT_EQ(client_.limits().queues_used, before + (error == 0 ? 1 : 0));
    return error;
  }

  Client client_;
};

TEST_F(Queue, EachClassAndPriorityWorks) {
  const Buffer buffer = client_.make_buffer(kPage);
  std::uint32_t value = 1;
  for (const std::uint32_t engine :
       {DRM_HALYARD_CLIPPER_ENGINE_TENSOR, DRM_HALYARD_CLIPPER_ENGINE_COPY}) {
    for (std::uint32_t priority = DRM_HALYARD_PRIORITY_LOW;
         priority <= DRM_HALYARD_PRIORITY_REALTIME; ++priority) {
      const Program program = load(client_, Stream().fill(row(0, 1), ++value), {whole(buffer)});
      EXPECT_EQ(client_.run(program.job(client_.make_queue(engine, priority))), 1);
      EXPECT_EQ(buffer.as()[0], value);
    }
  }
}

TEST_F(Queue, UnknownVmIsRefused) {
  EXPECT_EQ(create([](Create& a) { a.vm_id = 0; }), ENOENT);
  EXPECT_EQ(create([](Create& a) { a.vm_id = 4711; }), ENOENT);
}

TEST_F(Queue, UnknownClassIsRefused) {
  EXPECT_EQ(create([](Create& a) { a.engine_class = 2; }), EINVAL);
  EXPECT_EQ(create([](Create& a) { a.engine_class = ~0U; }), EINVAL);
}

TEST_F(Queue, UnknownPriorityIsRefused) {
  EXPECT_EQ(create([](Create& a) { a.priority = DRM_HALYARD_PRIORITY_REALTIME + 1; }), EINVAL);
  EXPECT_EQ(create([](Create& a) { a.priority = ~0U; }), EINVAL);
}

TEST_F(Queue, FlagsMustBeZero) {
  EXPECT_EQ(create([](Create& a) { a.flags = 1; }), EINVAL);
  EXPECT_EQ(create([](Create& a) { a.flags = 1U << 31U; }), EINVAL);
}

TEST_F(Queue, CreatePadMustBeZero) {
  EXPECT_EQ(create([](Create& a) { a.pad = 1; }), EINVAL);
}

TEST_F(Queue, HighPrioritiesArePrivileged) {
  ASSERT_EQ(chmod(device_node().c_str(), 0666), 0);
  const int status = in_child(true, [] {
    const Client client;
    int result = 0;
    for (std::uint32_t priority = DRM_HALYARD_PRIORITY_LOW;
         priority <= DRM_HALYARD_PRIORITY_REALTIME; ++priority) {
      Create argument{};
      argument.vm_id = client.make_vm();
      argument.priority = priority;
      const int expected = priority <= DRM_HALYARD_PRIORITY_NORMAL ? 0 : EACCES;
      result =
          result * 2 + (client.call(DRM_IOCTL_HALYARD_QUEUE_CREATE, argument) == expected ? 0 : 1);
    }
    return result;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Queue, DestroyPadMustBeZero) {
  drm_halyard_queue_destroy argument{.queue_id = client_.make_queue(), .pad = 1};
  EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_QUEUE_DESTROY, argument), EINVAL);
  EXPECT_EQ(client_.query(argument.queue_id).state,
            static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_ACTIVE));
}

TEST_F(Queue, StaleAndForeignIdsAreRefused) {
  const std::uint32_t stale = client_.make_queue();
  ASSERT_EQ(client_.queue_destroy(stale), 0);
  Client other;
  std::uint32_t foreign = 0;
  for (int i = 0; i < 3; ++i) {
    foreign = other.make_queue();
  }
  const Program program = load(client_, Stream().nop(), {});
  for (const std::uint32_t id : {0U, stale, foreign, ~0U}) {
    drm_halyard_queue_query query{};
    query.queue_id = id;
    EXPECT_EQ(client_.call(DRM_IOCTL_HALYARD_QUEUE_QUERY, query), ENOENT) << id;
    EXPECT_EQ(client_.queue_destroy(id), ENOENT) << id;
    EXPECT_EQ(client_.submit(program.job(id)), ENOENT) << id;
  }
}

TEST_F(Queue, QueryCounts) {
  const Buffer buffer = client_.make_buffer(64 * kPage);
  const Program program = load(client_, Stream().fill(row(0, 64 * kPage / 4), 1), {whole(buffer)});
  const std::uint32_t queue = client_.make_queue();
  EXPECT_EQ(client_.query(queue).submitted, 0U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client_.run(program.job(queue)), 1);
  }
  const drm_halyard_queue_query query = client_.query(queue);
  EXPECT_EQ(query.state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_ACTIVE));
  EXPECT_EQ(query.submitted, 5U);
  EXPECT_EQ(query.completed, 5U);
  EXPECT_EQ(query.failed, 0U);
  EXPECT_GT(query.busy_ns, 0U);
  EXPECT_EQ(query.fault_cause, static_cast<std::uint32_t>(DRM_HALYARD_FAULT_NONE));
}

TEST_F(Queue, DestroyCancelsItsJobs) {
  const Buffer gate = client_.make_buffer(kPage);
  const Program program = load(client_, Stream().fence_wait(0, 0, 1), {whole(gate)});
  const std::uint32_t queue = client_.make_queue();
  std::vector<std::uint32_t> done;
  for (int i = 0; i < 3; ++i) {
    done.push_back(client_.make_syncobj());
    Job job = program.job(queue);
    ASSERT_EQ(client_.submit(job.signal(done.back())), 0);
  }
  ASSERT_EQ(client_.queue_destroy(queue), 0);
  for (const std::uint32_t syncobj : done) {
    EXPECT_EQ(client_.wait(syncobj), 0);
    EXPECT_EQ(client_.status(syncobj), -ECANCELED);
  }
}

TEST_F(Queue, UrgentWorkOvertakes) {
  constexpr int kJobs = 6;
  const Buffer gate = client_.make_buffer(kPage);
  const Buffer stamps = client_.make_buffer(kPage);
  // Every engine of the class is kept busy by slow work of low priority; what is urgent comes
  // behind it.
  const std::uint32_t low =
      client_.make_queue(DRM_HALYARD_CLIPPER_ENGINE_COPY, DRM_HALYARD_PRIORITY_LOW);
  const std::uint32_t high =
      client_.make_queue(DRM_HALYARD_CLIPPER_ENGINE_COPY, DRM_HALYARD_PRIORITY_HIGH);
  const Buffer work = client_.make_buffer(4 * kLargePage);
  Stream slow;
  for (int i = 0; i < 16; ++i) {
    slow.fill(row(0, 4 * kLargePage / 4), 1);
  }
  slow.timestamp(1, 0);
  const Program program = load(client_, slow, {whole(work), whole(stamps)});
  const Program urgent = load(client_, Stream().timestamp(0, 8), {whole(stamps)});
  const std::uint32_t timeline = client_.make_syncobj();
  for (std::uint64_t i = 1; i <= kJobs; ++i) {
    Job job = program.job(low);
    ASSERT_EQ(client_.submit(job.signal(timeline, i)), 0);
  }
  EXPECT_EQ(client_.run(urgent.job(high)), 1);
  EXPECT_EQ(client_.wait(timeline, kJobs), 0);
  EXPECT_LT(stamps.as<std::uint64_t>()[1], stamps.as<std::uint64_t>()[0]);
}

}  // namespace
}  // namespace halyard::test
