// SPDX-License-Identifier: MIT
/// \file
/// Buffers and timelines that go from process to process over a socket.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>

#include "fixture.hpp"
#include "wire.hpp"

namespace halyard {
namespace {

using test::error_of;
using test::File;
using test::fork_child;
using test::kMoment;
using test::kPatience;
using test::open_device;
using test::wait_child;
using test::Wire;

constexpr std::uint64_t kBytes = 4096;
constexpr std::uint32_t kFirst = 0xcafe, kSecond = 0xf00d;

/// Another process, which has nothing in common with this one but the wire. It begins before this
/// one has opened a device, because threads do not survive fork(). Its id.
int in_other_process(bool unprivileged, const std::function<void()>& body) {
  const int pid = fork_child(unprivileged);
  if (pid != 0) return pid;
  try {
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the other process: %s\n", error.what());
    _Exit(EXIT_FAILURE);
  }
  _Exit(EXIT_SUCCESS);
}

bool holds(const Buffer& buffer, std::uint32_t pattern) {
  const auto words = buffer.map<std::uint32_t>();
  return std::ranges::all_of(words, [pattern](std::uint32_t word) { return word == pattern; });
}

void expect_same(bool same) {
  if (!same) throw std::runtime_error("other contents than were expected");
}

/// Jobs of two processes, of two users, take turns at one buffer; each waits on the device for the
/// other's. In the end the host of one tells that of the other.
TEST(PassingTest, JobsOfTwoProcessesTakeTurns) {
  const Wire wire;
  ASSERT_EQ(chmod(test::device_node().c_str(), 0666), 0);
  const int pid = in_other_process(true, [&] {
    const File memory = wire.receive(1), fence = wire.receive(1);
    const Device device = open_device();
    const Buffer buffer = device.import_dmabuf(memory.get());
    Timeline turns = device.import_timeline(fence.get());
    Queue queue = device.create_queue();
    const std::array<Point, 1> his{turns.at(1)}, mine{turns.at(2)};
    const Buffer seen = device.allocate(kBytes);
    queue.copy(seen, 0, buffer, 0, kBytes, {.waits = his});
    queue.fill(buffer, 0, kBytes, kSecond, {.signals = mine});
    turns.at(3).wait(kPatience);
    expect_same(holds(seen, kFirst));
    turns.signal(4);
  });
  {
    const Device device = open_device();
    const Buffer buffer = device.allocate(kBytes);
    Timeline turns = device.create_timeline();
    wire.send(0, File(buffer.export_dmabuf()));
    wire.send(0, File(turns.export_fd()));
    Queue queue = device.create_queue();
    const std::array<Point, 1> mine{turns.at(1)};
    queue.fill(buffer, 0, kBytes, kFirst, {.signals = mine});
    turns.at(2).wait(kPatience);
    const Buffer seen = device.allocate(kBytes);
    queue.copy(seen, 0, buffer, 0, kBytes).wait(kPatience);
    EXPECT_TRUE(holds(seen, kSecond));
    EXPECT_TRUE(holds(buffer, kSecond));
    turns.signal(3);
    turns.at(4).wait(kPatience);
  }
  EXPECT_EQ(wait_child(pid), 0);
}

/// What a process has made outlives it, and a point that it has not promised is not reached.
TEST(PassingTest, OutlivesTheSender) {
  const Wire wire;
  const int pid = in_other_process(false, [&] {
    const Device device = open_device();
    const Buffer buffer = device.allocate(kBytes);
    Timeline timeline = device.create_timeline();
    Queue queue = device.create_queue();
    const std::array<Point, 1> done{timeline.at(1)};
    queue.fill(buffer, 0, kBytes, kFirst, {.signals = done}).wait(kPatience);
    wire.send(1, File(buffer.export_dmabuf()));
    wire.send(1, File(timeline.export_fd()));
  });
  ASSERT_EQ(wait_child(pid), 0);
  const File memory = wire.receive(0), fence = wire.receive(0);
  const Device device = open_device();
  const Buffer buffer = device.import_dmabuf(memory.get());
  const Timeline timeline = device.import_timeline(fence.get());
  timeline.at(1).wait(kPatience);
  EXPECT_EQ(error_of([&] { return timeline.at(2).wait(kMoment); }).code(), HALYARD_TIMEOUT);
  EXPECT_TRUE(holds(buffer, kFirst));
  Queue queue = device.create_queue();
  queue.fill(buffer, 0, kBytes, kSecond).wait(kPatience);
  EXPECT_TRUE(holds(buffer, kSecond));
}

/// Each descriptor is only what it is.
TEST(PassingTest, OtherDescriptorsAreRefused) {
  const Device device = open_device();
  const Buffer buffer = device.allocate(kBytes);
  const Timeline timeline = device.create_timeline();
  const File memory(buffer.export_dmabuf()), fence(timeline.export_fd());
  const auto code = [](const auto& body) { return error_of(body).code(); };
  EXPECT_EQ(code([&] { return device.import_dmabuf(fence.get()); }), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(code([&] { return device.import_timeline(memory.get()); }), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(code([&] { return device.import_timeline(-1); }), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(code([&] { return device.import_timeline(STDERR_FILENO); }), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(code([&] { return device.import_dmabuf(STDERR_FILENO); }), HALYARD_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace halyard
