// SPDX-License-Identifier: MIT
/// \file
/// Mutated command streams: whatever they say, the card stays within the job's regions, and the
/// kernel's check lets nothing through that the card would have to refuse. The fuzzer
/// dory_stream_fuzzer does the same without end.

#include <gtest/gtest.h>

#include <chrono>

#include "containment.hpp"
#include "mutator.hpp"

namespace dory_test {
namespace {

std::string print(const Words& words) {
  std::string text;
  for (const std::uint32_t word : words)
    text += halyard::emu::hex(word) + " ";
  return text;
}

/// How often what happened; a test that never gets anywhere proves nothing.
struct Tally {
  unsigned accepted = 0, refused = 0, done = 0, operations = 0, misfits = 0, too_long = 0;

  void add(const Verdict& verdict) {
    ++(verdict.accepted ? accepted : refused);
    done += verdict.done ? 1 : 0;
    too_long += verdict.too_long ? 1 : 0;
    operations += verdict.operations;
    misfits += verdict.error == DORY_ERROR_OPERANDS ? 1 : 0;
  }
};

TEST(Containment, OfValidStreams) {
  Containment containment;
  Random random(1);
  for (unsigned i = 0; i < 500; ++i) {
    const Words words = valid_stream(random);
    const Verdict verdict = containment.run(words);
    ASSERT_EQ(verdict.wrong, "") << print(words);
    ASSERT_TRUE(verdict.accepted && verdict.done) << print(words);
  }
}

TEST(Containment, OfMutatedStreams) {
  Containment containment;
  Random random(2);
  Tally tally;
  constexpr unsigned kStreams = 30000;
  for (unsigned i = 0; i < kStreams; ++i) {
    Words words = valid_stream(random);
    for (auto left = 1 + random() % 6; left > 0; --left)
      mutate(words, odd_regions(), random);
    const Verdict verdict = containment.run(words);
    ASSERT_EQ(verdict.wrong, "") << "stream " << i << ": " << print(words);
    tally.add(verdict);
  }
  EXPECT_GT(tally.accepted, kStreams / 10);
  EXPECT_GT(tally.refused, kStreams / 10);
  EXPECT_GT(tally.done, kStreams / 20);
  EXPECT_GT(tally.misfits, kStreams / 50);
  EXPECT_GT(tally.operations, kStreams / 2);
  EXPECT_LT(tally.too_long, kStreams / 10);
}

TEST(Containment, OfMutatedStreamsOnTheWholeCard) {
  Containment containment;
  Random random(3);
  Tally tally;
  constexpr unsigned kStreams = 2000;
  for (unsigned i = 0; i < kStreams; ++i) {
    Words words = valid_stream(random);
    for (auto left = random() % 4; left > 0; --left)
      mutate(words, odd_regions(), random);
    const Verdict verdict = containment.run(words);
    if (words.empty() || verdict.too_long) continue;
    const Verdict on_card = containment.run_on_card(words);
    ASSERT_EQ(on_card.wrong, "") << "stream " << i << ": " << print(words);
    ASSERT_EQ(on_card.error, verdict.error) << "stream " << i << ": " << print(words);
    ASSERT_EQ(on_card.operations, verdict.operations) << "stream " << i << ": " << print(words);
    tally.add(on_card);
  }
  EXPECT_GT(tally.done, kStreams / 10);
  EXPECT_GT(tally.refused, kStreams / 20);
}

}  // namespace
}  // namespace dory_test
