// SPDX-License-Identifier: MIT
// The sim platform's address space.
#include "platform/sim/address_space.hpp"

#include "platform/sim/job_space.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace halyard::hal::sim {
namespace {

using emu::Access;
using emu::FaultCause;

class AddressSpaceTest : public testing::Test {
 protected:
  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access) {
    const auto pin = space_.pin();
    fault_ = {};
    return space_.translate(address, size, access, fault_);
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(0x4000);
  AddressSpace space_;
  emu::Fault fault_;
};

TEST_F(AddressSpaceTest, TranslatesAsFarAsTheRangeGoes) {
  ASSERT_TRUE(space_.bind(0x10000, memory_, false));
  EXPECT_EQ(translate(0x10000, 8, Access::kWrite).data(), memory_.data());
  const auto tail = translate(0x13ff0, 100, Access::kRead);
  EXPECT_EQ(tail.data(), memory_.data() + 0x3ff0);
  EXPECT_EQ(tail.size(), 0x10U);
}

TEST_F(AddressSpaceTest, FaultsOutsideWithTheAddress) {
  ASSERT_TRUE(space_.bind(0x10000, memory_, false));
  for (const std::uint64_t address : {0x0ULL, 0xffffULL, 0x14000ULL, ~0ULL}) {
    EXPECT_TRUE(translate(address, 1, Access::kWrite).empty());
    EXPECT_EQ(fault_.cause, FaultCause::kUnmapped);
    EXPECT_EQ(fault_.address, address);
    EXPECT_EQ(fault_.access, Access::kWrite);
  }
}

TEST_F(AddressSpaceTest, FaultsOnWritesToReadOnlyMemory) {
  ASSERT_TRUE(space_.bind(0x10000, memory_, true));
  EXPECT_FALSE(translate(0x10000, 1, Access::kRead).empty());
  EXPECT_TRUE(translate(0x10010, 1, Access::kWrite).empty());
  EXPECT_EQ(fault_.cause, FaultCause::kPermission);
  EXPECT_EQ(fault_.address, 0x10010U);
}

TEST_F(AddressSpaceTest, RefusesOverlaps) {
  const std::span<std::byte> memory(memory_);
  ASSERT_TRUE(space_.bind(0x10000, memory, false));
  EXPECT_FALSE(space_.bind(0x10000, memory, false));
  EXPECT_FALSE(space_.bind(0xf000, memory.first(0x1001), false));
  EXPECT_FALSE(space_.bind(0x13000, memory.first(0x1000), false));
  EXPECT_TRUE(space_.bind(0xf000, memory.first(0x1000), false));
  EXPECT_TRUE(space_.bind(0x14000, memory.first(0x1000), false));
}

TEST_F(AddressSpaceTest, UnbindSplits) {
  ASSERT_TRUE(space_.bind(0x10000, memory_, false));
  space_.unbind(0x11000, 0x1000);
  EXPECT_EQ(translate(0x10000, 0x4000, Access::kRead).size(), 0x1000U);
  EXPECT_TRUE(translate(0x11000, 1, Access::kRead).empty());
  EXPECT_TRUE(translate(0x11fff, 1, Access::kRead).empty());
  EXPECT_EQ(translate(0x12000, 1, Access::kRead).data(), memory_.data() + 0x2000);
  space_.unbind(0, 0x20000);
  EXPECT_TRUE(translate(0x10000, 1, Access::kRead).empty());
  EXPECT_TRUE(translate(0x13000, 1, Access::kRead).empty());
  EXPECT_TRUE(space_.bind(0x10000, memory_, false));
}

TEST_F(AddressSpaceTest, UnbindWaitsForWhoUsesTheMemoryAndIsNotStarved) {
  ASSERT_TRUE(space_.bind(0x10000, memory_, false));
  std::atomic<bool> stop{false};
  std::vector<std::thread> users;
  for (int i = 0; i < 3; ++i) {
    users.emplace_back([&] {
      while (!stop) {
        const auto pin = space_.pin();
        emu::Fault fault;
        static_cast<void>(space_.translate(0x10000, 8, Access::kRead, fault));
        std::this_thread::yield();
      }
    });
  }
  // Ends although somebody always has a pin.
  for (int i = 0; i < 100; ++i) {
    space_.unbind(0x10000, 0x4000);
    ASSERT_TRUE(space_.bind(0x10000, memory_, false));
  }
  stop = true;
  for (auto& user : users)
    user.join();
}

// ---- of one job, on a chip without MMU ------------------------------------------------------

class JobSpaceTest : public testing::Test {
 protected:
  static std::shared_ptr<const HostMemory> memory(std::uint64_t size) {
    return HostMemory::create(size);
  }
  emu::FaultCause cause(std::uint64_t address, emu::Access access) {
    emu::Fault fault;
    EXPECT_TRUE(space_.translate(address, 1, access, fault).empty());
    EXPECT_EQ(fault.address, address);
    EXPECT_EQ(fault.access, access);
    return fault.cause;
  }

  const std::shared_ptr<const HostMemory> first_ = memory(4096), second_ = memory(8192);
  JobSpace space_{{{first_, true}, {second_, false}}};
};

constexpr std::uint64_t kSecond = std::uint64_t{1} << emu::kSlotShift;

TEST_F(JobSpaceTest, TranslatesASlotAsFarAsItsBufferGoes) {
  emu::Fault fault;
  const auto bytes = space_.translate(kSecond | 8000, 1000, emu::Access::kRead, fault);
  EXPECT_EQ(bytes.data(), second_->bytes().data() + 8000);
  EXPECT_EQ(bytes.size(), 192U);
  EXPECT_EQ(space_.translate(16, 8, emu::Access::kWrite, fault).data(),
            first_->bytes().data() + 16);
}

TEST_F(JobSpaceTest, FaultsOutsideOfASlotAndOnSlotsThatAreNotThere) {
  EXPECT_EQ(cause(4096, emu::Access::kRead), emu::FaultCause::kUnmapped);
  EXPECT_EQ(cause(kSecond | 8192, emu::Access::kRead), emu::FaultCause::kUnmapped);
  EXPECT_EQ(cause(2 * kSecond, emu::Access::kRead), emu::FaultCause::kUnmapped);
}

TEST_F(JobSpaceTest, FaultsOnWritesThatTheJobDidNotAnnounce) {
  EXPECT_EQ(cause(kSecond, emu::Access::kWrite), emu::FaultCause::kPermission);
}

}  // namespace
}  // namespace halyard::hal::sim
