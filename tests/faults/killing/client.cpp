// SPDX-License-Identifier: MIT
#include "client.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <halyard/halyard.hpp>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

#include "wire.hpp"

namespace halyard::faults {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kElements = 1024;
constexpr std::size_t kBytes = kElements * sizeof(float);
constexpr std::size_t kMostBuffers = 8;
constexpr std::size_t kMostBytes = std::size_t{256} << 10U;
/// A neighbour's death must not keep anybody waiting; a slow host may.
constexpr auto kPatience = 120s;
constexpr unsigned kMostIdleMs = 100;
/// Before another try to get what others have.
constexpr auto kNap = 100ms;

/// y = relu(x + x)
Graph make_graph() {
  Graph graph;
  const auto x = graph.input("x", {kElements});
  graph.output("y", graph.relu(graph.add(x, x)));
  return graph;
}

/// What somebody may be refused who does nothing wrong: there are more clients than queues.
bool excusable(halyard_status status) {
  return status == HALYARD_LIMIT || status == HALYARD_OUT_OF_MEMORY ||
         status == HALYARD_UNSUPPORTED;
}

class Client {
 public:
  Client(Shared& shared, std::mt19937& random, int peer)
      : shared_(shared),
        random_(random),
        peer_(peer),
        device_(Device::open()),
        program_(device_.compile(make_graph())),
        queue_(device_.create_queue()) {
    ++shared_.opened;
  }

  void act() {
    switch (random_() % 8) {
      case 0:
        return allocate();
      case 1:
        return renew_queue();
      case 2:
        return wait_in_vain();
      case 3:
        return share_buffer();
      case 4:
        return receive();
      case 5:
        return wrap();
      default:
        return run();
    }
  }

 private:
  void allocate() {
    if (buffers_.size() >= kMostBuffers) buffers_.erase(buffers_.begin());
    buffers_.push_back(device_.allocate(1 + random_() % kMostBytes));
    if (random_() % 2 != 0) buffers_.back().map<char>()[0] = 1;
  }

  void renew_queue() {
    queue_ = {};
    queue_ = device_.create_queue();
  }

  /// Sleeps in the kernel for a point that nobody signals, behind it a job that never runs.
  void wait_in_vain() {
    auto gate = device_.create_timeline();
    const std::array<Point, 1> waits{gate.at(1)};
    auto other = device_.create_queue();
    const auto x = device_.allocate(kBytes), y = device_.allocate(kBytes);
    const auto done = other.submit(program_, {{"x", x}, {"y", y}}, {.waits = waits});
    ++shared_.waits;
    try {
      done.wait(std::chrono::milliseconds(random_() % 50));
      throw std::runtime_error("a job has not waited");
    } catch (const Error& error) {
      if (error.code() != HALYARD_TIMEOUT) throw;
    }
    if (random_() % 2 != 0) gate.signal(1);
  }

  void run() {
    const auto count = 1 + random_() % 4;
    std::vector<Buffer> outputs;
    const auto x = device_.allocate(kBytes);
    const auto start = static_cast<float>(random_() % 4096);
    std::ranges::fill(x.map<float>().first(kElements), start);
    Point last;
    for (std::size_t i = 0; i < count; ++i) {
      outputs.push_back(device_.allocate(kBytes));
      last = queue_.submit(program_, {{"x", x}, {"y", outputs.back()}});
    }
    last.wait(kPatience);
    for (const auto& y : outputs)
      check(y.map<float>().first(kElements), 2 * start);
    shared_.jobs += count;
  }

  static void check(std::span<const float> values, float expected) {
    if (!std::ranges::all_of(values, [&](float value) { return value == expected; }))
      throw std::runtime_error("a result is wrong");
  }

  void share_buffer() {
    auto buffer = device_.allocate(kBytes);
    std::ranges::fill(buffer.map<float>().first(kElements), 3.0F);
    auto timeline = device_.create_timeline();
    const test::File file(random_() % 4 != 0 ? buffer.export_dmabuf() : timeline.export_fd());
    // When the other has not looked for long, it does without.
    test::send_file(peer_, file.get(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ++shared_.sent;
  }

  void receive() {
    const test::File file = test::receive_file(peer_, MSG_DONTWAIT);
    if (file.get() < 0) return;
    try {
      use_received(file.get());
    } catch (const Error& error) {
      if (error.code() != HALYARD_INVALID_ARGUMENT) throw;  // a timeline is no buffer
      return;
    }
    ++shared_.received;
  }

  /// Its maker may be dead by now.
  void use_received(int fd) {
    const auto x = device_.import_dmabuf(fd);
    const auto y = device_.allocate(kBytes);
    queue_.submit(program_, {{"x", x}, {"y", y}}).wait(kPatience);
    check(y.map<float>().first(kElements), 6);
    ++shared_.jobs;
  }

  void wrap() {
    alignas(4096) std::array<std::byte, 8192> memory{};
    const auto x = device_.wrap(memory);
    const auto y = device_.allocate(kBytes);
    queue_.submit(program_, {{"x", x}, {"y", y}}).wait(kPatience);
    check(y.map<float>().first(kElements), 0);
    ++shared_.jobs;
  }

  Shared& shared_;
  std::mt19937& random_;
  int peer_;
  Device device_;
  Program program_;
  Queue queue_;
  std::vector<Buffer> buffers_;
};

[[noreturn]] void give_up(Shared& shared, const char* what) {
  if (shared.failures++ == 0) std::snprintf(shared.failure, sizeof(shared.failure), "%s", what);
  _exit(EXIT_FAILURE);
}

}  // namespace

void use_device(Shared& shared, unsigned seed, int peer) {
  std::mt19937 random(seed);
  setpriority(PRIO_PROCESS, 0, 0);
  for (;;) {
    try {
      Client client(shared, random, peer);
      for (;;) {
        client.act();
        ++shared.actions;
        // Most are asleep at any time, or nobody would get on.
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % kMostIdleMs));
      }
    } catch (const Error& error) {
      if (!excusable(error.code())) give_up(shared, error.what());
      ++shared.refused;
    } catch (const std::exception& error) {
      give_up(shared, error.what());
    }
    std::this_thread::sleep_for(kNap);
  }
}

}  // namespace halyard::faults
