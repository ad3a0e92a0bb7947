// SPDX-License-Identifier: MIT
#include "expectations.hpp"

#include <fnmatch.h>
#include <halyard/halyard.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace halyard::conformance {

namespace {

std::string full_name(const testing::TestInfo& info) {
  return std::string(info.test_suite_name()) + "." + info.name();
}

bool matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

/// The library's refusal of what the device cannot, when it ended the case; else empty.
std::string refusal(const testing::TestPartResultArray& parts) {
  halyard_error error{};
  error.size = sizeof(error);
  if (halyard_last_error(&error) != HALYARD_UNSUPPORTED) return {};
  for (int i = 0; i < parts.size(); ++i) {
    const std::string_view message = parts.GetTestPartResult(i).message();
    const bool thrown = message.find("C++ exception with description") != std::string_view::npos;
    if (thrown && message.find(error.message) != std::string_view::npos) return error.message;
  }
  return {};
}

}  // namespace

std::vector<Unsupported> parse_list(std::string_view text) {
  std::vector<Unsupported> list;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Unsupported entry;
    if (!(words >> entry.pattern) || entry.pattern.starts_with("#")) continue;
    std::getline(words >> std::ws, entry.reason);
    if (entry.reason.empty()) throw std::invalid_argument(entry.pattern + " has no reason");
    list.push_back(std::move(entry));
  }
  return list;
}

Unsupported* Expectations::find(const testing::TestInfo& info) {
  const auto it = std::find_if(list_.begin(), list_.end(), [&](const Unsupported& line) {
    return matches(line.pattern, full_name(info));
  });
  return it != list_.end() ? &*it : nullptr;
}

void Expectations::OnTestProgramStart(const testing::UnitTest& unit_test) {
  for (int i = 0; i < unit_test.total_test_suite_count(); ++i) {
    const auto& suite = *unit_test.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); ++k)
      ++cases_.at(static_cast<std::size_t>(level_of(suite.name(), suite.GetTestInfo(k)->name())));
  }
}

void Expectations::OnTestStart(const testing::TestInfo& info) {
  testing::Test::RecordProperty("area", std::string(area_of(info.test_suite_name())));
  if (find(info) == nullptr) return;
  parts_ = std::make_unique<testing::TestPartResultArray>();
  reporter_ = std::make_unique<testing::ScopedFakeTestPartResultReporter>(
      testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, parts_.get());
}

/// The case is on the list: did it end as it has to?
void Expectations::judge(Unsupported& line) {
  reporter_.reset();
  line.used = true;
  if (const auto reason = refusal(*parts_); !reason.empty()) {
    GTEST_SKIP() << "unsupported: " << line.reason << " (" << reason << ")";
  }
  bool failed = false;
  for (int i = 0; i < parts_->size(); ++i) {
    const auto& part = parts_->GetTestPartResult(i);
    if (part.passed()) continue;
    ADD_FAILURE_AT(part.file_name() != nullptr ? part.file_name() : "unknown", part.line_number())
        << part.message();
    failed = true;
  }
  if (!failed) {
    ADD_FAILURE() << "passed, although it is listed as unsupported: " << line.reason;
  }
}

void Expectations::OnTestEnd(const testing::TestInfo& info) {
  auto* line = find(info);
  if (line != nullptr) judge(*line);
  parts_.reset();
  count(info, line != nullptr);
}

void Expectations::count(const testing::TestInfo& info, bool listed) {
  const auto area = area_of(info.test_suite_name());
  const auto level = static_cast<std::size_t>(level_of(info.test_suite_name(), info.name()));
  for (auto* counts : {&areas_[std::string(area)], &levels_.at(level)}) {
    if (info.result()->Failed()) {
      ++counts->failed;
    } else if (!info.result()->Skipped()) {
      ++counts->passed;
    } else if (listed) {
      ++counts->unsupported;
    } else {
      ++counts->skipped;
    }
  }
  if (listed && area == "operations") ++unsupported_operations_.at(level);
}

