// SPDX-License-Identifier: MIT
/// \file
/// Every error that can be asked for.

#include <cstring>
#include <thread>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class InjectionTest : public CardTest {
 protected:
  static std::vector<Task> one(std::uint32_t tag = 0) { return {fill_task(i32(0, {4}), 7, tag)}; }
  TestQueue queue_{machine_, 0};
};

TEST_F(InjectionTest, HangIsReportedByTheWatchdog) {
  machine_.inject(SLP_INJECT_HANG, 0);
  queue_.submit_tasks(one());
  const auto event = machine_.next_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, std::uint32_t{SLP_EVENT_ENGINE_HUNG});
  EXPECT_EQ(event->queue, 0U);
  EXPECT_LT(event->engine, std::uint32_t{SLP_NUM_COMPUTE_ENGINES});
  EXPECT_FALSE(machine_.next_event(30ms));  // once
  EXPECT_EQ(queue_.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(InjectionTest, Segment) {
  machine_.inject(SLP_INJECT_SEGMENT, 0);
  EXPECT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_SEGMENT});
}

TEST_F(InjectionTest, IllegalAfterTwo) {
  machine_.inject(SLP_INJECT_ILLEGAL, 0, 0, 1, 2);
  queue_.submit_tasks(
      {fill_task(i32(0, {4}), 1, 1), fill_task(i32(0, {4}), 2, 2), fill_task(i32(0, {4}), 3, 3)});
  const auto response = queue_.response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, std::uint32_t{SLP_STATUS_ILLEGAL_COMMAND});
  EXPECT_EQ(response->command, 2U);
  EXPECT_EQ(response->tag, 3U);
  EXPECT_EQ(queue_.view<std::uint32_t>(1)[0], 2U);
}

TEST_F(InjectionTest, AnotherQueueIsNotMeant) {
  machine_.inject(SLP_INJECT_ILLEGAL, 5);
  EXPECT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  EXPECT_EQ(machine_.read(SLP_INJECT_FIRED), 0U);
}

TEST_F(InjectionTest, EccCorrected) {
  machine_.inject(SLP_INJECT_ECC, 0, 0);
  EXPECT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  const auto event = machine_.next_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, std::uint32_t{SLP_EVENT_ECC_CORRECTED});
  EXPECT_EQ(event->count, 1U);
}

TEST_F(InjectionTest, EccUncorrectable) {
  machine_.inject(SLP_INJECT_ECC, 0, 1);
  EXPECT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_ECC_UNCORRECTABLE});
  const auto event = machine_.next_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, std::uint32_t{SLP_EVENT_ECC_UNCORRECTABLE});
}

TEST_F(InjectionTest, SlowCountsAsBusy) {
  machine_.inject(SLP_INJECT_SLOW, 0, 3000);
  queue_.submit_tasks(one());
  const auto response = queue_.response();
  ASSERT_TRUE(response);
  EXPECT_GE(response->busy_ns, 3000000U);
}

TEST_F(InjectionTest, InterruptLost) {
  machine_.inject(SLP_INJECT_IRQ_LOST, 0);
  ASSERT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  ASSERT_TRUE(eventually(
      [&] { return (machine_.read(SLP_IRQ_STATUS) & 1U << SLP_VECTOR_CLASS(kCompute)) != 0; }));
  EXPECT_EQ(machine_.host.raised(SLP_VECTOR_CLASS(kCompute)), 0U);
  ASSERT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  EXPECT_TRUE(machine_.host.wait_raised(SLP_VECTOR_CLASS(kCompute), 1));
}

TEST_F(InjectionTest, InterruptLate) {
  machine_.inject(SLP_INJECT_IRQ_LATE, 0, 3000);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  EXPECT_TRUE(machine_.host.wait_raised(SLP_VECTOR_CLASS(kCompute), 1));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 3ms);
}

TEST_F(InjectionTest, InterruptSpurious) {
  const unsigned before = machine_.host.raised(SLP_VECTOR_CLASS(kDma));
  machine_.inject(SLP_INJECT_IRQ_SPURIOUS, SLP_INJECT_ANY, SLP_VECTOR_CLASS(kDma));
  EXPECT_TRUE(machine_.host.wait_raised(SLP_VECTOR_CLASS(kDma), before + 1));
  EXPECT_EQ(machine_.read(SLP_IRQ_STATUS) & 1U << SLP_VECTOR_CLASS(kDma), 0U);
}

