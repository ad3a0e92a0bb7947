// SPDX-License-Identifier: MIT
#include "vfio_user/interrupts.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

namespace halyard::emu::vfio_user::test {
namespace {

/// How often `fd` was signalled since the last call.
std::uint64_t taken(int fd) {
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

class InterruptsTest : public testing::Test {
 protected:
  /// Arms [start, start + count) of `index`; events_ gets what to read.
  int arm(std::uint32_t index, std::uint32_t start, std::uint32_t count) {
    std::vector<UniqueFd> fds;
    events_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      events_.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      fds.emplace_back(::fcntl(events_.back().get(), F_DUPFD_CLOEXEC, 0));
    }
    return interrupts_.set({IrqData::kEventFd, IrqAction::kTrigger, index, start, count, {}}, fds);
  }
  int control(IrqAction action, std::uint32_t index, std::uint32_t start, std::uint32_t count) {
    return interrupts_.set({IrqData::kNone, action, index, start, count, {}}, {});
  }
  std::uint64_t signals(std::size_t i) { return taken(events_[i].get()); }

  Interrupts interrupts_{true, 2, 4};
  std::vector<UniqueFd> events_;
};

TEST_F(InterruptsTest, DescribesEveryIndex) {
  constexpr std::uint32_t kCounts[] = {1, 2, 4, 1, 0};
  for (std::uint32_t index = 0; index < 5; ++index) {
    Interrupts::Info info{};
    ASSERT_TRUE(interrupts_.info(index, info));
    EXPECT_EQ(info.count, kCounts[index]) << index;
    EXPECT_NE(info.flags & VFIO_IRQ_INFO_EVENTFD, 0u);
  }
  Interrupts::Info info{};
  EXPECT_FALSE(interrupts_.info(5, info));
}

TEST_F(InterruptsTest, SignalsTheVectorOnly) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 4), 0);
  EXPECT_TRUE(interrupts_.raise(2, true));
  EXPECT_EQ(signals(0), 0u);
  EXPECT_EQ(signals(2), 1u);
  EXPECT_FALSE(interrupts_.raise(4, true));
}

TEST_F(InterruptsTest, ArmsARangeInTheMiddle) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 2, 2), 0);
  EXPECT_FALSE(interrupts_.raise(0, true));
  EXPECT_TRUE(interrupts_.raise(3, true));
  EXPECT_EQ(signals(1), 1u);
}

TEST_F(InterruptsTest, LosesInterruptsThatAreNotArmed) {
  EXPECT_FALSE(interrupts_.raise(0, true));
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 4), 0);
  EXPECT_EQ(signals(0), 0u);
}

TEST_F(InterruptsTest, MessagesNeedBusMastering) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 4), 0);
  EXPECT_FALSE(interrupts_.raise(0, false));
  EXPECT_EQ(signals(0), 0u);
  ASSERT_EQ(control(IrqAction::kTrigger, VFIO_PCI_MSIX_IRQ_INDEX, 0, 0), 0);
  ASSERT_EQ(arm(VFIO_PCI_INTX_IRQ_INDEX, 0, 1), 0);
  EXPECT_TRUE(interrupts_.raise(0, false));
}

TEST_F(InterruptsTest, FoldsVectorsOntoTheArmedMsiVectors) {
  ASSERT_EQ(arm(VFIO_PCI_MSI_IRQ_INDEX, 0, 2), 0);
  EXPECT_TRUE(interrupts_.raise(0, true));
  EXPECT_TRUE(interrupts_.raise(3, true));
  EXPECT_EQ(signals(0), 1u);
  EXPECT_EQ(signals(1), 1u);
  ASSERT_EQ(control(IrqAction::kTrigger, VFIO_PCI_MSI_IRQ_INDEX, 0, 0), 0);
  ASSERT_EQ(arm(VFIO_PCI_MSI_IRQ_INDEX, 0, 1), 0);
  EXPECT_TRUE(interrupts_.raise(3, true));
  EXPECT_EQ(signals(0), 1u);
}

TEST_F(InterruptsTest, UsesIntxWhenThereIsNothingElse) {
  ASSERT_EQ(arm(VFIO_PCI_INTX_IRQ_INDEX, 0, 1), 0);
  EXPECT_TRUE(interrupts_.raise(3, true));
  EXPECT_EQ(signals(0), 1u);
  interrupts_.set_intx_enabled(false);
  EXPECT_FALSE(interrupts_.raise(3, true));
  interrupts_.set_intx_enabled(true);
  EXPECT_TRUE(interrupts_.raise(3, true));
}

