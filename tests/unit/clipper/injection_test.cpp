// SPDX-License-Identifier: MIT
/// \file
/// Error injection, by registers and by the command line.

#include <thread>

#include "card_test.hpp"
#include "chips/clipper/injections.hpp"

namespace halyard::emu::test {
namespace {

using clipper::parse_injection;

TEST(ParseInjection, Names) {
  const auto hang = parse_injection("hang:queue=3,skip=10,count=2,arg=5");
  EXPECT_EQ(hang.kind, std::uint32_t{CLP_INJECT_HANG});
  EXPECT_EQ(hang.target, 3U);
  EXPECT_EQ(hang.skip, 10U);
  EXPECT_EQ(hang.count, 2U);
  EXPECT_EQ(hang.arg, 5U);
  const auto plain = parse_injection("link_loss");
  EXPECT_EQ(plain.kind, std::uint32_t{CLP_INJECT_LINK_LOSS});
  EXPECT_EQ(plain.target, std::uint32_t{CLP_INJECT_ANY});
  EXPECT_EQ(plain.count, 1U);
  EXPECT_EQ(parse_injection("engine_reset_fails:engine=2").target, 2U);
  EXPECT_EQ(parse_injection("slow:target=any,arg=100").target, std::uint32_t{CLP_INJECT_ANY});
}

TEST(ParseInjection, Refusals) {
  for (const char* text : {"", "none", "explode", "hang:", "hang:queue",
                           "hang:queue=", "hang:queue=x", "hang:queue=4294967296", "hang:queue=-1",
                           "hang:colour=3", "hang:queue=1,", "HANG", "hang queue=1"}) {
    EXPECT_THROW(parse_injection(text), std::invalid_argument) << text;
  }
  try {
    parse_injection("hang:colour=3");
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("colour"), std::string::npos);
  }
}

class Inject : public CardTest {
 protected:
  TestQueue queue_{machine_, context_, 4, {.engine_class = kCopyClass}};
  static constexpr unsigned kVector = CLP_VECTOR_ENGINE(2);

  void expect_fault(std::uint32_t cause) {
    const auto* fault = machine_.next_fault();
    ASSERT_NE(fault, nullptr);
    EXPECT_EQ(fault->cause, cause);
    EXPECT_EQ(fault->queue, 4U);
    EXPECT_EQ(machine_.read(CLP_INJECT_FIRED), 1U);
    ASSERT_TRUE(queue_.reset());
    queue_.enable();
    ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop()))) << "it does not happen again";
  }
  bool hung() {
    return eventually([&] {
      return (machine_.read(CLP_ENGINE(2) + CLP_ENGINE_STATUS) & CLP_ENGINE_STATUS_HUNG) != 0;
    });
  }
};

TEST_F(Inject, RegistersReadBack) {
  machine_.write(CLP_INJECT_KIND, 3);
  machine_.write(CLP_INJECT_TARGET, 4);
  machine_.write(CLP_INJECT_SKIP, 5);
  machine_.write(CLP_INJECT_COUNT, 6);
  machine_.write(CLP_INJECT_ARG, 7);
  EXPECT_EQ(machine_.read(CLP_INJECT_KIND), 3U);
  EXPECT_EQ(machine_.read(CLP_INJECT_TARGET), 4U);
  EXPECT_EQ(machine_.read(CLP_INJECT_SKIP), 5U);
  EXPECT_EQ(machine_.read(CLP_INJECT_COUNT), 6U);
  EXPECT_EQ(machine_.read(CLP_INJECT_ARG), 7U);
  EXPECT_EQ(machine_.read(CLP_INJECT_FIRED), 0U);
}

TEST_F(Inject, NoneDisarms) {
  machine_.inject(CLP_INJECT_HANG);
  machine_.inject(CLP_INJECT_NONE);
  ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
}

TEST_F(Inject, Hang) {
  machine_.inject(CLP_INJECT_HANG, 4, 0, 1, 2);
  Stream stream;
  stream.nop().nop().nop().nop();
  queue_.submit(stream);
  ASSERT_TRUE(hung());
  EXPECT_EQ(std::atomic_ref(queue_.status().commands).load(), 2U);
  EXPECT_EQ(queue_.fence(), 0U);
  EXPECT_EQ(machine_.read(CLP_ENGINE(2) + CLP_ENGINE_QUEUE), 4U);
  EXPECT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_RUNNING});
  ASSERT_TRUE(queue_.reset());
  EXPECT_TRUE(idle(2));
  queue_.enable();
  ASSERT_TRUE(queue_.wait(queue_.submit(stream)));
}

TEST_F(Inject, PageFault) {
  machine_.inject(CLP_INJECT_PAGE_FAULT, 4);
  queue_.submit(fill_stream(data_, 1));
  expect_fault(CLP_FAULT_UNMAPPED);
  EXPECT_EQ(context_.at<std::uint32_t>(data_), 0U);
}

