// SPDX-License-Identifier: MIT
// Clients of the first device are killed at random.
//
// usage: killed [GoogleTest's options] [--seconds=N] [--clients=N] [--seed=N]

#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "killed_test.hpp"

namespace {

/// Whether the word is the option and its value a number above 0.
bool take(std::string_view word, std::string_view option, unsigned& value) {
  if (!word.starts_with(option)) return false;
  word.remove_prefix(option.size());
  const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
  return end.ec == std::errc() && end.ptr == word.data() + word.size() && value > 0;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto& options = halyard::faults::kill_options;
  for (int i = 1; i < argc; ++i) {
    if (take(argv[i], "--seconds=", options.seconds) ||
        take(argv[i], "--clients=", options.clients) || take(argv[i], "--seed=", options.seed))
      continue;
    std::fprintf(stderr, "killed: %s is not understood\n", argv[i]);
    return 1;
  }
  return RUN_ALL_TESTS();
}
