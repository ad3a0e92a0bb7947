// SPDX-License-Identifier: MIT
/// \file
/// Error injection, by registers and by the command line.

#include "chips/dory/injections.hpp"

#include "machine.hpp"

namespace halyard::emu::test {
namespace {

TEST(ParseInjection, Names) {
  constexpr const char* kNames[] = {"hang",        "operands",  "bus",          "ecc",
                                    "irq_lost",    "irq_late",  "irq_spurious", "irq_early",
                                    "reset_fails", "link_loss", "slow"};
  std::uint32_t kind = 0;
  for (const char* name : kNames)
    EXPECT_EQ(dory::parse_injection(name).kind, ++kind);
  EXPECT_EQ(kind + 1, std::uint32_t{DORY_NUM_INJECT});
  const auto hang = dory::parse_injection("hang:skip=10,count=2,arg=5");
  EXPECT_EQ(hang.skip, 10U);
  EXPECT_EQ(hang.count, 2U);
  EXPECT_EQ(hang.arg, 5U);
}

TEST(ParseInjection, Refusals) {
  for (const char* text : {"", "none", "explode", "hang:queue=1", "hang:skip", "hang:skip=x"})
    EXPECT_THROW(dory::parse_injection(text), std::invalid_argument) << text;
  Judge judge;
  Trace trace;
  EXPECT_THROW(dory::Card({.inject = {"hang:colour=1"}}, judge, trace), std::invalid_argument);
}

class Inject : public CardTest {
 protected:
  void expect_works(std::uint32_t value) {
    ASSERT_EQ(machine_.run(fill_job(value)), std::uint32_t{DORY_ERROR_NONE});
    EXPECT_EQ(out_word(), value);
  }
  bool fired(std::uint32_t count = 1) {
    return eventually([&] { return machine_.read(DORY_INJECT_FIRED) == count; });
  }
};

TEST_F(Inject, RegistersReadBack) {
  machine_.write(DORY_INJECT_KIND, 3);
  machine_.write(DORY_INJECT_SKIP, 5);
  machine_.write(DORY_INJECT_COUNT, 6);
  machine_.write(DORY_INJECT_ARG, 7);
  EXPECT_EQ(machine_.read(DORY_INJECT_KIND), 3U);
  EXPECT_EQ(machine_.read(DORY_INJECT_SKIP), 5U);
  EXPECT_EQ(machine_.read(DORY_INJECT_COUNT), 6U);
  EXPECT_EQ(machine_.read(DORY_INJECT_ARG), 7U);
  EXPECT_EQ(machine_.read(DORY_INJECT_FIRED), 0U);
}

TEST_F(Inject, NoneDisarms) {
  machine_.inject(DORY_INJECT_HANG);
  machine_.inject(DORY_INJECT_NONE);
  expect_works(1);
}

TEST_F(Inject, HangStopsAtItsOperation) {
  machine_.inject(DORY_INJECT_HANG, 0, 1, 2);
  Stream stream;
  for (std::uint32_t i = 0; i < 4; ++i)
    stream.fill(dense(1, DRM_HALYARD_DORY_I32, {1}, 4 * i), 1);
  machine_.start(stream.end());
  ASSERT_TRUE(fired());
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_COMMANDS) == 2; }));
  std::this_thread::sleep_for(1ms);
  EXPECT_EQ(machine_.read(DORY_COMMANDS), 2U);
  EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_BUSY});
  EXPECT_EQ(out_word(8), 0U);
  ASSERT_TRUE(machine_.reset());
}

TEST_F(Inject, SurvivesResets) {
  machine_.inject(DORY_INJECT_OPERANDS);
  ASSERT_TRUE(machine_.reset());
  machine_.set_region(1, out_, kSize, true);
  EXPECT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_OPERANDS});
  expect_works(2);
}

TEST_F(Inject, Operands) {
  machine_.inject(DORY_INJECT_OPERANDS);
  EXPECT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_OPERANDS});
  EXPECT_EQ(machine_.read(DORY_ERROR_ADDRESS), 0U);
  EXPECT_EQ(out_word(), 0U);
  expect_works(2);
}

TEST_F(Inject, Bus) {
  machine_.inject(DORY_INJECT_BUS);
  EXPECT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_BUS});
  EXPECT_EQ(machine_.read(DORY_ERROR_ADDRESS),
            machine_.stream_address + machine_.read(DORY_ERROR_OFFSET));
  EXPECT_EQ(machine_.read(DORY_ERROR_ACCESS), std::uint32_t{DORY_NO_REGION});
  expect_works(2);
}

TEST_F(Inject, EccCorrected) {
  machine_.inject(DORY_INJECT_ECC);
  expect_works(1);
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_ECC_CORRECTED)), 1U);
}

TEST_F(Inject, EccUncorrectable) {
  machine_.inject(DORY_INJECT_ECC, 1);
  EXPECT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_ECC});
  EXPECT_EQ(out_word(), 0U);
  expect_works(2);
}

TEST_F(Inject, InterruptLost) {
  machine_.enable_interrupts();
  machine_.inject(DORY_INJECT_IRQ_LOST);
  expect_works(1);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_IRQ_STATUS) != 0; }));
  machine_.enable_interrupts();
  EXPECT_EQ(machine_.host.raised(0), 0U);
  // The next end of a job is heard, acknowledged or not.
  expect_works(2);
  EXPECT_TRUE(machine_.host.wait_raised(0, 1));
}

