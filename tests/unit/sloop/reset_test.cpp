// SPDX-License-Identifier: MIT
/// \file
/// Halts, resets of queue, engine, card and function, crashes.

#include <thread>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class ResetTest : public CardTest {
 protected:
  static std::vector<Task> one() { return {fill_task(i32(0, {4}), 7)}; }
  void hang(TestQueue& queue) {
    machine_.inject(SLP_INJECT_HANG, queue.number());
    queue.submit_tasks(one());
    ASSERT_TRUE(eventually([&] { return hung_engine() != SLP_NONE; }));
  }
  [[nodiscard]] std::uint32_t hung_engine() {
    for (unsigned e = 0; e < SLP_NUM_ENGINES; ++e) {
      if ((machine_.read(SLP_ENGINE(e) + SLP_ENGINE_STATUS) & SLP_ENGINE_STATUS_HUNG) != 0)
        return e;
    }
    return SLP_NONE;
  }
};

TEST_F(ResetTest, DestroyingAQueueDropsItsJobs) {
  TestQueue queue(machine_, 0);
  hang(queue);
  for (int i = 0; i < 5; ++i)
    queue.submit_tasks(one());
  EXPECT_EQ(queue.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(hung_engine(), std::uint32_t{SLP_NONE});
  EXPECT_EQ(queue.create(), std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(queue.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
}

TEST_F(ResetTest, DestroyingALongTransferEndsIt) {
  TestQueue queue(machine_, 0, {.engine_class = kDma});
  const auto card = machine_.card_pages(16 << 20);
  machine_.inject(SLP_INJECT_SLOW, 0, 1000000, 16);
  queue.submit(fill_payload(at(0), 16 << 20, 1), {card_segment(card, 16 << 20)});
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(queue.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(ResetTest, EngineResetStopsTheQueueWithoutAResponse) {
  TestQueue queue(machine_, 0);
  hang(queue);
  const auto engine = hung_engine();
  EXPECT_EQ(machine_.read(SLP_ENGINE(engine) + SLP_ENGINE_QUEUE), 0U);
  EXPECT_EQ(machine_.request(SLP_ADMIN_ENGINE_RESET, engine)->status, std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(machine_.read(SLP_ENGINE(engine) + SLP_ENGINE_STATUS), 0U);
  EXPECT_FALSE(queue.response(10ms));
  ASSERT_TRUE(eventually([&] { return queue.status().state == SLP_QUEUE_STATE_STOPPED; }));
  EXPECT_EQ(queue.destroy()->status, std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(ResetTest, ResetOfAnIdleEngine) {
  EXPECT_EQ(machine_.request(SLP_ADMIN_ENGINE_RESET, 2)->status, std::uint32_t{SLP_ADMIN_OK});
}

TEST_F(ResetTest, HaltDropsEverything) {
  TestQueue queue(machine_, 0);
  hang(queue);
  machine_.halt();
  const unsigned raised = machine_.host.raised(SLP_VECTOR_CLASS(kCompute));
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(machine_.host.raised(SLP_VECTOR_CLASS(kCompute)), raised);
  EXPECT_EQ(hung_engine(), std::uint32_t{SLP_NONE});
  machine_.reset();
  machine_.boot();
  EXPECT_EQ(machine_.request(SLP_ADMIN_CONTEXT_CREATE, 0)->status, std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(queue.create(), std::uint32_t{SLP_ADMIN_OK});
  EXPECT_EQ(queue.run_tasks(one()), std::uint32_t{SLP_STATUS_OK});
}

TEST_F(ResetTest, CardMemoryOutlivesResetsButNotPowerOn) {
  const auto address = machine_.card_pages(4096);
  machine_.card_memory<std::uint32_t>(address) = 42;
  machine_.reset();
  EXPECT_EQ(machine_.card_memory<std::uint32_t>(address), 42U);
  machine_.card->reset(ResetKind::kFunction);
  ASSERT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
  EXPECT_EQ(machine_.card_memory<std::uint32_t>(address), 42U);
  machine_.card->reset(ResetKind::kPowerOn);
  ASSERT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
  EXPECT_EQ(machine_.card_memory<std::uint32_t>(address), 0U);
}

TEST_F(ResetTest, FunctionLevelResetEndsAResetThatFails) {
  machine_.halt();
  machine_.inject(SLP_INJECT_RESET_FAILS);
  machine_.write(SLP_CONTROL, SLP_CONTROL_RESET);
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(machine_.state(), std::uint32_t{SLP_BOOT_STATE_RESET});
  machine_.card->reset(ResetKind::kFunction);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
  machine_.boot();
}

TEST_F(ResetTest, ACrashShowsAndAnotherBootHelps) {
  TestQueue queue(machine_, 0);
  const unsigned events = machine_.host.raised(SLP_VECTOR_EVENT);
  machine_.inject(SLP_INJECT_FIRMWARE_CRASH);
  EXPECT_EQ(machine_.state(), std::uint32_t{SLP_BOOT_STATE_CRASHED});
  EXPECT_EQ(machine_.read(SLP_CRASH_CODE), std::uint32_t{SLP_CRASH_ASSERTION});
  EXPECT_TRUE(machine_.host.wait_raised(SLP_VECTOR_EVENT, events + 1));
  const auto heartbeat = machine_.read(SLP_FW_HEARTBEAT);
  queue.submit_tasks(one());
  EXPECT_FALSE(queue.response(10ms));
  EXPECT_FALSE(machine_.request(SLP_ADMIN_NOP, 0, 10ms));
  EXPECT_EQ(machine_.read(SLP_FW_HEARTBEAT), heartbeat);
  machine_.write(SLP_CONTROL, SLP_CONTROL_RESET);
  ASSERT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
  EXPECT_EQ(machine_.read(SLP_CRASH_CODE), 0U);
  machine_.boot();
}

TEST_F(ResetTest, ACrashWithinAJob) {
  TestQueue queue(machine_, 0);
  machine_.inject(SLP_INJECT_FIRMWARE_CRASH, 0, 0, 1, 1);
  queue.submit_tasks({fill_task(i32(0, {4}), 1), fill_task(i32(0, {4}), 2)});
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_CRASHED));
  EXPECT_EQ(queue.view<std::uint32_t>(1)[0], 1U);
  machine_.write(SLP_CONTROL, SLP_CONTROL_RESET);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_ROM));
}

TEST_F(ResetTest, ResetUnderLoadComesToAnEnd) {
  for (int round = 0; round < 10; ++round) {
    const auto number = static_cast<unsigned>(round);
    TestQueue queue(machine_, number);
    for (int i = 0; i < 10; ++i)
      queue.submit_tasks(std::vector<Task>(30, fill_task(i32(0, {1 << 14}), 1)));
    machine_.reset();
    machine_.boot();
  }
}

TEST_F(ResetTest, SleepingInTheRomIsFine) {
  machine_.reset();
  machine_.card->set_power(PowerState::kD3hot);
  machine_.card->set_power(PowerState::kD0);
  machine_.boot();
}

TEST_F(ResetTest, BusMasteringOffWhileHalted) {
  machine_.halt();
  machine_.host.set_bus_master(false);
  machine_.card->set_bus_master(false);
  machine_.host.set_bus_master(true);
  machine_.card->set_bus_master(true);
}

}  // namespace

}  // namespace halyard::emu::test
