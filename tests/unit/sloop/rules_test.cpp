// SPDX-License-Identifier: MIT
/// \file
/// The checker: each rule, broken once.

#include <algorithm>
#include <array>
#include <thread>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class RulesTest : public CardTest {
 protected:
  static std::vector<Task> one() { return {fill_task(i32(0, {4}), 7)}; }
  [[nodiscard]] bool found(const char* rule) {
    return eventually([&] {
      const auto rules = machine_.findings();
      return std::ranges::find(rules, rule) != rules.end();
    });
  }
};

TEST_F(RulesTest, Width) {
  expect_broken({"SLP-R1"});
  std::array<std::byte, 8> data{};
  machine_.card->bar_read(SLP_BAR, SLP_ID, data);
  machine_.card->bar_write(SLP_BAR, SLP_SCRATCH, std::span(data).first(2));
  machine_.card->bar_read(SLP_BAR, SLP_ID + 2, std::span(data).first(4));
}

TEST_F(RulesTest, UndefinedRegister) {
  expect_broken({"SLP-R2"});
  EXPECT_EQ(machine_.read(0x0ffc), 0U);
  machine_.write(SLP_QUEUE(SLP_NUM_QUEUES), 1);
}

TEST_F(RulesTest, Direction) {
  expect_broken({"SLP-R3"});
  machine_.write(SLP_ID, 1);
  EXPECT_EQ(machine_.read(SLP_BOOT_COMMAND), 0U);
}

TEST_F(RulesTest, ReservedBits) {
  expect_broken({"SLP-R4"});
  machine_.write(SLP_IRQ_ENABLE, 0x1f);
  EXPECT_EQ(machine_.read(SLP_IRQ_ENABLE), 0xfU);
  machine_.write(SLP_INJECT_KIND, SLP_NUM_INJECT);
  machine_.write(SLP_INJECT_ARM, 1);
}

TEST(Rules, NotReady) {
  Machine machine(Machine::Until::kRom);
  machine.inject(SLP_INJECT_RESET_FAILS);
  machine.write(SLP_CONTROL, SLP_CONTROL_RESET);
  EXPECT_EQ(machine.read(SLP_ID), std::uint32_t{SLP_ID_VALUE});
  EXPECT_EQ(machine.read(SLP_REVISION), 0x10000U);
  EXPECT_TRUE(machine.findings().empty());
  EXPECT_EQ(machine.read(SLP_CAPS0), 0U);
  EXPECT_THAT(machine.findings(), testing::ElementsAre("SLP-R5"));
}

TEST_F(RulesTest, UnannouncedReset) {
  expect_broken({"SLP-R6"});
  TestQueue queue(machine_, 0);
  machine_.inject(SLP_INJECT_HANG, 0);
  queue.submit_tasks(one());
  machine_.write(SLP_CONTROL, SLP_CONTROL_RESET);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
}

