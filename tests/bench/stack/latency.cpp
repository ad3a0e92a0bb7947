// SPDX-License-Identifier: MIT
// From submit to the waiter: an empty job.

#include "bench.hpp"

namespace halyard::bench {

void run_latency(const Device& device) {
  auto queue = device.create_queue();
  const bool sim = std::string(device.info().platform) == "sim";
  const int calls = sim ? 2000 : 200;
  print_section("empty job, one at a time");
  print("submit to fence, spinning",
        time_per_call(7, calls,
                      [&] {
                        const auto point = queue.barrier();
                        const Timeline timeline(halyard_timeline_retain(point.raw().timeline));
                        while (timeline.query() < point.value()) {
                        }
                      }),
        "us");
  print("submit to fence, sleeping", time_per_call(7, calls, [&] { queue.barrier().wait(); }),
        "us");
  std::vector<Point> points;
  print("submit alone",
        time_per_call(7, 64,
                      [&] {
                        points.push_back(queue.barrier());
                        if (points.size() % 64 == 0) wait_all(points), points.clear();
                      }),
        "us");
}

}  // namespace halyard::bench
