// SPDX-License-Identifier: MIT
/// \file
/// Resets of queue, engine and function in every state, and power.

#include <thread>

#include "card_test.hpp"

namespace halyard::emu::test {
namespace {

enum class Busy { kIdle, kPending, kRunning, kWaiting, kHung, kFaulted };

void PrintTo(Busy busy, std::ostream* out) {
  static constexpr const char* kNames[] = {"Idle",    "Pending", "Running",
                                           "Waiting", "Hung",    "Faulted"};
  *out << kNames[static_cast<int>(busy)];
}

class Resets : public CardTest, public testing::WithParamInterface<Busy> {
 protected:
  TestQueue queue_{machine_, context_, 3, {.engine_class = kCopyClass}};

  /// Brings the queue into the state.
  void occupy() {
    switch (GetParam()) {
      case Busy::kIdle:
        ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
        return;
      case Busy::kPending:
        machine_.write(CLP_CONTROL, 0);
        queue_.submit(Stream{}.nop());
        ASSERT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_PENDING});
        return;
      case Busy::kRunning: {
        machine_.inject(CLP_INJECT_SLOW, 3, 30'000'000, 0xffffffff);
        Stream stream;
        for (int i = 0; i < 10; ++i)
          stream.nop();
        queue_.submit(stream);
        ASSERT_TRUE(queue_.wait_state(CLP_QUEUE_STATE_RUNNING));
        return;
      }
      case Busy::kWaiting:
        queue_.submit(gate_stream());
        ASSERT_TRUE(queue_.wait_state(CLP_QUEUE_STATE_WAITING));
        return;
      case Busy::kHung:
        machine_.inject(CLP_INJECT_HANG, 3);
        queue_.submit(Stream{}.nop());
        ASSERT_TRUE(eventually([&] {
          return (machine_.read(CLP_ENGINE(2) + CLP_ENGINE_STATUS) & CLP_ENGINE_STATUS_HUNG) != 0;
        }));
        return;
      case Busy::kFaulted:
        queue_.submit(fill_stream(0x660000000000, 1));
        ASSERT_NE(machine_.next_fault(), nullptr);
        return;
    }
  }

  /// All works again.
  void expect_works(Context& context) {
    machine_.inject(CLP_INJECT_NONE);
    machine_.write(CLP_CONTROL, CLP_CONTROL_ENABLE);
    TestQueue queue(machine_, context, 3, {.engine_class = kCopyClass});
    const std::uint64_t address = context.allocate(4096);
    ASSERT_TRUE(queue.wait(queue.submit(fill_stream(address, 77))));
    EXPECT_EQ(context.at<std::uint32_t>(address), 77U);
  }
};

TEST_P(Resets, Queue) {
  occupy();
  const std::uint64_t fence = queue_.fence();
  ASSERT_TRUE(queue_.reset());
  EXPECT_EQ(queue_.fence(), fence);
  EXPECT_TRUE(eventually([&] { return idle(2); }));
  EXPECT_EQ(machine_.read(queue_.base() + CLP_QUEUE_HEAD), 0U);
  expect_works(context_);
}

TEST_P(Resets, Engine) {
  occupy();
  const bool on_engine = machine_.read(CLP_ENGINE(2) + CLP_ENGINE_QUEUE) == 3;
  machine_.write(CLP_ENGINE(2) + CLP_ENGINE_CONTROL, CLP_ENGINE_CONTROL_RESET);
  ASSERT_TRUE(eventually([&] { return idle(2); }));
  EXPECT_EQ(machine_.read(CLP_ENGINE(2) + CLP_ENGINE_CONTROL), 0U);
  if (on_engine) {
    EXPECT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_FAULTED});
  }
  ASSERT_TRUE(queue_.reset());
  expect_works(context_);
}