TEST_F(RulesTest, ResetWithoutJobsNeedsNoAnnouncement) {
  TestQueue queue(machine_, 0);
  EXPECT_EQ(queue.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  machine_.write(SLP_CONTROL, SLP_CONTROL_RESET);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
}

TEST_F(RulesTest, RingsChangedWhileRunning) {
  expect_broken({"SLP-B3"});
  machine_.write(SLP_EVENTS_ORDER, 3);
  EXPECT_EQ(machine_.read(SLP_EVENTS_ORDER), Machine::kOrder);
}

TEST_F(RulesTest, AdminTail) {
  expect_broken({"SLP-A1"});
  machine_.write(SLP_ADMIN_REQUEST_TAIL, (1U << Machine::kOrder) + 1);
  EXPECT_EQ(machine_.read(SLP_ADMIN_REQUEST_TAIL), 0U);
}

TEST_F(RulesTest, AdminTailGoesBack) {
  expect_broken({"SLP-A1"});
  ASSERT_TRUE(machine_.request(SLP_ADMIN_NOP));
  machine_.write(SLP_ADMIN_REQUEST_TAIL, 0);
}

TEST_F(RulesTest, AdminHead) {
  expect_broken({"SLP-A2"});
  machine_.write(SLP_ADMIN_RESPONSE_HEAD, 1);
}

TEST_F(RulesTest, EventHead) {
  expect_broken({"SLP-A4"});
  machine_.write(SLP_EVENT_HEAD, 1);
}

TEST_F(RulesTest, EventOverflow) {
  expect_broken({"SLP-A5"});
  TestQueue queue(machine_, 0);
  constexpr unsigned kRoom = 1U << Machine::kOrder;
  machine_.inject(SLP_INJECT_ECC, 0, 0, kRoom + 2);
  for (unsigned i = 0; i < kRoom + 2; ++i)
    ASSERT_EQ(queue.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  EXPECT_TRUE(eventually([&] { return machine_.read(SLP_EVENT_LOST) == 2; }));
  EXPECT_EQ(machine_.read(SLP_EVENT_TAIL), kRoom);
}

TEST_F(RulesTest, QueueThatDoesNotExist) {
  expect_broken({"SLP-Q1"});
  machine_.write(SLP_QUEUE(4) + SLP_QUEUE_REQUEST_TAIL, 1);
}

TEST_F(RulesTest, RequestTail) {
  expect_broken({"SLP-Q2"});
  TestQueue queue(machine_, 0);
  machine_.write(queue.base() + SLP_QUEUE_REQUEST_TAIL, 17);
  const auto event = machine_.next_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, std::uint32_t{SLP_EVENT_QUEUE_ERROR});
  EXPECT_EQ(event->queue, 0U);
  EXPECT_EQ(queue.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
}

/// As long as the driver has not consumed the responses there is no room for more.
TEST_F(RulesTest, MoreRequestsThanRoomForResponses) {
  expect_broken({"SLP-Q2"});
  TestQueue queue(machine_, 0);
  for (int i = 0; i < 16; ++i)
    queue.submit(compute_payload(0, 0), {});
  EXPECT_TRUE(
      eventually([&] { return machine_.read(queue.base() + SLP_QUEUE_RESPONSE_TAIL) == 16; }));
  queue.submit(compute_payload(0, 0), {});
}

TEST_F(RulesTest, ResponseHead) {
  expect_broken({"SLP-Q3"});
  TestQueue queue(machine_, 0);
  machine_.write(queue.base() + SLP_QUEUE_RESPONSE_HEAD, 1);
}

TEST_F(RulesTest, RequestChanged) {
  expect_broken({"SLP-Q4"});
  TestQueue queue(machine_, 0);
  machine_.inject(SLP_INJECT_SLOW, 0, 20000);
  queue.submit_tasks(one());
  queue.enqueue(compute_payload(0, 0), {});
  queue.ring();
  // The engine has seen the first request only when it took it; the second it sees with the next.
  ASSERT_TRUE(eventually([&] { return machine_.read(SLP_INJECT_FIRED) == 1; }));
  ASSERT_EQ(queue.response()->status, std::uint32_t{SLP_STATUS_OK});
  ASSERT_EQ(queue.response()->status, std::uint32_t{SLP_STATUS_OK});
  machine_.inject(SLP_INJECT_SLOW, 0, 20000);
  const auto tasks = one();
  queue.submit_tasks(tasks);
  ASSERT_TRUE(eventually([&] { return machine_.read(SLP_INJECT_FIRED) == 1; }));
  ASSERT_TRUE(queue.response());
  // Two behind one doorbell: both are seen at once.
  machine_.inject(SLP_INJECT_RESPONSE_LATE, 0, 50000);
  queue.enqueue(compute_payload(0, 0), {});
  queue.enqueue(compute_payload(0, 0), {});
  queue.ring();
  ASSERT_TRUE(eventually([&] { return machine_.read(SLP_INJECT_FIRED) == 1; }));
  queue.entry(4).id = 77;
  machine_.write(SLP_SCRATCH, 1);
  ASSERT_TRUE(queue.response());
  EXPECT_EQ(queue.response()->id, 77U);
}

TEST_F(RulesTest, JobChanged) {
  expect_broken({"SLP-Q5"});
  TestQueue queue(machine_, 0);
  machine_.inject(SLP_INJECT_SLOW, 0, 20000);
  queue.submit_tasks(one());
  ASSERT_TRUE(eventually([&] { return machine_.read(SLP_INJECT_FIRED) == 1; }));
  machine_.memory<slp_job>(queue.last_job()).payload.size = 0;
  machine_.write(SLP_SCRATCH, 1);  // orders the change before what the card does later
  EXPECT_EQ(queue.response()->status, std::uint32_t{SLP_STATUS_OK});
}

// ---- Malformed requests
// --------------------------------------------------------------------------

class MalformedTest : public RulesTest {
 protected:
  void TearDown() override {
    expect_broken({"SLP-Q6"});
    RulesTest::TearDown();
  }
  /// A good request, changed.
  template <typename Change>
  void refuse(Change change) {
    TestQueue queue(machine_, next_++);
    const auto card = machine_.card_pages(4096);
    queue.enqueue(compute_payload(at(0), 1), {card_segment(card, 4096)});
    change(queue.entry(0), machine_.memory<slp_job>(queue.last_job()),
           machine_.memory<slp_segment>(queue.last_job() + sizeof(slp_job)));
    queue.ring();
    const auto response = queue.response();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, std::uint32_t{SLP_STATUS_BAD_REQUEST});
    EXPECT_EQ(response->id, 1U);
  }
  unsigned next_ = 0;
};

TEST_F(MalformedTest, Request) {
  refuse([](auto& request, auto&, auto&) { request.flags = 1; });
  refuse([](auto& request, auto&, auto&) { request.reserved = 1; });
  refuse([](auto& request, auto&, auto&) { request.job += 8; });
  refuse([](auto& request, auto&, auto&) { request.job_size = 0; });
  refuse([](auto& request, auto&, auto&) { request.job_size = 10000; });
  refuse([](auto& request, auto&, auto&) { request.job_size += 24; });
}

TEST_F(MalformedTest, Job) {
  refuse([](auto&, auto& job, auto&) { job.reserved[2] = 1; });
  refuse([](auto&, auto& job, auto&) { job.segment_count = 33; });
  refuse([](auto&, auto& job, auto&) { job.segment_count = 0; });
}

TEST_F(MalformedTest, Segment) {
  refuse([](auto&, auto&, auto& segment) { segment.flags = 4; });
  refuse([](auto&, auto&, auto& segment) { segment.size = 0; });
  refuse([](auto&, auto&, auto& segment) { segment.size = ~std::uint64_t{0}; });
  refuse([](auto&, auto&, auto& segment) { segment.entries = 1; });
  refuse([](auto&, auto&, auto& segment) { segment.base += 64; });
  refuse([](auto&, auto&, auto& segment) { segment.base = sloop::Card::kReserved - 4096; });
  refuse([](auto&, auto&, auto& segment) { segment.base = 0; });
  refuse([](auto&, auto&, auto& segment) { segment.base = Machine::kDram; });
  refuse([](auto&, auto&, auto& segment) {
    segment.base = Machine::kDram - 4096, segment.size = 4097;
  });
  refuse([](auto&, auto&, auto& segment) { segment.flags = SLP_SEGMENT_HOST; });
  refuse([](auto&, auto&, auto& segment) {
    segment.flags = SLP_SEGMENT_HOST;
    segment.entries = 1;
    segment.base += 8;
  });
}

TEST_F(MalformedTest, ComputePayload) {
  refuse([](auto&, auto& job, auto&) { job.payload.job = 3; });
  refuse([](auto&, auto& job, auto&) { job.payload.job = DRM_HALYARD_SLOOP_JOB_COPY; });
  refuse([](auto&, auto& job, auto&) { job.payload.flags = 1; });
  refuse([](auto&, auto& job, auto&) { job.payload.source = 8; });
  refuse([](auto&, auto& job, auto&) { job.payload.size = 64; });
  refuse([](auto&, auto& job, auto&) { job.payload.size = std::uint64_t{3} << 32; });
  refuse([](auto&, auto& job, auto&) { job.payload.target = 1; });
  refuse([](auto&, auto& job, auto&) { job.payload.pattern = 1; });
  refuse([](auto&, auto& job, auto&) { job.payload.bindings = 8; });
  refuse([](auto&, auto& job, auto&) { job.payload.binding_count = 257; });
  refuse([](auto&, auto& job, auto&) {
    job.payload.binding_count = 1;
    job.payload.bindings = 4;
  });
}

TEST_F(RulesTest, UnreachableDescriptor) {
  expect_broken({"SLP-D1", "SLP-Q6"});
  TestQueue queue(machine_, 0);
  slp_request request{};
  request.job = 4096;
  request.job_size = sizeof(slp_job);
  queue.enqueue(request);
  queue.ring();
  EXPECT_EQ(queue.response()->status, std::uint32_t{SLP_STATUS_BAD_REQUEST});
}

TEST_F(RulesTest, QueueUnmappedUnderTheCard) {
  expect_broken({"SLP-D2"});
  TestQueue queue(machine_, 0);
  queue.enqueue(compute_payload(0, 0), {});
  const std::uint64_t ring = queue.create_request().queue.requests;
  machine_.host.unmap(ring, 4096);
  machine_.card->dma_unmapped(ring, 4096);
  queue.ring();
  const auto event = machine_.next_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, std::uint32_t{SLP_EVENT_QUEUE_ERROR});
}