int Expectations::level() const {
  int reached = -1;
  unsigned unsupported = 0;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const bool last = i + 1 == levels_.size();
    unsupported +=
        last ? levels_[i].unsupported + levels_[i - 1].unsupported : unsupported_operations_.at(i);
    const auto& counts = levels_[i];
    const auto ran = counts.passed + counts.unsupported + counts.failed + counts.skipped;
    if (counts.failed > 0 || unsupported > 0 || ran < cases_.at(i)) break;
    reached = static_cast<int>(i);
  }
  return reached;
}

namespace {

bool ran_all(const testing::UnitTest& unit_test) {
  return unit_test.test_to_run_count() == unit_test.total_test_count();
}

}  // namespace

void Expectations::OnTestIterationEnd(const testing::UnitTest& unit_test, int /*iteration*/) {
  if (!ran_all(unit_test)) return;
  for (const auto& line : list_) {
    if (!line.used) ADD_FAILURE() << "no case has the listed pattern " << line.pattern;
  }
}

void Expectations::OnTestProgramEnd(const testing::UnitTest& unit_test) {
  std::printf("\nconformance of %s on %s\n%-16s %8s %12s %8s %8s\n", chip_.c_str(),
              platform_.c_str(), "area", "passed", "unsupported", "failed", "skipped");
  for (const auto& [area, counts] : areas_) {
    std::printf("%-16s %8u %12u %8u %8u\n", area.c_str(), counts.passed, counts.unsupported,
                counts.failed, counts.skipped);
  }
  if (level() >= 0) {
    std::printf("reached conformance level %d\n", level());
  } else if (ran_all(unit_test)) {
    std::printf("reached no conformance level\n");
  }
}

namespace {

struct SuiteArea {
  std::string_view suite, area;
};
constexpr SuiteArea kAreas[] = {
    {"Device", "devices"},
    {"Version", "devices"},
    {"Status", "devices"},
    {"Dtype", "devices"},
    {"Open", "devices"},
    {"Platform", "devices"},
    {"Monitor", "devices"},
    {"Memory", "memory"},
    {"Mapping", "mapping"},
    {"Sharing", "sharing"},
    {"Queue", "queues"},
    {"Priority", "priorities"},
    {"Timeline", "timelines"},
    {"Error", "errors"},
    {"OneOperation", "programs"},
    {"Program", "programs"},
    {"SavedProgram", "saved programs"},
    {"CommandList", "command lists"},
    {"Commands/WrongCommand", "command lists"},
    {"Limits", "limits"},
    {"Concurrency", "concurrency"},
    {"PriorityOrder", "priorities"},
    {"JobLimits", "limits"},
    {"ConcurrentWork", "concurrency"},
};

/// What a chip shows first of all: it opens, has memory, does one operation.
constexpr std::string_view kFirstCases[] = {"DeviceTest.OpensByPathAndByKind",
                                            "DeviceTest.HasEngines",
                                            "MemoryTest.IsZeroedAndRoundedUpToPages",
                                            "MappingTest.MapsToOnePlace", "OneOperationTest.Runs"};

}  // namespace

std::string_view area_of(std::string_view suite) {
  if (suite.ends_with("Test")) suite.remove_suffix(4);
  const auto it = std::find_if(std::begin(kAreas), std::end(kAreas),
                               [&](const SuiteArea& entry) { return entry.suite == suite; });
  return it != std::end(kAreas) ? it->area : "operations";
}

int level_of(std::string_view suite, std::string_view test) {
  const auto name = std::string(suite) + "." + std::string(test);
  if (std::find(std::begin(kFirstCases), std::end(kFirstCases), name) != std::end(kFirstCases)) {
    return 0;
  }
  if (suite == "Digits") return 1;
  if (area_of(suite) != "operations") return 2;
  // Sixteen-bit floats, indirection, rotation, functions, sorting, blocks and more than four
  // dimensions come last.
  constexpr std::string_view kLast[] = {"f16",   "Gather", "Scatter", "Rotate",       "Function",
                                        "Order", "Unpack", "Linear",  "SixDimensions"};
  const bool last = std::any_of(std::begin(kLast), std::end(kLast), [&](std::string_view word) {
    return name.find(word) != std::string::npos;
  });
  return last ? 3 : 2;
}

}  // namespace halyard::conformance
