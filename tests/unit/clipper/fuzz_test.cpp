// SPDX-License-Identifier: MIT
/// \file
/// The fuzzer's target for a bounded time, from a fixed seed.
#include <gtest/gtest.h>

#include "targets.hpp"

namespace halyard::emu::test {
namespace {

TEST(Fuzz, MutatedStreamsWriteNothingElse) {
  std::minstd_rand random(20261122);
  std::size_t executed = 0;
  for (int i = 0; i < 20000; ++i) {
    ASSERT_NO_THROW(executed += fuzz_stream(mutated_stream(random))) << i;
  }
  // Else the streams would all have been refused at their first byte.
  EXPECT_GT(executed, 5000U);
}

}  // namespace
}  // namespace halyard::emu::test