TEST_F(Inject, Illegal) {
  machine_.inject(CLP_INJECT_ILLEGAL, 4);
  queue_.submit(Stream{}.nop());
  expect_fault(CLP_FAULT_ILLEGAL_COMMAND);
}

TEST_F(Inject, EccUncorrectable) {
  machine_.inject(CLP_INJECT_ECC, 4, 1);
  queue_.submit(Stream{}.nop());
  expect_fault(CLP_FAULT_ECC_UNCORRECTABLE);
}

TEST_F(Inject, EccCorrected) {
  machine_.inject(CLP_INJECT_ECC, 4, 0, 3);
  Stream stream;
  stream.nop().nop().nop().nop();
  ASSERT_TRUE(queue_.wait(queue_.submit(stream)));
  EXPECT_EQ(machine_.read64(CLP_PERF(CLP_PERF_ECC_CORRECTED)), 3U);
  EXPECT_EQ(machine_.read(CLP_INJECT_FIRED), 3U);
}

TEST_F(Inject, OtherQueuesAreSpared) {
  machine_.inject(CLP_INJECT_HANG, 5);
  ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
}

TEST_F(Inject, IrqLost) {
  machine_.inject(CLP_INJECT_IRQ_LOST, 4);
  ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
  ASSERT_TRUE(eventually([&] { return machine_.read(CLP_IRQ_STATUS) == 1U << kVector; }));
  EXPECT_EQ(machine_.host.raised(kVector), 0U);
  queue_.submit(Stream{}.nop());
  EXPECT_TRUE(machine_.host.wait_raised(kVector, 1));
}

TEST_F(Inject, FaultIrqLost) {
  machine_.inject(CLP_INJECT_IRQ_LOST, 4);
  queue_.submit(fill_stream(0x660000000000, 1));
  ASSERT_NE(machine_.next_fault(), nullptr);
  ASSERT_TRUE(eventually([&] { return machine_.read(CLP_IRQ_STATUS) == 1; }));
  EXPECT_EQ(machine_.host.raised(CLP_VECTOR_EVENT), 0U);
}

TEST_F(Inject, IrqLate) {
  machine_.inject(CLP_INJECT_IRQ_LATE, 4, 30000);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
  ASSERT_TRUE(machine_.host.wait_raised(kVector, 1));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

TEST_F(Inject, IrqSpurious) {
  machine_.inject(CLP_INJECT_IRQ_SPURIOUS, CLP_INJECT_ANY, 3);
  EXPECT_EQ(machine_.host.raised(3), 1U);
  EXPECT_EQ(machine_.read(CLP_IRQ_STATUS), 0U);
  machine_.inject(CLP_INJECT_IRQ_SPURIOUS, CLP_INJECT_ANY, 99);
}

TEST_F(Inject, CompletionTorn) {
  clp_job job = queue_.make_job(Stream{}.nop());
  job.fence = 0xffffffff;
  queue_.enqueue(job);
  queue_.ring();
  ASSERT_TRUE(queue_.wait(0xffffffff));
  machine_.inject(CLP_INJECT_COMPLETION_TORN, 4, 50000);
  job.fence = 0x100000002;
  queue_.enqueue(job);
  queue_.ring();
  ASSERT_TRUE(queue_.wait(0x100000000));
  EXPECT_EQ(queue_.fence(), 0x1ffffffffU);
  ASSERT_TRUE(eventually([&] { return queue_.fence() == 0x100000002; }));
}

TEST_F(Inject, CompletionEarly) {
  machine_.inject(CLP_INJECT_COMPLETION_EARLY, 4, 50000);
  const auto fence = queue_.submit(Stream{}.nop());
  ASSERT_TRUE(machine_.host.wait_raised(kVector, 1));
  EXPECT_EQ(queue_.fence(), 0U);
  ASSERT_TRUE(queue_.wait(fence));
  EXPECT_EQ(machine_.host.raised(kVector), 1U);
}

TEST_F(Inject, QueueResetFails) {
  machine_.inject(CLP_INJECT_HANG, 4);
  machine_.inject(CLP_INJECT_QUEUE_RESET_FAILS, 4);
  queue_.submit(Stream{}.nop());
  ASSERT_TRUE(hung());
  machine_.write(queue_.base() + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_RESET);
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_RESETTING});
  EXPECT_EQ(machine_.read(CLP_ENGINE(2) + CLP_ENGINE_QUEUE), 4U);
  machine_.write(CLP_ENGINE(2) + CLP_ENGINE_CONTROL, CLP_ENGINE_CONTROL_RESET);
  ASSERT_TRUE(queue_.wait_state(CLP_QUEUE_STATE_DISABLED)) << "the engine's reset frees it";
  EXPECT_TRUE(idle(2));
  queue_.enable();
  ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
}