TEST_F(Inject, InterruptLate) {
  machine_.enable_interrupts();
  machine_.inject(DORY_INJECT_IRQ_LATE, 20000);
  const auto begin = std::chrono::steady_clock::now();
  expect_works(1);
  ASSERT_TRUE(machine_.host.wait_raised(0, 1));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_EQ(machine_.read(DORY_IRQ_STATUS), std::uint32_t{DORY_IRQ_DONE});
}

TEST_F(Inject, InterruptLateEndsWithAReset) {
  machine_.enable_interrupts();
  machine_.inject(DORY_INJECT_IRQ_LATE, 30000);
  expect_works(1);
  ASSERT_TRUE(machine_.reset());
  machine_.enable_interrupts();
  std::this_thread::sleep_for(60ms);
  EXPECT_EQ(machine_.host.raised(0), 0U);
  EXPECT_EQ(machine_.read(DORY_IRQ_STATUS), 0U);
}

TEST_F(Inject, InterruptSpurious) {
  machine_.inject(DORY_INJECT_IRQ_SPURIOUS);
  EXPECT_EQ(machine_.host.raised(0), 0U) << "while disabled";
  machine_.enable_interrupts();
  machine_.inject(DORY_INJECT_IRQ_SPURIOUS);
  EXPECT_EQ(machine_.host.raised(0), 1U);
  EXPECT_EQ(machine_.read(DORY_IRQ_STATUS), 0U);
}

TEST_F(Inject, InterruptEarly) {
  machine_.enable_interrupts();
  machine_.inject(DORY_INJECT_IRQ_EARLY, 100000);
  const std::uint32_t job = machine_.start(fill_job(1));
  ASSERT_TRUE(machine_.host.wait_raised(0, 1));
  EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_BUSY});
  EXPECT_NE(machine_.read(DORY_COMPLETED), job);
  machine_.write(DORY_IRQ_ACK, DORY_IRQ_DONE);
  ASSERT_TRUE(machine_.wait_idle());
  EXPECT_EQ(machine_.read(DORY_COMPLETED), job);
  EXPECT_EQ(machine_.host.raised(0), 1U);
}

TEST_F(Inject, ResetFailsButFlrWorks) {
  machine_.inject(DORY_INJECT_RESET_FAILS);
  machine_.write(DORY_CTRL, DORY_CTRL_RESET);
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_RESETTING});
  machine_.card->reset(ResetKind::kFunction);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  machine_.set_region(1, out_, kSize, true);
  expect_works(1);
}

TEST_F(Inject, LinkLossUntilABusReset) {
  machine_.inject(DORY_INJECT_LINK_LOSS);
  EXPECT_EQ(machine_.read(DORY_ID), 0xffffffffU);
  machine_.write(DORY_RUN, 1);
  machine_.card->reset(ResetKind::kFunction);
  EXPECT_EQ(machine_.read(DORY_STATUS), 0xffffffffU);
  machine_.card->reset(ResetKind::kBus);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  machine_.set_region(1, out_, kSize, true);
  expect_works(1);
}

TEST_F(Inject, LinkLossWithinAJob) {
  machine_.inject(DORY_INJECT_LINK_LOSS, 0, 1, 1);
  Stream stream;
  stream.fill(dense(1, DRM_HALYARD_DORY_I32, {1}), 1);
  stream.fill(dense(1, DRM_HALYARD_DORY_I32, {1}, 4), 1).end();
  machine_.enable_interrupts();
  machine_.start(stream);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0xffffffffU; }));
  EXPECT_EQ(out_word(0), 1U);
  EXPECT_EQ(out_word(4), 0U);
  EXPECT_EQ(machine_.host.raised(0), 0U);
  machine_.card->reset(ResetKind::kFunction);  // does not arrive, and is no breach
  machine_.card->reset(ResetKind::kBus);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
}

TEST_F(Inject, SlowCountsAsBusy) {
  machine_.inject(DORY_INJECT_SLOW, 5000);
  const auto begin = std::chrono::steady_clock::now();
  expect_works(1);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 5ms);
  EXPECT_EQ(machine_.read64(DORY_CYCLES_LO), 5000U * 500U + 65U);
}

TEST_F(Inject, ResetEndsASlowOperation) {
  machine_.inject(DORY_INJECT_SLOW, 60 * 1000 * 1000);
  machine_.start(fill_job(1));
  ASSERT_TRUE(fired());
  ASSERT_TRUE(machine_.reset());
  EXPECT_EQ(out_word(), 0U);
}

TEST(InjectByCommandLine, IsArmedAtPowerOn) {
  Machine machine({.inject = {"operands:skip=1", "irq_spurious"}});
  machine.enable_interrupts();
  const std::uint32_t out = machine.allocate(4096);
  machine.set_region(1, out, 4096, true);
  EXPECT_EQ(machine.run(fill_job(1)), std::uint32_t{DORY_ERROR_NONE});
  EXPECT_EQ(machine.run(fill_job(2)), std::uint32_t{DORY_ERROR_OPERANDS});
  EXPECT_EQ(machine.run(fill_job(3)), std::uint32_t{DORY_ERROR_NONE});
  EXPECT_TRUE(machine.host.wait_raised(0, 2)) << "the spurious one and that of the jobs";
  EXPECT_EQ(machine.findings(), std::vector<std::string>{});
}

}  // namespace
}  // namespace halyard::emu::test
