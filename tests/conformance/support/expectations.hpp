// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What a chip does not support, by the list in tests/conformance/chips: such a case must really be
/// refused. Counts by area, and the level that the chip has reached.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace halyard::conformance {

/// A line of a chip's list.
struct Unsupported {
  std::string pattern;  ///< of "Suite.Test", as the shell's
  std::string reason;
  bool used = false;  ///< it was the line of some case
};

/// Lines of a pattern, white space and a reason; empty ones and those that begin with # do not
/// count. Throws std::invalid_argument for a line without reason.
std::vector<Unsupported> parse_list(std::string_view text);

/// The chip's list, as the build has taken it in; empty when it has none.
std::string_view find_list(std::string_view chip);

/// Area of a suite: "memory", "queues", ...
std::string_view area_of(std::string_view suite);
/// Level that a case belongs to; Documentation/conformance.rst says what they mean.
int level_of(std::string_view suite, std::string_view test);
inline constexpr int kLevels = 4;

/// Listens to the tests of one chip on one platform.
class Expectations final : public testing::EmptyTestEventListener {
 public:
  Expectations(std::string chip, std::string platform, std::vector<Unsupported> list)
      : chip_(std::move(chip)), platform_(std::move(platform)), list_(std::move(list)) {}

  void OnTestProgramStart(const testing::UnitTest& unit_test) override;
  void OnTestStart(const testing::TestInfo& info) override;
  void OnTestEnd(const testing::TestInfo& info) override;
  /// A line that is no case's is a failure, when all cases ran.
  void OnTestIterationEnd(const testing::UnitTest& unit_test, int iteration) override;
  void OnTestProgramEnd(const testing::UnitTest& unit_test) override;

  /// The highest level all of which is reached; -1: not even the lowest.
  [[nodiscard]] int level() const;

 private:
  struct Counts {
    unsigned passed = 0, unsupported = 0, failed = 0, skipped = 0;
  };
  Unsupported* find(const testing::TestInfo& info);
  void judge(Unsupported& line);
  void count(const testing::TestInfo& info, bool unsupported);

  const std::string chip_, platform_;
  std::vector<Unsupported> list_;
  std::map<std::string, Counts, std::less<>> areas_;
  std::array<Counts, kLevels> levels_{};
  std::array<unsigned, kLevels> cases_{};  ///< of each level, whether they run or not
  std::array<unsigned, kLevels> unsupported_operations_{};
  // Of a case on the list: what it reports is not the run's, but looked at.
  std::unique_ptr<testing::TestPartResultArray> parts_;
  std::unique_ptr<testing::ScopedFakeTestPartResultReporter> reporter_;
};

}  // namespace halyard::conformance