TEST_F(Inject, IdleQueueResetFailsUntilTheFunctionIsReset) {
  machine_.inject(CLP_INJECT_QUEUE_RESET_FAILS, 4);
  machine_.write(queue_.base() + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_RESET);
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_RESETTING});
  machine_.reset();
  ASSERT_TRUE(machine_.wait_ready());
  EXPECT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_DISABLED});
}

TEST_F(Inject, EngineResetFails) {
  machine_.inject(CLP_INJECT_HANG, 4);
  machine_.inject(CLP_INJECT_ENGINE_RESET_FAILS, 2);
  queue_.submit(Stream{}.nop());
  ASSERT_TRUE(hung());
  machine_.write(CLP_ENGINE(2) + CLP_ENGINE_CONTROL, CLP_ENGINE_CONTROL_RESET);
  std::this_thread::sleep_for(5ms);
  EXPECT_NE(machine_.read(CLP_ENGINE(2) + CLP_ENGINE_STATUS) & CLP_ENGINE_STATUS_RESETTING, 0U);
  machine_.reset();
  ASSERT_TRUE(machine_.wait_ready());
  EXPECT_TRUE(idle(2));
}

TEST_F(Inject, FunctionResetFailsButFlrWorks) {
  machine_.inject(CLP_INJECT_FUNCTION_RESET_FAILS);
  machine_.reset();
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(machine_.read(CLP_STATUS), std::uint32_t{CLP_STATUS_RESETTING});
  machine_.card->reset(ResetKind::kFunction);
  ASSERT_TRUE(machine_.wait_ready());
}

TEST_F(Inject, LinkLossAtOnce) {
  machine_.inject(CLP_INJECT_LINK_LOSS);
  EXPECT_EQ(machine_.read(CLP_ID), 0xffffffffU);
  EXPECT_EQ(machine_.read(0x77770), 0xffffffffU);
  queue_.submit(Stream{}.nop());
  machine_.card->reset(ResetKind::kFunction);  // does not get there
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(queue_.fence(), 0U);
  EXPECT_EQ(machine_.read(CLP_STATUS), 0xffffffffU);
  machine_.card->reset(ResetKind::kBus);
  ASSERT_TRUE(machine_.wait_ready());
  EXPECT_EQ(machine_.read(CLP_ID), std::uint32_t{CLP_ID_VALUE});
}

TEST_F(Inject, LinkLossInTheMidstOfAJob) {
  machine_.inject(CLP_INJECT_LINK_LOSS, 4, 0, 1, 1);
  Stream stream;
  stream.nop().fill(3, dense(stream.bind(data_, 64), DRM_HALYARD_CLIPPER_I32, {1}));
  queue_.submit(stream);
  ASSERT_TRUE(eventually([&] { return machine_.read(CLP_STATUS) == 0xffffffff; }));
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(queue_.fence(), 0U);
  EXPECT_EQ(context_.at<std::uint32_t>(data_), 0U);
  EXPECT_EQ(machine_.host.raised(kVector), 0U);
  machine_.card->reset(ResetKind::kBus);
  ASSERT_TRUE(machine_.wait_ready());
}

TEST_F(Inject, Slow) {
  machine_.inject(CLP_INJECT_SLOW, 4, 20000, 2);
  const auto start = std::chrono::steady_clock::now();
  Stream stream;
  stream.nop().nop().nop();
  ASSERT_TRUE(queue_.wait(queue_.submit(stream)));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 40ms);
  EXPECT_GE(queue_.status().busy_ns, 40000000U);
}

TEST_F(Inject, SurvivesAFunctionReset) {
  machine_.inject(CLP_INJECT_HANG, 4);
  machine_.reset();
  machine_.start();
  Context context(machine_, 1);
  TestQueue queue(machine_, context, 4, {.engine_class = kCopyClass});
  queue.submit(Stream{}.nop());
  EXPECT_TRUE(hung());
}

TEST(InjectOption, IsArmedFromPowerOnAndAfterEach) {
  Machine machine(ChipOptions{.inject = {"illegal:queue=2,skip=1", "irq_spurious:arg=2"}});
  EXPECT_EQ(machine.host.raised(2), 1U) << "with CONTROL.ENABLE";
  for (int i = 0; i < 2; ++i) {
    Context context(machine, 0);
    TestQueue queue(machine, context, 2);
    ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
    queue.submit(Stream{}.nop());
    const auto* fault = machine.next_fault();
    ASSERT_NE(fault, nullptr);
    EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_ILLEGAL_COMMAND});
    machine.card->reset(ResetKind::kPowerOn);
    machine.start();
  }
  EXPECT_EQ(machine.judge.findings().size(), 0U);
}

}  // namespace
}  // namespace halyard::emu::test
