// SPDX-License-Identifier: MIT
/// \file
/// What the firmware tells through debugfs.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs.hpp"

namespace halyard::test {
namespace {

using testing::HasSubstr;

/// 0 or the errno.
int read_debugfs(const char* name, std::string& text) {
  const File file(open((debugfs_folder() + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  text.clear();
  for (;;) {
    std::array<char, 4096> buffer;
    const ssize_t bytes = read(file.get(), buffer.data(), buffer.size());
    if (bytes < 0) return errno;
    if (bytes == 0) return 0;
    text.append(buffer.data(), static_cast<std::size_t>(bytes));
  }
}

std::string read_debugfs(const char* name) {
  std::string text;
  EXPECT_EQ(read_debugfs(name, text), 0) << name;
  return text;
}

/// The number behind a word that begins a line.
std::uint64_t number(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + " ")) return std::stoull(line.substr(key.size() + 1));
  }
  ADD_FAILURE() << "no " << key << " in\n" << text;
  return 0;
}

class Telemetry : public testing::Test {
 protected:
  void TearDown() override { inject("none"); }
  Mover client_;
};

TEST_F(Telemetry, CountsWhatPassesTheBus) {
  const std::string before = read_debugfs("telemetry");
  const auto card = client_.make_bo(kMiB);
  const auto host = client_.make_bo(kMiB, kHostMemory);
  ASSERT_EQ(client_.run(copy(client_.queue(), host, card, kMiB)), 1);
  ASSERT_EQ(client_.run(copy(client_.queue(), card, host, kMiB)), 1);
  const std::string after = read_debugfs("telemetry");
  EXPECT_GE(number(after, "bytes_to_card"), number(before, "bytes_to_card") + kMiB);
  EXPECT_GE(number(after, "bytes_to_host"), number(before, "bytes_to_host") + kMiB);
  EXPECT_GT(number(after, "uptime_ns"), number(before, "uptime_ns"));
  EXPECT_GE(number(after, "queues"), 1U);
}

TEST_F(Telemetry, LogTellsOfQueues) {
  const auto queue = client_.make_queue(DRM_HALYARD_SLOOP_ENGINE_COMPUTE);
  EXPECT_THAT(read_debugfs("firmware_log"), HasSubstr("protocol 3"));
  EXPECT_THAT(read_debugfs("firmware_log"), HasSubstr("class 0"));
  EXPECT_EQ(client_.queue_destroy(queue), 0);
  EXPECT_THAT(read_debugfs("firmware_log"), HasSubstr("destroyed"));
}

TEST_F(Telemetry, EventsOfCorrectedErrors) {
  const auto before = number(read_debugfs("events"), "ecc_corrected");
  const auto card = client_.make_bo(4096);
  ASSERT_EQ(client_.fill_bo(card, 4096, 1), 1);
  inject("ecc", -1, 0, 3, 0);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client_.fill_bo(card, 4096, 1), 1);
  for (int i = 0; i < 200 && number(read_debugfs("events"), "ecc_corrected") < before + 3; ++i)
    sleep_ms(10);
  EXPECT_EQ(number(read_debugfs("events"), "ecc_corrected"), before + 3);
  EXPECT_GE(number(read_debugfs("telemetry"), "ecc_corrected"), 3U);
}

/// A size above that of the buffer is the firmware's lie: nothing is read past the end.
TEST_F(Telemetry, ImpossibleSizesAreRefused) {
  constexpr int kTelemetry = 6;
  constexpr int kLog = 7;
  for (const int op : {kTelemetry, kLog}) {
    inject("admin_bad_size", op, 0, 1, 0x7fffffff);
    std::string text;
    EXPECT_EQ(read_debugfs(op == kLog ? "firmware_log" : "telemetry", text), EPROTO);
    EXPECT_EQ(text, "");
  }
  inject("none");
  EXPECT_THAT(read_debugfs("telemetry"), HasSubstr("uptime_ns"));
}

}  // namespace
}  // namespace halyard::test
