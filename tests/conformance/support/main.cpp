// SPDX-License-Identifier: MIT
// The suite for one device: HALYARD_TEST_DEVICE in the environment, else the first one.
//
// usage: conformance [GoogleTest's options] [--level=N] [LIST]
// --level=N runs the cases of levels up to N alone. LIST is a file to be used instead of the chip's
// own list of what it does not support.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "expectations.hpp"
#include "fixture.hpp"

namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string(path) + " cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// GoogleTest's filter for the cases of levels up to `level`.
std::string filter_for(int level) {
  std::string filter;
  const auto& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); ++k) {
      const auto& test = *suite.GetTestInfo(k);
      if (halyard::conformance::level_of(suite.name(), test.name()) > level) continue;
      filter += std::string(suite.name()) + "." + test.name() + ":";
    }
  }
  return filter;
}

/// What the command line says besides GoogleTest's own options.
struct Options {
  int level = halyard::conformance::kLevels - 1;
  const char* list = nullptr;
};

Options parse_options(int argc, char** argv) {
  constexpr std::string_view kLevel = "--level=";
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (!word.starts_with(kLevel)) {
      options.list = argv[i];
      continue;
    }
    word.remove_prefix(kLevel.size());
    const auto end = std::from_chars(word.data(), word.data() + word.size(), options.level);
    if (end.ec != std::errc() || options.level < 0 ||
        options.level >= halyard::conformance::kLevels) {
      throw std::invalid_argument("there is no level " + std::string(word));
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  try {
    const auto info = halyard::test::open_device().info();
    const auto options = parse_options(argc, argv);
    if (options.level < halyard::conformance::kLevels - 1) {
      GTEST_FLAG_SET(filter, filter_for(options.level));
    }
    auto list = halyard::conformance::parse_list(
        options.list != nullptr ? read_file(options.list)
                                : std::string(halyard::conformance::find_list(info.chip)));
    // The listeners own it.
    testing::UnitTest::GetInstance()->listeners().Append(
        new halyard::conformance::Expectations(info.chip, info.platform, std::move(list)));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance: %s\n", error.what());
    return 1;
  }
  return RUN_ALL_TESTS();
}
