// SPDX-License-Identifier: MIT
#include "chips/common/injector.hpp"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>

namespace halyard::emu {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"none", "hang", "slow"};
constexpr std::array<std::string_view, 2> kTargets = {"queue", "engine"};
constexpr std::uint32_t kHang = 1;
constexpr std::uint32_t kSlow = 2;

Injection parse(std::string_view text) {
  return parse_injection(text, {.kinds = kKinds, .targets = kTargets});
}

TEST(ParseInjection, FillsInWhatIsLeftOut) {
  const Injection plain = parse("slow");
  EXPECT_EQ(plain.kind, kSlow);
  EXPECT_EQ(plain.target, kAnyTarget);
  EXPECT_EQ(plain.skip, 0U);
  EXPECT_EQ(plain.count, 1U);
  EXPECT_EQ(plain.arg, 0U);
}

TEST(ParseInjection, ReadsEachField) {
  const Injection hang = parse("hang:queue=3,skip=10,count=2,arg=4294967295");
  EXPECT_EQ(hang.kind, kHang);
  EXPECT_EQ(hang.target, 3U);
  EXPECT_EQ(hang.skip, 10U);
  EXPECT_EQ(hang.count, 2U);
  EXPECT_EQ(hang.arg, 4294967295U);
  EXPECT_EQ(parse("hang:engine=2").target, 2U);
  EXPECT_EQ(parse("hang:queue=any").target, kAnyTarget);
}

TEST(ParseInjection, SaysWhatIsWrong) {
  for (const char* text : {"", "none", "explode", "HANG", "hang queue=1", "hang:", "hang:skip",
                           "hang:skip=", "hang:skip=x", "hang:skip=-1", "hang:skip=4294967296",
                           "hang:skip=1,", "hang:colour=1"})
    EXPECT_THROW(parse(text), std::invalid_argument) << text;
  try {
    parse("hang:colour=3");
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()),
              "injection \"hang:colour=3\": \"colour\" is none of queue, engine, skip, count, arg");
  }
  EXPECT_THROW(parse_injection("hang:queue=1", {.kinds = kKinds, .targets = {}}),
               std::invalid_argument);
}

TEST(Injector, SkipsCountsAndMatches) {
  Injector injector;
  injector.arm({.kind = kHang, .target = 3, .skip = 2, .count = 2, .arg = 9});
  EXPECT_FALSE(injector.hit(kSlow, 3));
  EXPECT_FALSE(injector.hit(kHang, 4));
  EXPECT_FALSE(injector.hit(kHang, 3));
  EXPECT_FALSE(injector.hit(kHang, 3));
  EXPECT_EQ(injector.hit(kHang, 3), 9U);
  EXPECT_EQ(injector.fired(), 1U);
  EXPECT_EQ(injector.hit(kHang, 3), 9U);
  EXPECT_FALSE(injector.hit(kHang, 3));
  EXPECT_FALSE(injector.any());
  EXPECT_EQ(injector.fired(), 2U);
  injector.arm({.kind = kSlow, .count = 0});
  EXPECT_FALSE(injector.any());
}

TEST(Injector, OldestThatMatchesIsUsed) {
  Injector injector;
  injector.arm({.kind = kSlow, .target = 1, .arg = 5});
  injector.arm({.kind = kSlow, .arg = 6});
  EXPECT_EQ(injector.hit(kSlow, 2), 6U);
  EXPECT_EQ(injector.hit(kSlow, 1), 5U);
  injector.arm({.kind = kSlow});
  injector.disarm_all();
  EXPECT_FALSE(injector.hit(kSlow, 1));
}

TEST(Injector, HoldsSoManyAndForgetsTheOldest) {
  Injector injector;
  for (std::uint32_t i = 0; i < 2 * Injector::kMaxArmed; ++i)
    injector.arm({.kind = kSlow, .arg = i});
  EXPECT_EQ(injector.hit(kSlow, 0), Injector::kMaxArmed);
  std::size_t hits = 1;
  while (injector.hit(kSlow, 0))
    ++hits;
  EXPECT_EQ(hits, Injector::kMaxArmed);
}

}  // namespace
}  // namespace halyard::emu
