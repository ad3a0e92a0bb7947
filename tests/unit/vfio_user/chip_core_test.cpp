// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "chips/judge.hpp"
#include "chips/trace.hpp"

namespace halyard::emu::test {
namespace {

TEST(Judge, CountsAndKeepsTheFirstText) {
  Judge judge;
  EXPECT_EQ(judge.to_json(), R"({"findings": []})");
  judge.report("B-2", "second rule");
  judge.report("A-1", "first");
  judge.report("A-1", "again");
  const auto findings = judge.findings();
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].rule, "A-1");
  EXPECT_EQ(findings[0].text, "first");
  EXPECT_EQ(findings[0].count, 2u);
  EXPECT_EQ(judge.to_json(), R"({"findings": [{"rule": "A-1", "text": "first", "count": 2}, )"
                             R"({"rule": "B-2", "text": "second rule", "count": 1}]})");
}

TEST(Judge, EscapesText) {
  Judge judge;
  judge.report("Q", "a \"quoted\" \\ line\n\x01");
  EXPECT_EQ(
      judge.to_json(),
      R"({"findings": [{"rule": "Q", "text": "a \"quoted\" \\ line\u000a\u0001", "count": 1}]})");
}

TEST(Judge, CountsFromManyThreads) {
  Judge judge;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n)
        judge.report("R", "text");
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(judge.findings()[0].count, 4000u);
}

class TraceTest : public testing::Test {
 protected:
  TraceTest() {
    char name[] = "/tmp/halyard-trace-XXXXXX";
    ::close(::mkstemp(name));
    path_ = name;
  }
  ~TraceTest() override { std::filesystem::remove(path_); }
  /// What read_trace() says about the file as it is.
  std::string complaint() {
    try {
      read_trace(path_);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  std::string path_;
};

TEST_F(TraceTest, ReadsBackWhatWasRecorded) {
  {
    Trace trace(path_);
    EXPECT_TRUE(trace.enabled());
    trace.record(TraceKind::kBarWrite, std::uint64_t{2} << 56 | 0x40, 0x1234, 4);
    std::thread([&] { trace.record(TraceKind::kInterrupt, 3, 1); }).join();
  }
  const auto records = read_trace(path_);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].kind, static_cast<std::uint8_t>(TraceKind::kBarWrite));
  EXPECT_EQ(records[0].size, 4);
  EXPECT_EQ(records[0].where, std::uint64_t{2} << 56 | 0x40);
  EXPECT_EQ(records[0].value, 0x1234u);
  EXPECT_EQ(records[1].where, 3u);
  EXPECT_LE(records[0].time_ns, records[1].time_ns);
  EXPECT_NE(records[0].thread, records[1].thread);
}

TEST_F(TraceTest, FlushMakesRecordsVisible) {
  Trace trace(path_);
  trace.record(TraceKind::kReset, 0, 0);
  trace.flush();
  EXPECT_EQ(read_trace(path_).size(), 1u);
}

TEST_F(TraceTest, CanBeReadWhileItIsWritten) {
  Trace trace(path_);
  EXPECT_EQ(complaint(), "");
  for (int i = 0; i < 10000; ++i)
    trace.record(TraceKind::kNote, 1, 2);
  EXPECT_EQ(complaint(), "");
  EXPECT_GT(read_trace(path_).size(), 1000u);
}

TEST_F(TraceTest, WithoutAFileNothingHappens) {
  Trace trace;
  EXPECT_FALSE(trace.enabled());
  trace.record(TraceKind::kReset, 0, 0);
  trace.flush();
}

TEST_F(TraceTest, RefusesAFileThatCannotBeMade) {
  EXPECT_THROW(Trace("/proc/none/x"), std::system_error);
}

TEST_F(TraceTest, NamesWhatIsWrongWithAFile) {
  EXPECT_THAT(complaint(), testing::HasSubstr("not a Halyard trace"));
  std::ofstream(path_) << "NOTATRACE0000000";
  EXPECT_THAT(complaint(), testing::HasSubstr("not a Halyard trace"));
  { Trace trace(path_); }
  EXPECT_EQ(complaint(), "");
  std::ofstream(path_, std::ios::app) << "torn";
  EXPECT_THAT(complaint(), testing::HasSubstr("ends within record 0"));
  std::fstream(path_, std::ios::in | std::ios::out).seekp(8).put('\x10');
  EXPECT_THAT(complaint(), testing::HasSubstr("another version"));
  std::filesystem::remove(path_);
  EXPECT_THAT(complaint(), testing::HasSubstr("No such file"));
}

}  // namespace
}  // namespace halyard::emu::test
