// SPDX-License-Identifier: MIT
// Jobs per second with several under way.

#include <deque>

#include "bench.hpp"

namespace halyard::bench {

void run_throughput(const Device& device) {
  print_section("empty jobs, several under way");
  const bool sim = std::string(device.info().platform) == "sim";
  const int jobs = sim ? 20000 : 2000;
  for (const std::size_t depth : {1U, 8U, 64U}) {
    auto queue = device.create_queue();
    std::vector<double> times;
    for (int round = 0; round < 5; ++round) {
      std::deque<Point> under_way;
      const auto start = Clock::now();
      for (int i = 0; i < jobs; ++i) {
        if (under_way.size() == depth) {
          under_way.front().wait();
          under_way.pop_front();
        }
        under_way.push_back(queue.barrier());
      }
      under_way.back().wait();
      times.push_back(microseconds(Clock::now() - start) / jobs);
    }
    const double time = median(times);
    const bool overhead = sim && depth == 64;
    print("jobs per second, " + std::to_string(depth) + " under way", 1e6 / time, "1/s");
    if (overhead) print("time per job", time, "us", "< 2 us");
  }
}

}  // namespace halyard::bench
