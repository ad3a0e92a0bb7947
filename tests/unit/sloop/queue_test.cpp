// SPDX-License-Identifier: MIT
/// \file
/// Queues: requests, responses, status blocks, priorities, time slices.

#include <cstring>
#include <thread>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class QueueTest : public CardTest {
 protected:
  [[nodiscard]] bool engine_idle(unsigned engine) {
    return machine_.read(SLP_ENGINE(engine) + SLP_ENGINE_STATUS) == 0;
  }
  /// Tasks that take a while together.
  static std::vector<Task> many(unsigned count) {
    return std::vector<Task>(count, fill_task(i32(0, {1 << 16}), 1));
  }
};

TEST_F(QueueTest, AJobComputes) {
  TestQueue queue(machine_, 0);
  auto a = queue.view<float>(4);
  auto b = queue.view<float>(4, 64);
  for (unsigned i = 0; i < 4; ++i) {
    a[i] = static_cast<float>(i);
    b[i] = 10;
  }
  ASSERT_EQ(queue.run_tasks({binary_task(DRM_HALYARD_SLOOP_ADD, f32(0, {4}), f32(0, {4}, 64),
                                         f32(0, {4}, 128))}),
            std::uint32_t{SLP_STATUS_OK});
  const auto out = queue.view<float>(4, 128);
  EXPECT_THAT(std::vector(out.begin(), out.end()), testing::ElementsAre(10, 11, 12, 13));
}

TEST_F(QueueTest, TheResponseTellsOfTheJob) {
  TestQueue queue(machine_, 0);
  const auto id = queue.submit_tasks({fill_task(i32(0, {4}), 7)});
  const auto response = queue.response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->id, id);
  EXPECT_EQ(response->sequence, 1U);
  EXPECT_GT(response->busy_ns, 0U);
  EXPECT_GT(response->timestamp, 0U);
  EXPECT_LT(response->engine, std::uint32_t{SLP_NUM_COMPUTE_ENGINES});
  EXPECT_TRUE(machine_.host.wait_raised(SLP_VECTOR_CLASS(kCompute), 1));
  EXPECT_EQ(machine_.host.raised(SLP_VECTOR_CLASS(kDma)), 0U);
  EXPECT_NE(machine_.read(SLP_IRQ_STATUS) & 1U << SLP_VECTOR_CLASS(kCompute), 0U);
}

TEST_F(QueueTest, TheStatusBlockTellsOfTheQueue) {
  TestQueue queue(machine_, 0);
  ASSERT_EQ(queue.run_tasks({fill_task(i32(0, {4}), 7), fill_task(i32(0, {4}), 8)}),
            std::uint32_t{SLP_STATUS_OK});
  ASSERT_TRUE(eventually([&] {
    const auto status = queue.status();
    return status.state == SLP_QUEUE_STATE_IDLE && status.engine == SLP_NONE;
  }));
  EXPECT_EQ(queue.status().commands, 2U);
  EXPECT_GT(queue.status().busy_ns, 0U);
}

TEST_F(QueueTest, JobsOfAQueueRunInOrderAndWrapAround) {
  TestQueue queue(machine_, 0);
  for (std::uint32_t round = 0; round < 5; ++round) {
    for (std::uint32_t i = 0; i < 16; ++i)
      queue.submit_tasks({fill_task(i32(0, {1}, 4 * i), round * 16 + i)});
    for (std::uint32_t i = 0; i < 16; ++i) {
      const auto response = queue.response();
      ASSERT_TRUE(response);
      ASSERT_EQ(response->id, round * 16 + i + 1);
      ASSERT_EQ(queue.view<std::uint32_t>(1, 4 * i)[0], round * 16 + i);
    }
  }
  EXPECT_EQ(machine_.read(queue.base() + SLP_QUEUE_REQUEST_HEAD), 80U);
  EXPECT_EQ(machine_.read(queue.base() + SLP_QUEUE_RESPONSE_TAIL), 80U);
}

