// SPDX-License-Identifier: MIT
/// \file
/// What the system's monitors read: fdinfo, and the driver's own counters.

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

class Usage : public testing::Test {
 protected:
  Client client_;
};

TEST_F(Usage, FdinfoNamesDriverAndDevice) {
  const std::string text = fdinfo_text(client_);
  EXPECT_NE(text.find("drm-driver:\thalyard"), std::string::npos) << text;
  EXPECT_NE(text.find("drm-pdev:\t"), std::string::npos) << text;
  EXPECT_NE(text.find("drm-client-id:\t"), std::string::npos) << text;
}

TEST_F(Usage, EveryEngineClassHasItsKeys) {
  const std::string text = fdinfo_text(client_);
  EXPECT_NE(text.find("drm-engine-tensor:\t0 ns"), std::string::npos) << text;
  EXPECT_NE(text.find("drm-engine-copy:\t0 ns"), std::string::npos) << text;
  EXPECT_EQ(fdinfo(client_, "drm-engine-capacity-tensor"), 2U) << text;
}

TEST_F(Usage, EngineTimeGrowsWithJobs) {
  const Buffer buffer = client_.make_buffer(kLargePage);
  const Program program = load(client_, Stream().fill(row(0, kLargePage / 4), 1), {whole(buffer)});
  const std::uint32_t queue = client_.make_queue();
  std::uint64_t last = fdinfo(client_, "drm-engine-tensor");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(client_.run(program.job(queue)), 1);
    const std::uint64_t now = fdinfo(client_, "drm-engine-tensor");
    EXPECT_GT(now, last);
    last = now;
  }
  EXPECT_EQ(fdinfo(client_, "drm-engine-copy"), 0U);
  EXPECT_EQ(last, client_.query(queue).busy_ns);
  // Counters never go back, not even when the queue is gone.
  ASSERT_EQ(client_.queue_destroy(queue), 0);
  EXPECT_EQ(fdinfo(client_, "drm-engine-tensor"), last);
}

TEST_F(Usage, EngineTimeIsTheClients) {
  Client other;
  const Buffer buffer = client_.make_buffer(kPage);
  const Program program = load(client_, Stream().fill(row(0, 1), 1), {whole(buffer)});
  EXPECT_EQ(client_.run(program.job(client_.make_queue())), 1);
  EXPECT_EQ(fdinfo(other, "drm-engine-tensor"), 0U);
}

TEST_F(Usage, MemoryKeysCountBuffers) {
  const std::string text = fdinfo_text(client_);
  const auto start = text.find("drm-total-");
  ASSERT_NE(start, std::string::npos) << text;
  const std::string key = text.substr(start, text.find(':', start) - start);
  // In KiB or MiB, as the DRM core prints it: 1024 pages are "4 MiB" or "4096 KiB".
  const std::uint32_t handle = client_.make_bo(1024 * kPage);
  const std::uint64_t total = fdinfo(client_, key);
  EXPECT_TRUE(total == 4 || total == 4096) << fdinfo_text(client_);
  ASSERT_EQ(client_.close_bo(handle), 0);
  EXPECT_EQ(fdinfo(client_, key), 0U);
}

/// Jobs as counted by the driver, and by the card: work was done by neither by chance.
TEST_F(Usage, CountersProveThatWorkRan) {
  const auto jobs_on_card = [] {
    std::ifstream file(debugfs_folder() + "/perf");
    std::uint64_t jobs = 0;
    for (std::string word; file >> word;) {
      if (word == "jobs") {
        std::uint64_t count = 0;
        file >> count;
        jobs += count;
      }
    }
    return jobs;
  };
  const std::uint64_t before = jobs_on_card();
  const Buffer buffer = client_.make_buffer(kPage);
  const Program program = load(client_, Stream().fill(row(0, 1), 1), {whole(buffer)});
  const std::uint32_t queue = client_.make_queue();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(client_.run(program.job(queue)), 1);
  }
  EXPECT_EQ(jobs_on_card(), before + 10);
  EXPECT_EQ(client_.query(queue).completed, 10U);
}

}  // namespace
}  // namespace halyard::test
