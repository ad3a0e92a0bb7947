// SPDX-License-Identifier: MIT
/// \file
/// Each rule of the manual, broken on purpose; DORY-J5 and DORY-J6 also where what breaks them is
/// tested.

#include "machine.hpp"

namespace halyard::emu::test {
namespace {

class Rules : public CardTest {
 protected:
  /// A job that runs until the card is reset.
  void start_endless() {
    machine_.inject(DORY_INJECT_HANG);
    machine_.start(fill_job(1));
    ASSERT_TRUE(eventually([&] { return machine_.read(DORY_INJECT_FIRED) == 1; }));
  }
};

TEST_F(Rules, R1AccessWidth) {
  std::uint64_t value = 0;
  const auto bytes = std::as_writable_bytes(std::span(&value, 1));
  machine_.card->bar_read(DORY_BAR, DORY_ID, bytes);
  EXPECT_EQ(value, 0U);
  machine_.card->bar_read(DORY_BAR, DORY_ID + 2, bytes.first(4));
  machine_.card->bar_write(DORY_BAR, DORY_SCRATCH, bytes.first(2));
  expect_broken({"DORY-R1"});
}

TEST_F(Rules, R2UndefinedRegister) {
  EXPECT_EQ(machine_.read(0xffc), 0U);
  machine_.write(DORY_REGION(0) + 0xc, 1);
  expect_broken({"DORY-R2"});
}

TEST_F(Rules, R3Direction) {
  machine_.write(DORY_ID, 1);
  EXPECT_EQ(machine_.read(DORY_RUN), 0U);
  EXPECT_EQ(machine_.read(DORY_ID), std::uint32_t{DORY_ID_VALUE});
  expect_broken({"DORY-R3"});
}

TEST_F(Rules, R4ReservedBits) {
  machine_.write(DORY_STREAM, 0x1010);
  EXPECT_EQ(machine_.read(DORY_STREAM), 0x1000U);
  expect_broken({"DORY-R4"});
}

TEST_F(Rules, R4InjectionOfNoKind) {
  machine_.inject(DORY_NUM_INJECT);
  expect_broken({"DORY-R4"});
}

TEST_F(Rules, R5WhileResetting) {
  machine_.inject(DORY_INJECT_RESET_FAILS);
  machine_.write(DORY_CTRL, DORY_CTRL_RESET);
  EXPECT_EQ(machine_.read(DORY_ID), std::uint32_t{DORY_ID_VALUE});
  EXPECT_EQ(machine_.read(DORY_SCRATCH), 0U);
  expect_broken({"DORY-R5"});
}

TEST_F(Rules, R6FunctionResetFirst) {
  start_endless();
  machine_.card->reset(ResetKind::kFunction);
  expect_broken({"DORY-R6"});
}

TEST_F(Rules, J1RunWhileBusy) {
  start_endless();
  machine_.write(DORY_RUN, 1);
  expect_broken({"DORY-J1"});
}

TEST_F(Rules, J2ConfiguredWhileBusy) {
  start_endless();
  const std::uint32_t stream = machine_.read(DORY_STREAM);
  machine_.write(DORY_STREAM, 0x1000);
  machine_.write(DORY_REGION(0) + DORY_REGION_LIMIT, 1);
  EXPECT_EQ(machine_.read(DORY_STREAM), stream);
  EXPECT_EQ(machine_.read(DORY_REGION(0) + DORY_REGION_LIMIT), kSize);
  expect_broken({"DORY-J2"});
}

TEST_F(Rules, J3RunInvalid) {
  const auto refuse = [&] {
    machine_.write(DORY_RUN, 1);
    EXPECT_EQ(machine_.read(DORY_STATUS), 0U);
  };
  for (const std::uint32_t size : {0U, 6U, (1U << DORY_STREAM_ORDER_MAX) + 4}) {
    machine_.prepare(fill_job(1));
    machine_.write(DORY_STREAM_SIZE, size);
    refuse();
  }
  machine_.prepare(fill_job(1));
  machine_.write(DORY_STREAM, 0xffffffc0);
  machine_.write(DORY_STREAM_SIZE, 0x44);
  refuse();
  machine_.prepare(fill_job(1));
  machine_.set_region(7, 0xffffffc0, 0x41, false);
  refuse();
  machine_.set_region(7, 0xffffffc0, 0x40, false);
  machine_.write(DORY_RUN, 1);
  ASSERT_TRUE(machine_.wait_idle());
  EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_DONE});
  expect_broken({"DORY-J3"});
}