TEST_F(InterruptsTest, MaskedLinesKeepTheInterrupt) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 4), 0);
  ASSERT_EQ(control(IrqAction::kMask, VFIO_PCI_MSIX_IRQ_INDEX, 1, 1), 0);
  EXPECT_FALSE(interrupts_.raise(1, true));
  EXPECT_FALSE(interrupts_.raise(1, true));
  EXPECT_EQ(interrupts_.pending_bits(0), 2u);
  EXPECT_EQ(signals(1), 0u);
  ASSERT_EQ(control(IrqAction::kUnmask, VFIO_PCI_MSIX_IRQ_INDEX, 1, 1), 0);
  EXPECT_EQ(signals(1), 1u);
  EXPECT_EQ(interrupts_.pending_bits(0), 0u);
}

TEST_F(InterruptsTest, DisarmsByTheWholeIndexAndByLine) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 4), 0);
  ASSERT_EQ(interrupts_.set(
                {IrqData::kEventFd, IrqAction::kTrigger, VFIO_PCI_MSIX_IRQ_INDEX, 1, 1, {}}, {}),
            0);
  EXPECT_FALSE(interrupts_.raise(1, true));
  EXPECT_TRUE(interrupts_.raise(2, true));
  ASSERT_EQ(control(IrqAction::kTrigger, VFIO_PCI_MSIX_IRQ_INDEX, 0, 0), 0);
  EXPECT_FALSE(interrupts_.raise(2, true));
}

TEST_F(InterruptsTest, TheClientMayFireLinesItself) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 2), 0);
  ASSERT_EQ(control(IrqAction::kTrigger, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1), 0);
  EXPECT_EQ(signals(0), 1u);
  const std::byte bools[] = {std::byte{0}, std::byte{1}};
  ASSERT_EQ(interrupts_.set(
                {IrqData::kBool, IrqAction::kTrigger, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, bools}, {}),
            0);
  EXPECT_EQ(signals(0), 0u);
  EXPECT_EQ(signals(1), 1u);
}

TEST_F(InterruptsTest, TheErrorLineIsNeverSignalledByTheCard) {
  ASSERT_EQ(arm(VFIO_PCI_ERR_IRQ_INDEX, 0, 1), 0);
  for (unsigned vector = 0; vector < 8; ++vector)
    EXPECT_FALSE(interrupts_.raise(vector, true));
  EXPECT_EQ(signals(0), 0u);
}

TEST_F(InterruptsTest, RefusesLinesThatDoNotExist) {
  EXPECT_EQ(control(IrqAction::kMask, 5, 0, 1), EINVAL);
  EXPECT_EQ(control(IrqAction::kMask, VFIO_PCI_MSIX_IRQ_INDEX, 4, 1), EINVAL);
  EXPECT_EQ(control(IrqAction::kMask, VFIO_PCI_MSIX_IRQ_INDEX, 0, 5), EINVAL);
  EXPECT_EQ(arm(VFIO_PCI_REQ_IRQ_INDEX, 0, 1), EINVAL);
}

TEST_F(InterruptsTest, AFullCounterDoesNotBlock) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 1), 0);
  const std::uint64_t nearly_full = ~std::uint64_t{1};
  ASSERT_EQ(::write(events_[0].get(), &nearly_full, sizeof(nearly_full)), 8);
  EXPECT_FALSE(interrupts_.raise(0, true));
}

TEST_F(InterruptsTest, ABlockingEventfdIsMadeNonBlocking) {
  std::vector<UniqueFd> fds;
  fds.emplace_back(::eventfd(0, EFD_CLOEXEC));
  const UniqueFd mine(::fcntl(fds[0].get(), F_DUPFD_CLOEXEC, 0));
  ASSERT_EQ(interrupts_.set(
                {IrqData::kEventFd, IrqAction::kTrigger, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, {}}, fds),
            0);
  EXPECT_NE(::fcntl(mine.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(InterruptsTest, ClearForgetsTheClient) {
  ASSERT_EQ(arm(VFIO_PCI_MSIX_IRQ_INDEX, 0, 4), 0);
  interrupts_.clear();
  EXPECT_FALSE(interrupts_.raise(0, true));
}

}  // namespace
}  // namespace halyard::emu::vfio_user::test
