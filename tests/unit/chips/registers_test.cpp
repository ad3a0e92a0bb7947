// SPDX-License-Identifier: MIT
#include "chips/common/registers.hpp"

#include <gtest/gtest.h>

namespace halyard::emu {
namespace {

enum class Block : std::uint8_t { kGlobal, kQueue, kDoorbell };

constexpr RegisterInfo kGlobal[] = {
    {"ID", 0, 0, Direction::kReadOnly, true},
    {"CONTROL", 0x3, 8, Direction::kReadWrite},
};
constexpr RegisterInfo kQueue[] = {
    {"RUN", 1, 4, Direction::kWriteOnly},
};
constexpr RegisterInfo kDoorbell[] = {
    {"", 0xffff, 0, Direction::kWriteOnly},
};
constexpr BlockInfo<Block> kBlocks[] = {
    {nullptr, kGlobal, 0, 0x100, 1, Block::kGlobal},
    {"QUEUE", kQueue, 0x100, 0x10, 4, Block::kQueue},
    {"DOORBELL", kDoorbell, 0x200, 4, 2, Block::kDoorbell},
};
constexpr RegisterRules kRules{.width = "W",
                               .undefined = "U",
                               .direction = "D",
                               .reserved = "R",
                               .not_ready = "N",
                               .asleep = "A"};

RegisterRef<Block> find(std::uint64_t offset) {
  return find_register<Block>(kBlocks, offset);
}

TEST(RegisterMap, FindsByBlockAndIndex) {
  EXPECT_EQ(find(0).name(), "ID");
  EXPECT_EQ(find(8).name(), "CONTROL");
  const auto run = find(0x134);
  EXPECT_EQ(run.name(), "QUEUE(3).RUN");
  EXPECT_EQ(run.block, Block::kQueue);
  EXPECT_EQ(run.index, 3U);
  EXPECT_EQ(find(0x204).name(), "DOORBELL(1)");
}

TEST(RegisterMap, FindsNothingBetweenAndBeyond) {
  for (const std::uint64_t offset :
       {0x4ULL, 0xfcULL, 0x100ULL, 0x140ULL, 0x144ULL, 0x208ULL, 0xffffffff00000000ULL})
    EXPECT_EQ(find(offset).info, nullptr) << offset;
}

class Accept : public testing::Test {
 protected:
  bool accept(const RegisterAccess& access) {
    return accept_access(access, kRules, find(access.offset), judge_);
  }
  void expect_broken(std::string_view rule, const std::string& text) {
    const auto findings = judge_.findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].rule, rule);
    EXPECT_EQ(findings[0].text, text);
  }
  Judge judge_;
};

TEST_F(Accept, WhatIsAllowed) {
  EXPECT_TRUE(accept({.offset = 0, .size = 4}));
  EXPECT_TRUE(accept({.offset = 8, .size = 4, .write = true}));
  EXPECT_TRUE(accept({.offset = 0, .size = 4, .not_ready = "it is reset"}));
  EXPECT_EQ(accept_value(3, kRules, find(8), judge_), 3U);
  EXPECT_TRUE(judge_.findings().empty());
}

TEST_F(Accept, Width) {
  EXPECT_FALSE(accept({.offset = 0, .size = 8}));
  expect_broken("W", "read of 8 bytes at 0x0");
}

TEST_F(Accept, AlignmentOfAnAccess) {
  EXPECT_FALSE(accept({.offset = 2, .size = 4}));
  expect_broken("W", "read of 4 bytes at 0x2");
}

TEST_F(Accept, Undefined) {
  EXPECT_FALSE(accept({.offset = 4, .size = 4, .write = true}));
  expect_broken("U", "write of 0x4");
}

TEST_F(Accept, WriteOfReadOnly) {
  EXPECT_FALSE(accept({.offset = 0, .size = 4, .write = true}));
  expect_broken("D", "write of ID");
}

TEST_F(Accept, ReadOfWriteOnly) {
  EXPECT_FALSE(accept({.offset = 0x104, .size = 4}));
  expect_broken("D", "read of QUEUE(0).RUN");
}

TEST_F(Accept, NotReady) {
  EXPECT_FALSE(accept({.offset = 8, .size = 4, .not_ready = "it is reset"}));
  expect_broken("N", "read of CONTROL while it is reset");
}

TEST_F(Accept, Asleep) {
  EXPECT_FALSE(accept({.offset = 0, .size = 4, .asleep = true}));
  expect_broken("A", "read of 0x0 in D3hot");
}

TEST_F(Accept, ReservedBits) {
  EXPECT_EQ(accept_value(0x16, kRules, find(8), judge_), 2U);
  expect_broken("R", "0x16 written to CONTROL");
}

TEST(RegisterValue, Halves) {
  std::uint64_t whole = 0x1122334455667788;
  EXPECT_EQ(low(whole), 0x55667788U);
  EXPECT_EQ(high(whole), 0x11223344U);
  set_low(whole, 1);
  EXPECT_EQ(whole, 0x1122334400000001U);
  set_high(whole, 2);
  EXPECT_EQ(whole, 0x0000000200000001U);
  std::uint32_t latched = 0;
  EXPECT_EQ(latch(whole, latched), 1U);
  EXPECT_EQ(latched, 2U);
  EXPECT_EQ(field(0x0000ff00, 0x12), 0x1200U);
  EXPECT_EQ(field(0x0000ff00, 0x123), 0x2300U);
}

}  // namespace
}  // namespace halyard::emu
