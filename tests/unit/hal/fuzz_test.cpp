// SPDX-License-Identifier: MIT
/// \file
/// The fuzzer's target for a bounded time, from a fixed seed.
#include <gtest/gtest.h>

#include "targets.hpp"

namespace halyard::test {
namespace {

TEST(Fuzz, MutatedProgramsAreRefusedOrUsable) {
  std::minstd_rand random(20261122);
  int accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_NO_THROW(accepted += fuzz_program(mutated_program(random)) ? 1 : 0) << i;
  }
  // Some are left as they were, and not each bit matters.
  EXPECT_GT(accepted, 200);
  EXPECT_LT(accepted, 1800);
}

}  // namespace
}  // namespace halyard::test
