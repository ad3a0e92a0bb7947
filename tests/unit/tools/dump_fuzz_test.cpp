// SPDX-License-Identifier: MIT
/// \file
/// The fuzzer's target for a bounded time, from a fixed seed.
#include <gtest/gtest.h>

#include "targets.hpp"

namespace halyard::test {
namespace {

TEST(DumpFuzz, MutatedDumpsAreRefusedOrPrinted) {
  std::minstd_rand random(20261123);
  int accepted = 0;
  for (int i = 0; i < 20000; ++i)
    ASSERT_NO_THROW(accepted += fuzz_dump(mutated_dump(random)) ? 1 : 0) << i;
  // Some are left as they were, and not each byte matters.
  EXPECT_GT(accepted, 4000);
  EXPECT_LT(accepted, 18000);
}

}  // namespace
}  // namespace halyard::test