TEST_P(Resets, Function) {
  occupy();
  const std::uint64_t before = machine_.read64(CLP_TIMESTAMP_LO);
  machine_.reset();
  ASSERT_TRUE(machine_.wait_ready());
  EXPECT_EQ(machine_.read(CLP_CONTROL), 0U);
  EXPECT_EQ(machine_.read(CLP_CTX(7) + CLP_CTX_CONTROL), 0U);
  EXPECT_EQ(machine_.read64(queue_.base() + CLP_QUEUE_RING_LO), 0U);
  EXPECT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_DISABLED});
  EXPECT_TRUE(idle(2));
  EXPECT_GT(machine_.read64(CLP_TIMESTAMP_LO), before) << "the clock goes on";
  machine_.start();
  Context context(machine_, 12);
  expect_works(context);
}

TEST_P(Resets, Flr) {
  occupy();
  machine_.write(CLP_CONTROL, 0);
  machine_.card->reset(ResetKind::kFunction);
  machine_.start();
  Context context(machine_, 12);
  expect_works(context);
}

TEST_P(Resets, PowerOnIsNobodysFault) {
  occupy();
  machine_.card->reset(ResetKind::kPowerOn);
  machine_.start();
  Context context(machine_, 12);
  expect_works(context);
}

TEST_P(Resets, Detach) {
  occupy();
  machine_.card->detach();
}

INSTANTIATE_TEST_SUITE_P(State, Resets,
                         testing::Values(Busy::kIdle, Busy::kPending, Busy::kRunning,
                                         Busy::kWaiting, Busy::kHung, Busy::kFaulted),
                         testing::PrintToStringParamName());

class Power : public CardTest {};

TEST_F(Power, NotReadyUntilTheResetIsOver) {
  clipper::CardTiming timing = fast_timing();
  timing.reset = 20ms;
  Machine machine({}, false, timing);
  EXPECT_EQ(machine.read(CLP_STATUS), std::uint32_t{CLP_STATUS_RESETTING});
  EXPECT_EQ(machine.read(CLP_ID), std::uint32_t{CLP_ID_VALUE});
  EXPECT_EQ(machine.read(CLP_REVISION), 0x10000U);
  ASSERT_TRUE(machine.wait_ready());
  EXPECT_TRUE(machine.findings().empty());
}

TEST_F(Power, ResetWaitsForTheAccessUnderWay) {
  TestQueue queue(machine_, context_, 1);
  machine_.host.block(context_.bus(data_));
  queue.submit(fill_stream(data_, 9));
  machine_.host.wait_blocked();
  machine_.reset();
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(machine_.read(CLP_STATUS), std::uint32_t{CLP_STATUS_RESETTING});
  machine_.host.unblock();
  ASSERT_TRUE(machine_.wait_ready());
  EXPECT_EQ(queue.fence(), 0U) << "a dropped job does not report";
}

TEST_F(Power, SleepHoldsWorkAndKeepsState) {
  TestQueue queue(machine_, context_, 1);
  machine_.write(CLP_CONTROL, 0);
  queue.submit(Stream{}.nop());
  machine_.card->set_power(PowerState::kD3hot);
  machine_.card->set_power(PowerState::kD0);
  EXPECT_EQ(queue.state(), std::uint32_t{CLP_QUEUE_STATE_PENDING});
  machine_.write(CLP_CONTROL, CLP_CONTROL_ENABLE);
  EXPECT_TRUE(queue.wait(1));
}

TEST_F(Power, FaultQueueThatIsGoneIsFatal) {
  machine_.write(CLP_FAULTQ_ORDER, 0);
  machine_.write64(CLP_FAULTQ_BASE_LO, 0x100000);
  machine_.write(CLP_FAULTQ_ORDER, 6);
  TestQueue queue(machine_, context_, 1);
  queue.submit(fill_stream(0x660000000000, 1));
  ASSERT_TRUE(eventually([&] { return (machine_.read(CLP_STATUS) & CLP_STATUS_FATAL) != 0; }));
  EXPECT_TRUE(machine_.host.wait_raised(CLP_VECTOR_EVENT, 1));
  machine_.reset();
  ASSERT_TRUE(machine_.wait_ready());
  EXPECT_EQ(machine_.read(CLP_STATUS), std::uint32_t{CLP_STATUS_READY});
  expect_broken({"CLP-D1"});
}

}  // namespace
}  // namespace halyard::emu::test
