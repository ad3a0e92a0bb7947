// SPDX-License-Identifier: MIT
/// \file
/// Resets of the block and of the function, power, the bus.

#include "machine.hpp"

namespace halyard::emu::test {
namespace {

class Reset : public CardTest {
 protected:
  void hang() {
    machine_.inject(DORY_INJECT_HANG);
    machine_.start(fill_job(1));
    ASSERT_TRUE(eventually([&] { return machine_.read(DORY_INJECT_FIRED) == 1; }));
    EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_BUSY});
  }
  void expect_works() {
    machine_.set_region(1, out_, kSize, true);
    ASSERT_EQ(machine_.run(fill_job(9)), std::uint32_t{DORY_ERROR_NONE});
    EXPECT_EQ(out_word(), 9U);
  }
};

TEST_F(Reset, EndsAHang) {
  hang();
  ASSERT_TRUE(machine_.reset());
  EXPECT_EQ(out_word(), 0U);
  EXPECT_EQ(machine_.read(DORY_REGION(1) + DORY_REGION_LIMIT), 0U);
  expect_works();
}

TEST_F(Reset, OfTheFunctionEndsAHang) {
  hang();
  machine_.write(DORY_CTRL, DORY_CTRL_RESET);
  machine_.card->reset(ResetKind::kFunction);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  expect_works();
}

TEST_F(Reset, WithinAnOperationWritesNothing) {
  // The worker stands in the midst of a read; the output is computed beside it as it overlaps.
  Stream stream;
  stream.copy(dense(0, DRM_HALYARD_DORY_I32, {64}), dense(1, DRM_HALYARD_DORY_I32, {64})).end();
  for (std::byte& b : machine_.memory(in_, 256))
    b = std::byte{1};
  machine_.host.block(in_);
  machine_.start(stream);
  machine_.host.wait_blocked();
  machine_.write(DORY_CTRL, DORY_CTRL_RESET);
  EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_RESETTING});
  machine_.host.unblock();
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  EXPECT_EQ(out_word(), 0U);
  expect_works();
}

TEST_F(Reset, WithinATimestampWritesNothing) {
  machine_.host.block(out_);
  machine_.start(valid_operation(DRM_HALYARD_DORY_OP_TIMESTAMP).end());
  machine_.host.wait_blocked();
  machine_.write(DORY_CTRL, DORY_CTRL_RESET);
  machine_.host.unblock();
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  EXPECT_EQ(out_word(), 0U);
  EXPECT_EQ(out_word(4), 0U);
}

TEST_F(Reset, AtTheEndOfAJobCompletesNothing) {
  machine_.enable_interrupts();
  machine_.inject(DORY_INJECT_SLOW, 20000);
  machine_.start(fill_job(1));
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_INJECT_FIRED) == 1; }));
  // What reads the stream from its start again is the checker, after END.
  machine_.host.block(machine_.stream_address);
  machine_.host.wait_blocked();
  machine_.write(DORY_CTRL, DORY_CTRL_RESET);
  machine_.host.unblock();
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  EXPECT_EQ(machine_.host.raised(0), 0U);
  EXPECT_EQ(machine_.read(DORY_COMPLETED), 0U);
  expect_works();
}

TEST_F(Reset, ExcusesBusErrors) {
  Stream stream;
  stream.copy(dense(0, DRM_HALYARD_DORY_I32, {64}), dense(1, DRM_HALYARD_DORY_I32, {64})).end();
  machine_.host.block(in_);
  machine_.start(stream);
  machine_.host.wait_blocked();
  machine_.write(DORY_CTRL, DORY_CTRL_RESET);
  machine_.host.set_bus_master(false);
  machine_.host.unblock();
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  machine_.host.set_bus_master(true);
  expect_works();
}

TEST_F(Reset, ClearsInterrupts) {
  ASSERT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_NONE});
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_IRQ_STATUS) != 0; }));
  ASSERT_TRUE(machine_.reset());
  EXPECT_EQ(machine_.read(DORY_IRQ_STATUS), 0U);
  machine_.enable_interrupts();
  EXPECT_EQ(machine_.host.raised(0), 0U);
}

TEST_F(Reset, PowerOnStartsTime) {
  const std::uint64_t before = machine_.read64(DORY_TIMESTAMP_LO);
  std::this_thread::sleep_for(2ms);
  machine_.card->reset(ResetKind::kPowerOn);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  EXPECT_GT(before, 0U);
  machine_.inject(DORY_INJECT_HANG);
  machine_.card->reset(ResetKind::kPowerOn);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_STATUS) == 0; }));
  expect_works();
}

TEST_F(Reset, SleepKeepsEverything) {
  ASSERT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_NONE});
  const std::uint32_t completed = machine_.read(DORY_COMPLETED);
  machine_.card->set_power(PowerState::kD3hot);
  machine_.card->set_power(PowerState::kD0);
  EXPECT_EQ(machine_.read(DORY_COMPLETED), completed);
  expect_works();
}

}  // namespace
}  // namespace halyard::emu::test
