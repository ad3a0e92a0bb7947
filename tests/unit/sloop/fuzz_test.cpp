// SPDX-License-Identifier: MIT
/// \file
/// The fuzzers' targets, for a bounded time.

#include <gtest/gtest.h>

#include "targets.hpp"

namespace halyard::emu::test {

namespace {

TEST(Fuzz, Tasks) {
  std::minstd_rand random(1);
  for (int i = 0; i < 6000; ++i)
    ASSERT_NO_THROW(fuzz_tasks(mutated_tasks(random))) << i;
}

TEST(Fuzz, Firmware) {
  std::minstd_rand random(1);
  for (int i = 0; i < 2000; ++i)
    ASSERT_NO_THROW(fuzz_firmware(mutated_firmware(random))) << i;
}

}  // namespace

}  // namespace halyard::emu::test