TEST_F(InjectionTest, ResponsesOutOfOrderAmongQueues) {
  TestQueue other(machine_, 1);
  machine_.inject(SLP_INJECT_RESPONSE_LATE, 0, 10000);
  queue_.submit_tasks(one());
  ASSERT_TRUE(eventually([&] { return machine_.read(SLP_INJECT_FIRED) == 1; }));
  ASSERT_EQ(other.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
  const auto late = queue_.response();
  ASSERT_TRUE(late);
  EXPECT_EQ(late->status, std::uint32_t{SLP_STATUS_OK});
}

TEST_F(InjectionTest, ResponseWithAWrongId) {
  machine_.inject(SLP_INJECT_RESPONSE_BAD_ID, 0, 0xdead);
  queue_.submit_tasks(one());
  EXPECT_EQ(queue_.response()->id, 0xdeadU);
}

TEST_F(InjectionTest, AdminLost) {
  machine_.inject(SLP_INJECT_ADMIN_LOST, SLP_ADMIN_NOP);
  EXPECT_FALSE(machine_.request(SLP_ADMIN_NOP, 0, 20ms));
  EXPECT_EQ(machine_.request(SLP_ADMIN_NOP)->status, std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(InjectionTest, AdminBadId) {
  machine_.inject(SLP_INJECT_ADMIN_BAD_ID, SLP_ADMIN_NOP, 0xdead);
  machine_.post({});
  EXPECT_EQ(machine_.next_response()->id, 0xdeadU);
}

TEST_F(InjectionTest, AdminBadIdOfALateAnswer) {
  machine_.inject(SLP_INJECT_ADMIN_BAD_ID, SLP_ADMIN_QUEUE_DESTROY, 0xdead);
  slp_admin_request request{};
  request.op = SLP_ADMIN_QUEUE_DESTROY;
  machine_.post(request);
  EXPECT_EQ(machine_.next_response()->id, 0xdeadU);
}

TEST_F(InjectionTest, AdminBadSize) {
  machine_.inject(SLP_INJECT_ADMIN_BAD_SIZE, SLP_ADMIN_TELEMETRY, 0x7fffffff);
  slp_admin_request request{};
  request.op = SLP_ADMIN_TELEMETRY;
  request.buffer.address = machine_.pages(4096);
  request.buffer.size = 64;
  EXPECT_EQ(machine_.request(request)->size, 0x7fffffffU);
}

TEST_F(InjectionTest, AdminFails) {
  machine_.inject(SLP_INJECT_ADMIN_FAILS, SLP_ADMIN_QUEUE_DESTROY, SLP_ADMIN_IN_USE);
  EXPECT_EQ(queue_.destroy()->status, std::uint32_t{SLP_ADMIN_IN_USE});
  EXPECT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});  // it is still there
}

/// It would be a firmware that says what is not so: no driver could keep to the rules then.
TEST_F(InjectionTest, AdminFailsWithSuccess) {
  machine_.inject(SLP_INJECT_ADMIN_FAILS, SLP_ADMIN_QUEUE_DESTROY, SLP_ADMIN_OK);
  EXPECT_EQ(queue_.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(machine_.read(SLP_INJECT_FIRED), 1U);
  queue_.create();
  EXPECT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
}

TEST_F(InjectionTest, EngineResetFails) {
  machine_.inject(SLP_INJECT_HANG, 0);
  queue_.submit_tasks(one());
  ASSERT_TRUE(machine_.next_event());
  const auto engine = queue_.status().engine;
  machine_.inject(SLP_INJECT_ENGINE_RESET_FAILS, engine);
  EXPECT_FALSE(machine_.request(SLP_ADMIN_ENGINE_RESET, engine, 10ms));
  EXPECT_NE(machine_.read(SLP_ENGINE(engine) + SLP_ENGINE_STATUS) & SLP_ENGINE_STATUS_RESETTING,
            0U);
  EXPECT_FALSE(queue_.destroy(10ms));  // the engine holds it
  machine_.reset();
  EXPECT_EQ(machine_.read(SLP_ENGINE(engine) + SLP_ENGINE_STATUS), 0U);
}

TEST_F(InjectionTest, LinkLoss) {
  machine_.inject(SLP_INJECT_LINK_LOSS);
  EXPECT_EQ(machine_.read(SLP_ID), ~0U);
  EXPECT_EQ(machine_.read(SLP_BOOT_STATE), ~0U);
  machine_.write(SLP_SCRATCH, 1);
  machine_.card->reset(ResetKind::kFunction);  // does not arrive
  EXPECT_EQ(machine_.read(SLP_ID), ~0U);
  machine_.card->reset(ResetKind::kBus);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
  EXPECT_EQ(machine_.read(SLP_SCRATCH), 0U);
  machine_.boot();
}

TEST_F(InjectionTest, LinkLossWithinAJob) {
  machine_.inject(SLP_INJECT_LINK_LOSS, 0, 0, 1, 1);
  queue_.submit_tasks({fill_task(i32(0, {4}), 1), fill_task(i32(0, {4}), 2)});
  EXPECT_TRUE(eventually([&] { return machine_.read(SLP_ID) == ~0U; }));
  machine_.card->reset(ResetKind::kBus);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
}

TEST_F(InjectionTest, NoneDisarms) {
  machine_.inject(SLP_INJECT_ILLEGAL, 0);
  machine_.inject(SLP_INJECT_NONE);
  EXPECT_EQ(queue_.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
}

TEST_F(InjectionTest, InjectionsSurviveResets) {
  machine_.inject(SLP_INJECT_BOOT_SILENT);
  machine_.write(SLP_CONTROL, SLP_CONTROL_RESET);
  ASSERT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_VERIFY);
  EXPECT_EQ(machine_.state(), std::uint32_t{SLP_BOOT_STATE_ROM});
}

TEST(Injections, FromTheCommandLine) {
  const auto injection = sloop::parse_injection("admin_lost:op=3,skip=1,count=2,arg=4");
  EXPECT_EQ(injection.kind, std::uint32_t{SLP_INJECT_ADMIN_LOST});
  EXPECT_EQ(injection.target, 3U);
  EXPECT_EQ(sloop::parse_injection("link_loss").kind, std::uint32_t{SLP_INJECT_LINK_LOSS});
  EXPECT_THROW((void)sloop::parse_injection("page_fault"), std::invalid_argument);
  Machine machine(Machine::Until::kRom, {"boot_silent:count=1"});
  machine.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_VERIFY);
  EXPECT_EQ(machine.state(), std::uint32_t{SLP_BOOT_STATE_ROM});
}

}  // namespace

}  // namespace halyard::emu::test
