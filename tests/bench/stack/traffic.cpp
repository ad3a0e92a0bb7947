// SPDX-License-Identifier: MIT
// What the CPU does with a tensor's bytes on their way to the card: nothing, if the cost of a
// submit does not depend on them.

#include <ctime>

#include "bench.hpp"

namespace halyard::bench {
namespace {

/// CPU time of the calling thread, user and kernel together.
double thread_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

/// CPU time of submitting a program that reads `elements` floats and writes one.
double submit_cost(const Device& device, Queue& queue, std::uint32_t elements) {
  Graph graph;
  const auto x = graph.input("x", {1, elements});
  const std::vector<float> ones(elements, 1);
  graph.output("y",
               graph.matmul(x, graph.constant(std::span<const float>(ones), {elements, 1}, f32)));
  const auto program = device.compile(graph);
  const auto in = device.allocate(x.bytes()), out = device.allocate(sizeof(float));
  std::vector<double> costs;
  for (int i = 0; i < 60; ++i) {
    const double start = thread_microseconds();
    const auto point = queue.submit(program, {{"x", in}, {"y", out}});
    costs.push_back(thread_microseconds() - start);
    point.wait();
  }
  return median(costs);
}

struct Cost {
  std::uint32_t elements = 0;
  double microseconds = 0;
};

/// Of the largest tensor that the device has memory for, from `elements` on downwards.
Cost largest_submit_cost(const Device& device, Queue& queue, std::uint32_t elements) {
  for (;; elements /= 2) {
    try {
      return {elements, submit_cost(device, queue, elements)};
    } catch (const Error& error) {
      if (error.code() != HALYARD_OUT_OF_MEMORY || elements == 1) throw;
    }
  }
}

}  // namespace

void run_traffic(const Device& device) {
  constexpr std::uint32_t kSmall = 1024, kLarge = 4 * 1024 * 1024;
  print_section("tensor bytes touched by the CPU in a submit");
  auto queue = device.create_queue();
  const double small = submit_cost(device, queue, kSmall);
  const auto large = largest_submit_cost(device, queue, kLarge);
  print("submit with a 4 KiB tensor", small, "us");
  print("submit with a " + std::to_string(large.elements / (256 * 1024)) + " MiB tensor",
        large.microseconds, "us");
  // A copy moves some bytes per nanosecond; the difference, at one byte per nanosecond, bounds what
  // was copied.
  const double copied =
      std::max(0.0, large.microseconds - small) * 1000 / (4.0 * (large.elements - kSmall));
  print("bytes copied per tensor byte, at 1 GB/s, at most", copied, "", "0");
}

}  // namespace halyard::bench