TEST_F(QueueTest, OneDoorbellForSeveralRequests) {
  TestQueue queue(machine_, 0, {.engine_class = kDma});
  const auto target = machine_.card_pages(4096);
  for (unsigned i = 0; i < 8; ++i)
    queue.enqueue(fill_payload(at(0, 4 * i), 4, i), {card_segment(target, 4096)});
  queue.ring();
  for (unsigned i = 0; i < 8; ++i)
    ASSERT_EQ(queue.response()->status, std::uint32_t{SLP_STATUS_OK});
  EXPECT_EQ(machine_.card_memory<std::uint32_t>(target + 28), 7U);
}

TEST_F(QueueTest, AnEmptyJobCompletes) {
  TestQueue compute(machine_, 0);
  EXPECT_EQ(compute.run(compute_payload(0, 0), {}), std::uint32_t{SLP_STATUS_OK});
  TestQueue dma(machine_, 1, {.engine_class = kDma});
  EXPECT_EQ(dma.run(copy_payload(0, at(1), 0), {}), std::uint32_t{SLP_STATUS_OK});
}

TEST_F(QueueTest, QueuesRunOnBothEngines) {
  TestQueue first(machine_, 0), second(machine_, 1);
  machine_.inject(SLP_INJECT_HANG, 0);
  first.submit_tasks({fill_task(i32(0, {4}), 7)});
  ASSERT_TRUE(eventually([&] { return !engine_idle(0) || !engine_idle(1); }));
  EXPECT_EQ(second.run_tasks({fill_task(i32(0, {4}), 7)}), std::uint32_t{SLP_STATUS_OK});
  EXPECT_EQ(first.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(QueueTest, TheUrgentGoFirst) {
  TestQueue low(machine_, 0, {.priority = 3}), other(machine_, 1, {.priority = 3}),
      high(machine_, 2, {.priority = 0});
  machine_.inject(SLP_INJECT_SLOW, SLP_INJECT_ANY, 1000, 40);
  low.submit_tasks(many(20));
  other.submit_tasks(many(20));
  ASSERT_TRUE(eventually([&] { return !engine_idle(0) && !engine_idle(1); }));
  ASSERT_EQ(high.run_tasks({fill_task(i32(0, {4}), 7)}), std::uint32_t{SLP_STATUS_OK});
  EXPECT_EQ(low.response()->status, std::uint32_t{SLP_STATUS_OK});
  EXPECT_EQ(other.response()->status, std::uint32_t{SLP_STATUS_OK});
}

TEST_F(QueueTest, EqualsTakeTurnsWithinLongJobs) {
  std::vector<std::unique_ptr<TestQueue>> queues;
  for (unsigned i = 0; i < 3; ++i)
    queues.push_back(std::make_unique<TestQueue>(machine_, i));
  machine_.inject(SLP_INJECT_SLOW, SLP_INJECT_ANY, 100, 60);
  for (auto& queue : queues)
    queue->submit_tasks(std::vector<Task>(20, fill_task(i32(0, {4}), 1)));
  for (auto& queue : queues)
    ASSERT_EQ(queue->response()->status, std::uint32_t{SLP_STATUS_OK});
  const std::uint64_t buffer = machine_.pages(4096);
  slp_admin_request request{};
  request.op = SLP_ADMIN_TELEMETRY;
  request.buffer.address = buffer;
  request.buffer.size = 4096;
  ASSERT_TRUE(machine_.request(request));
  EXPECT_GT(machine_.memory<slp_telemetry>(buffer).preemptions, 0U);
}

// ---- Jobs that fail
// ------------------------------------------------------------------------------

class FaultTest : public QueueTest {
 protected:
  slp_response fault(const std::vector<Task>& tasks) {
    queue_.submit_tasks(tasks);
    const auto response = queue_.response();
    return response.value_or(slp_response{});
  }
  TestQueue queue_{machine_, 0};
};

TEST_F(FaultTest, IllegalCommand) {
  const auto response = fault({fill_task(i32(0, {4}), 1), task(99, 1234)});
  EXPECT_EQ(response.status, std::uint32_t{SLP_STATUS_ILLEGAL_COMMAND});
  EXPECT_EQ(response.command, 1U);
  EXPECT_EQ(response.tag, 1234U);
  EXPECT_EQ(queue_.view<std::uint32_t>(1)[0], 1U);  // what came before stays
}

TEST_F(FaultTest, OutOfItsBinding) {
  const auto response = fault({fill_task(i32(0, {4}, TestQueue::kDataSize - 8), 1, 5)});
  EXPECT_EQ(response.status, std::uint32_t{SLP_STATUS_OUT_OF_BOUNDS});
  EXPECT_EQ(response.tag, 5U);
}

TEST_F(FaultTest, WriteToAReadOnlySegment) {
  const std::uint64_t area = machine_.card_pages(4096);
  const Task raw = fill_task(i32(0, {4}), 1);
  std::memcpy(machine_.card->dram().at(area, sizeof(raw)).data(), &raw, sizeof(raw));
  const drm_halyard_sloop_binding binding{.address = at(0, 2048), .size = 64};
  machine_.card_memory<drm_halyard_sloop_binding>(area + 1024) = binding;
  EXPECT_EQ(
      queue_.run(compute_payload(at(0), 1, at(0, 1024), 1), {card_segment(area, 4096, false)}),
      std::uint32_t{SLP_STATUS_PERMISSION});
}

TEST_F(FaultTest, ComputeReachesCardMemoryOnly) {
  const std::uint64_t list = machine_.pages(4096);
  machine_.memory<slp_scatter>(list) = {
      .address = machine_.pages(4096), .size = 4096, .reserved = 0};
  EXPECT_EQ(queue_.run(compute_payload(at(0), 1),
                       {{.base = list, .size = 4096, .flags = SLP_SEGMENT_HOST, .entries = 1}}),
            std::uint32_t{SLP_STATUS_PERMISSION});
}

TEST_F(FaultTest, NoSuchSegment) {
  queue_.submit(compute_payload(at(3), 1), {card_segment(machine_.card_pages(4096), 4096)});
  const auto response = queue_.response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, std::uint32_t{SLP_STATUS_SEGMENT});
  EXPECT_EQ(response->address, at(3));
}

TEST_F(FaultTest, PastTheEndOfASegment) {
  const auto base = machine_.card_pages(4096);
  EXPECT_EQ(queue_.run(compute_payload(at(0, 4096 - 64), 1), {card_segment(base, 4096)}),
            std::uint32_t{SLP_STATUS_SEGMENT});
}

TEST_F(FaultTest, TheQueueStandsStillUntilItIsDestroyed) {
  ASSERT_EQ(queue_.run_tasks({task(99)}), std::uint32_t{SLP_STATUS_ILLEGAL_COMMAND});
  ASSERT_TRUE(eventually([&] { return queue_.status().state == SLP_QUEUE_STATE_STOPPED; }));
  queue_.submit_tasks({fill_task(i32(0, {4}), 1)});
  EXPECT_FALSE(queue_.response(20ms));
  ASSERT_EQ(queue_.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
  ASSERT_EQ(queue_.create(), std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(queue_.run_tasks({fill_task(i32(0, {4}), 1)}), std::uint32_t{SLP_STATUS_OK});
}

TEST_F(FaultTest, OthersGoOn) {
  TestQueue other(machine_, 1);
  ASSERT_EQ(queue_.run_tasks({task(99)}), std::uint32_t{SLP_STATUS_ILLEGAL_COMMAND});
  EXPECT_EQ(other.run_tasks({fill_task(i32(0, {4}), 1)}), std::uint32_t{SLP_STATUS_OK});
}

}  // namespace

}  // namespace halyard::emu::test
