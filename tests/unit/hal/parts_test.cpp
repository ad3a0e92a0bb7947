// SPDX-License-Identifier: MIT
// The library's smaller parts.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>

#include "digest.hpp"
#include "ring.hpp"
#include "sized.hpp"
#include "small_vector.hpp"
#include "va_allocator.hpp"

namespace halyard::hal {
namespace {

constexpr std::uint64_t kPage = 4096, kLarge = 2U << 20U;

// ---- device addresses ----------------------------------------------------------------------

TEST(VaAllocatorTest, LeavesAPageBehindEachRange) {
  VaAllocator addresses(0, 16 * kPage, kPage, 0);
  const auto a = addresses.allocate(kPage), b = addresses.allocate(2 * kPage);
  EXPECT_GE(b, a + 2 * kPage);
  EXPECT_NE(a, 0U) << "address 0 stays free";
}

TEST(VaAllocatorTest, AlignsLargeRangesToLargePages) {
  VaAllocator addresses(kPage, 64 * kLarge, kPage, kLarge);
  EXPECT_NE(addresses.allocate(kPage) % kLarge, 0U);
  EXPECT_EQ(addresses.allocate(kLarge) % kLarge, 0U);
  EXPECT_EQ(addresses.allocate(kLarge + kPage) % kLarge, 0U);
}

TEST(VaAllocatorTest, FullIsToldAndGivenBackIsUsedAgain) {
  VaAllocator addresses(kPage, 10 * kPage, kPage, 0);
  const auto a = addresses.allocate(8 * kPage);
  EXPECT_THROW(addresses.allocate(kPage), Error);
  addresses.free(a, 8 * kPage);
  EXPECT_EQ(addresses.allocate(8 * kPage), a);
}

TEST(VaAllocatorTest, SizesAtTheEdgeOfTheNumbersAreRefused) {
  VaAllocator addresses(kPage, std::numeric_limits<std::uint64_t>::max(), kPage, kLarge);
  EXPECT_THROW(addresses.allocate(std::numeric_limits<std::uint64_t>::max() / kPage * kPage),
               Error);
  EXPECT_THROW(addresses.allocate(0 - kPage), Error);
  VaAllocator none(kPage, kPage, kPage, 0);
  EXPECT_THROW(none.allocate(kPage), Error);
}

TEST(VaAllocatorTest, NeverOverlapsAndLosesNothing) {
  VaAllocator addresses(kPage, 4096 * kPage, kPage, 16 * kPage);
  const auto all = addresses.free_bytes();
  std::mt19937 random(1);
  std::map<std::uint64_t, std::uint64_t> used;
  for (int i = 0; i < 5000; ++i) {
    if (!used.empty() && random() % 2 == 0) {
      auto it = std::next(used.begin(), static_cast<std::ptrdiff_t>(random() % used.size()));
      addresses.free(it->first, it->second);
      used.erase(it);
      continue;
    }
    const auto size = (random() % 40 + 1) * kPage;
    std::uint64_t va = 0;
    try {
      va = addresses.allocate(size);
    } catch (const Error&) {
      continue;
    }
    const auto next = used.lower_bound(va);
    if (next != used.end()) {
      ASSERT_GE(next->first, va + size + kPage);
    }
    if (next != used.begin()) {
      const auto before = std::prev(next);
      ASSERT_LE(before->first + before->second + kPage, va);
    }
    used.emplace(va, size);
  }
  for (const auto& [va, size] : used)
    addresses.free(va, size);
  EXPECT_EQ(addresses.free_bytes(), all);
  EXPECT_NO_THROW(addresses.allocate(4000 * kPage)) << "the pieces were joined";
}

// ---- containers ----------------------------------------------------------------------------

TEST(RingTest, IsFirstInFirstOutAcrossGrowth) {
  Ring<int> ring;
  int pushed = 0, popped = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < round; ++i)
      ring.push() = pushed++;
    for (int i = 0; i < round / 2; ++i) {
      ASSERT_EQ(ring.front(), popped++);
      ring.pop_front();
    }
  }
  while (!ring.empty()) {
    ASSERT_EQ(ring.front(), popped++);
    ring.pop_front();
  }
  EXPECT_EQ(popped, pushed);
}

TEST(RingTest, TakesAtTheFront) {
  Ring<int> ring;
  for (int i = 0; i < 40; ++i)
    ring.push_front() = i;
  EXPECT_EQ(ring.front(), 39);
  EXPECT_EQ(ring.back(), 0);
  EXPECT_EQ(ring[1], 38);
}

TEST(RingTest, SlotsKeepTheirStorage) {
  Ring<std::vector<int>> ring;
  ring.push().assign(100, 1);
  const auto* data = ring.front().data();
  ring.front().clear();
  ring.pop_front();
  for (int i = 0; i < 16; ++i) {
    if (ring.push().data() == data) return;
    ring.pop_front();
  }
  FAIL() << "the slot was made anew";
}

TEST(SmallVectorTest, MovesToTheHeapAndBack) {
  SmallVector<int, 4> vector;
  for (int i = 0; i < 10; ++i)
    vector.push_back(i);
  EXPECT_EQ(vector.size(), 10U);
  EXPECT_EQ(vector[9], 9);
  vector.resize(6);
  EXPECT_EQ(vector[5], 5);
  vector.resize(3);
  EXPECT_EQ(vector[2], 2);
  vector.push_back(30);
  vector.push_back(40);
  EXPECT_EQ(vector[3], 30);
  EXPECT_EQ(vector[4], 40);
  EXPECT_EQ(vector.span()[0], 0);
}

// ---- strings and digests -------------------------------------------------------------------

TEST(CopyStringTest, CutsBetweenCharacters) {
  char out[6];
  copy_string(out, "abcdefgh");
  EXPECT_STREQ(out, "abcde");
  copy_string(out, "abcd\xc3\xa4");
  EXPECT_STREQ(out, "abcd") << "no half of a character";
  copy_string(out, "abc\xc3\xa4");
  EXPECT_STREQ(out, "abc\xc3\xa4");
  copy_string(out, "");
  EXPECT_STREQ(out, "");
}

TEST(DigestTest, IsSha256) {
  // FIPS 180-2, appendix B.
  Digest digest;
  const std::string text = "abc";
  digest.update(std::as_bytes(std::span(text)));
  EXPECT_EQ(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(DigestTest, NeighbouringStringsDoNotRunTogether) {
  Digest a, b;
  a.update_string("ab");
  a.update_string("c");
  b.update_string("a");
  b.update_string("bc");
  EXPECT_NE(a.hex(), b.hex());
}

}  // namespace
}  // namespace halyard::hal