TEST_F(RulesTest, AdminRingUnmappedUnderTheCard) {
  expect_broken({"SLP-D2"});
  machine_.host.unmap(machine_.admin_requests, 4096);
  machine_.card->dma_unmapped(machine_.admin_requests, 4096);
  machine_.post({});
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_CRASHED));
  EXPECT_EQ(machine_.read(SLP_CRASH_CODE), std::uint32_t{SLP_CRASH_RINGS});
}

TEST_F(RulesTest, BusMasterOff) {
  expect_broken({"SLP-D3"});
  TestQueue queue(machine_, 0);
  queue.enqueue(compute_payload(0, 0), {});
  machine_.host.set_bus_master(false);
  queue.ring();
  EXPECT_TRUE(found("SLP-D3"));
  machine_.write(SLP_ADMIN_REQUEST_TAIL, machine_.read(SLP_ADMIN_REQUEST_TAIL));
}

TEST_F(RulesTest, BusMasterCleared) {
  expect_broken({"SLP-D4"});
  TestQueue queue(machine_, 0);
  machine_.inject(SLP_INJECT_HANG, 0);
  queue.submit_tasks(one());
  ASSERT_TRUE(eventually([&] { return machine_.read(SLP_INJECT_FIRED) == 1; }));
  machine_.card->set_bus_master(false);
}

TEST_F(RulesTest, Power) {
  expect_broken({"SLP-P1", "SLP-P2"});
  machine_.card->set_power(PowerState::kD3hot);
  EXPECT_EQ(machine_.read(SLP_ID), ~0U);
  machine_.card->set_power(PowerState::kD0);
  EXPECT_EQ(machine_.read(SLP_ID), std::uint32_t{SLP_ID_VALUE});
}

}  // namespace

}  // namespace halyard::emu::test
