// SPDX-License-Identifier: MIT
/// \file
/// Processes that end badly: what they held comes back, and the device works on.

#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

/// What all users together hold of the device.
struct Held {
  std::uint32_t queues = 0, vms = 0;
  std::uint64_t bytes = 0;
  bool operator==(const Held&) const = default;
};

Held held(const Client& client) {
  const drm_halyard_query_limits limits = client.limits();
  return {limits.queues_used, limits.vms_used, client.memory_used()};
}

/// Waits a while for it to be as expected; what it was last.
Held settle(const Client& client, const Held& expected) {
  Held now = held(client);
  for (int i = 0; i < 400 && now != expected; ++i) {
    sleep_ms(50);
    now = held(client);
  }
  return now;
}

/// Submits without end, from several queues, until it is killed.
[[noreturn]] void submit_forever() {
  Client client;
  const Buffer buffer = client.make_buffer(64 * kPage);
  Stream stream;
  for (std::uint32_t i = 0; i < 64; ++i) {
    stream.fill(row(0, kPage / 4, i * kPage), i);
  }
  const Program program = load(client, stream, {whole(buffer)});
  std::array<std::uint32_t, 4> queues{};
  for (std::uint32_t& queue : queues) {
    queue = client.make_queue();
  }
  const std::uint32_t timeline = client.make_syncobj();
  for (std::uint64_t point = 1;; ++point) {
    Job job = program.job(queues[point % queues.size()]);
    job.uses(buffer.handle, DRM_HALYARD_BUFFER_WRITE | DRM_HALYARD_BUFFER_NO_IMPLICIT)
        .signal(timeline, point);
    require(client.submit(job), "SUBMIT");
    // Enough to be always in the midst of something, not so many that memory is the test.
    if (point > 500) {
      require(client.wait(timeline, point - 500), "SYNCOBJ_WAIT");
    }
  }
}

class Process : public testing::Test {
 protected:
  /// What tests before held is released in the background.
  void SetUp() override { ASSERT_EQ(settle(client_, {}), Held{}); }

  void expect_all_given_back() {
    const Held after = settle(client_, {});
    EXPECT_EQ(after.queues, 0U);
    EXPECT_EQ(after.vms, 0U);
    EXPECT_EQ(after.bytes, 0U);
    Client fresh;
    const Buffer buffer = fresh.make_buffer(kPage);
    EXPECT_EQ(
        fresh.run(
            load(fresh, Stream().fill(row(0, 1), 1), {whole(buffer)}).job(fresh.make_queue())),
        1);
    EXPECT_EQ(buffer.as()[0], 1U);
  }

  Client client_;
};

TEST_F(Process, KilledInMidSubmit) {
  constexpr std::array kDelaysMs = {5U, 50U, 250U, 500U};
  for (const unsigned delay : kDelaysMs) {
    const int pid = fork_child(false);
    if (pid == 0) {
      submit_forever();
    }
    sleep_ms(delay);
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
    expect_all_given_back();
  }
}

TEST_F(Process, SeveralKilledAtOnce) {
  std::vector<int> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(fork_child(false));
    if (children.back() == 0) {
      submit_forever();
    }
  }
  sleep_ms(300);
  for (const int pid : children) {
    ASSERT_EQ(kill(pid, SIGKILL), 0);
  }
  for (const int pid : children) {
    EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
  }
  expect_all_given_back();
}

TEST_F(Process, ExitsWithAJobThatWaitsForEver) {
  const int status = in_child(false, [] {
    Client client;
    const Buffer gate = client.make_buffer(kPage);
    const Program program = load(client, Stream().fence_wait(0, 0, 1), {whole(gate)});
    return client.submit(program.job(client.make_queue()));
  });
  EXPECT_EQ(status, 0);
  expect_all_given_back();
}

TEST_F(Process, KilledWithAHungJob) {
  inject("hang");
  const int pid = fork_child(false);
  if (pid == 0) {
    submit_forever();
  }
  ASSERT_TRUE(wait_for_injection());
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
  expect_all_given_back();
}

/// A child has the parent's file, and neither's end disturbs the other.
TEST_F(Process, FileIsInherited) {
  Client client;
  const Buffer buffer = client.make_buffer(kPage);
  const Program program = load(client, Stream().fill(row(0, 1), 6), {whole(buffer)});
  const std::uint32_t queue = client.make_queue();
  EXPECT_EQ(in_child(false, [&] { return client.run(program.job(queue)) == 1 ? 0 : 1; }), 0);
  EXPECT_EQ(buffer.as()[0], 6U);
  EXPECT_EQ(client.run(program.job(queue)), 1);
  EXPECT_EQ(client.query(queue).completed, 2U);
}

}  // namespace
}  // namespace halyard::test