TEST_F(Rules, J4StreamChanged) {
  Stream stream = fill_job(1);
  stream.words().pop_back();
  const auto second = static_cast<std::uint32_t>(stream.bytes().size());
  stream.fill(dense(1, DRM_HALYARD_DORY_I32, {1}, 4), 1).end();
  machine_.inject(DORY_INJECT_SLOW, 50000);
  machine_.start(stream);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_INJECT_FIRED) == 1; }));
  // The pattern of the second FILL.
  *machine_.host.at(machine_.stream_address + second + 4 * (11 + 1)) = std::byte{2};
  ASSERT_TRUE(machine_.wait_idle());
  EXPECT_EQ(out_word(4), 2U);
  expect_broken({"DORY-J4"});
}

TEST_F(Rules, P1SleepingAccess) {
  machine_.card->set_power(PowerState::kD3hot);
  EXPECT_EQ(machine_.read(DORY_ID), 0xffffffffU);
  machine_.card->set_power(PowerState::kD0);
  expect_broken({"DORY-P1"});
}

TEST_F(Rules, P2SleepWhileBusy) {
  start_endless();
  machine_.card->set_power(PowerState::kD3hot);
  expect_broken({"DORY-P2"});
}

TEST_F(Rules, P2JobsStandStillAsleep) {
  machine_.inject(DORY_INJECT_SLOW, 20000);
  Stream stream;
  stream.fill(dense(1, DRM_HALYARD_DORY_I32, {1}), 1);
  stream.fill(dense(1, DRM_HALYARD_DORY_I32, {1}, 4), 2).end();
  machine_.start(stream);
  ASSERT_TRUE(eventually([&] { return machine_.read(DORY_INJECT_FIRED) == 1; }));
  machine_.card->set_power(PowerState::kD3hot);
  std::this_thread::sleep_for(60ms);
  EXPECT_EQ(out_word(4), 0U);
  machine_.card->set_power(PowerState::kD0);
  ASSERT_TRUE(machine_.wait_idle());
  EXPECT_EQ(out_word(4), 2U);
  expect_broken({"DORY-P2"});
}

TEST_F(Rules, D2AfterUnmap) {
  machine_.host.unmap(out_ & ~4095U, 1 << 17);
  machine_.card->dma_unmapped(out_ & ~4095U, 1 << 17);
  const auto stream = machine_.allocate(1 << 17);  // beyond what is gone
  std::ranges::copy(fill_job(1).bytes(), machine_.host.at(stream + (1 << 16)));
  machine_.write(DORY_STREAM, stream + (1 << 16));
  machine_.write(DORY_STREAM_SIZE, static_cast<std::uint32_t>(fill_job(1).bytes().size()));
  machine_.write(DORY_RUN, 1);
  ASSERT_TRUE(machine_.wait_idle());
  EXPECT_EQ(machine_.read(DORY_ERROR_CAUSE), std::uint32_t{DORY_ERROR_BUS});
  expect_broken({"DORY-D2"});
}

TEST_F(Rules, D3RunWithoutBusMaster) {
  machine_.host.set_bus_master(false);
  EXPECT_EQ(machine_.run(fill_job(1)), std::uint32_t{DORY_ERROR_BUS});
  expect_broken({"DORY-D3"});
}

TEST_F(Rules, D4BusMasterCleared) {
  start_endless();
  machine_.card->set_bus_master(false);
  expect_broken({"DORY-D4"});
}

TEST_F(Rules, NothingIsHeldAgainstADriverWhileTheLinkIsLost) {
  machine_.inject(DORY_INJECT_LINK_LOSS);
  machine_.write(DORY_ID, 1);
  (void)machine_.read(0xffc);
  machine_.card->set_bus_master(false);
}

}  // namespace
}  // namespace halyard::emu::test
