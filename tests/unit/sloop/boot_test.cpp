// SPDX-License-Identifier: MIT
/// \file
/// From reset to running firmware.

#include <algorithm>
#include <thread>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

class BootTest : public testing::Test {
 protected:
  void TearDown() override {
    machine_.card->detach();
    EXPECT_THAT(machine_.findings(), testing::ContainerEq(broken_rules_));
  }
  Machine machine_{Machine::Until::kRom};
  std::vector<std::string> broken_rules_;
};

TEST_F(BootTest, FirmwareRunsAndAnswers) {
  EXPECT_EQ(machine_.read(SLP_FW_VERSION), 0U);
  EXPECT_EQ(machine_.read(SLP_FW_HEARTBEAT), 0U);
  machine_.boot();
  EXPECT_EQ(machine_.read(SLP_FW_VERSION), 0x01020000U);
  EXPECT_GT(machine_.read(SLP_FW_HEARTBEAT), 0U);
  const auto response = machine_.request(SLP_ADMIN_NOP);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, std::uint32_t{SLP_ADMIN_OK});
  EXPECT_TRUE(machine_.host.wait_raised(SLP_VECTOR_EVENT, 1));
  EXPECT_TRUE(machine_.host.wait_raised(SLP_VECTOR_ADMIN, 1));
}

TEST_F(BootTest, ARefusedImageLeavesTheCardReadyForAnother) {
  auto image = test_image();
  image.back() ^= std::byte{1};
  EXPECT_EQ(machine_.verify(image), std::uint32_t{SLP_BOOT_BAD_HASH});
  EXPECT_EQ(machine_.read(SLP_FW_VERSION), 0U);
  image[0] ^= std::byte{1};
  EXPECT_EQ(machine_.verify(image), std::uint32_t{SLP_BOOT_BAD_MAGIC});
  EXPECT_EQ(machine_.verify(std::span(image).first(100)), std::uint32_t{SLP_BOOT_TRUNCATED});
  EXPECT_EQ(machine_.verify(test_image(), 1), std::uint32_t{SLP_BOOT_TOO_NEW});
  EXPECT_EQ(machine_.verify(test_image(), 9), std::uint32_t{SLP_BOOT_TOO_OLD});
  machine_.boot();
}

TEST_F(BootTest, AVerifiedImageCanBeReplaced) {
  EXPECT_EQ(machine_.verify(test_image()), std::uint32_t{SLP_BOOT_OK});
  machine_.boot();
}

/// What is in the window after VERIFY is of no interest any more.
TEST_F(BootTest, TheImageIsCopiedBeforeItIsChecked) {
  ASSERT_EQ(machine_.verify(test_image()), std::uint32_t{SLP_BOOT_OK});
  std::ranges::fill(machine_.card->dram().at(machine_.read(SLP_BOOT_WINDOW), 4096), std::byte{0});
  machine_.set_up_rings();
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_START);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_RUNNING));
}

TEST_F(BootTest, RingsOfWrongOrderAreRefused) {
  ASSERT_EQ(machine_.verify(test_image()), std::uint32_t{SLP_BOOT_OK});
  machine_.set_up_rings();
  machine_.write(SLP_EVENTS_ORDER, SLP_RING_ORDER_MAX + 1);
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_START);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_REFUSED));
  EXPECT_EQ(machine_.read(SLP_BOOT_STATUS), std::uint32_t{SLP_BOOT_BAD_RINGS});
  machine_.boot();
}

TEST_F(BootTest, UnreachableRingsAreRefused) {
  ASSERT_EQ(machine_.verify(test_image()), std::uint32_t{SLP_BOOT_OK});
  machine_.set_up_rings();
  machine_.write64(SLP_ADMIN_RESPONSES_LO, 0x1000);
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_START);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_REFUSED));
  EXPECT_EQ(machine_.read(SLP_BOOT_STATUS), std::uint32_t{SLP_BOOT_BAD_RINGS});
  broken_rules_ = {"SLP-D1"};
}

TEST_F(BootTest, ASilentControllerStaysWhereItIs) {
  machine_.inject(SLP_INJECT_BOOT_SILENT);
  machine_.write(SLP_BOOT_IMAGE_SIZE, 1000);
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_VERIFY);
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(machine_.state(), std::uint32_t{SLP_BOOT_STATE_ROM});
  EXPECT_EQ(machine_.read(SLP_INJECT_FIRED), 1U);
  machine_.boot();
}

TEST_F(BootTest, ASilentStart) {
  machine_.inject(SLP_INJECT_BOOT_SILENT, SLP_INJECT_ANY, 0, 1, 1);
  ASSERT_EQ(machine_.verify(test_image()), std::uint32_t{SLP_BOOT_OK});
  machine_.set_up_rings();
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_START);
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(machine_.state(), std::uint32_t{SLP_BOOT_STATE_VERIFIED});
  machine_.reset();
  machine_.boot();
}

TEST_F(BootTest, AnImageTooLargeForTheWindow) {
  machine_.write(SLP_BOOT_IMAGE_SIZE, machine_.read(SLP_BOOT_WINDOW_SIZE) + 1);
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_VERIFY);
  EXPECT_TRUE(machine_.wait_state(SLP_BOOT_STATE_REFUSED));
  EXPECT_EQ(machine_.read(SLP_BOOT_STATUS), std::uint32_t{SLP_BOOT_WRONG_SIZE});
  broken_rules_ = {"SLP-B2"};
}

TEST_F(BootTest, CommandsOutOfTurn) {
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_START);
  machine_.write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_HALT);
  machine_.write(SLP_BOOT_COMMAND, 0);
  EXPECT_EQ(machine_.state(), std::uint32_t{SLP_BOOT_STATE_ROM});
  broken_rules_ = {"SLP-B1"};
}

TEST_F(BootTest, AdminDoorbellWithoutFirmware) {
  machine_.write(SLP_ADMIN_REQUEST_TAIL, 1);
  broken_rules_ = {"SLP-B4"};
}

}  // namespace

}  // namespace halyard::emu::test
