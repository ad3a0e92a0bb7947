// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the benchmarks share: a median of several rounds, and a table.

#include <halyard/halyard.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace halyard::bench {

using Clock = std::chrono::steady_clock;

inline double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Microseconds of one call, the median over `rounds` rounds of `calls` calls each, after one round
/// to warm up.
template <class Call>
double time_per_call(int rounds, int calls, Call call) {
  std::vector<double> times;
  for (int round = 0; round <= rounds; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i)
      call();
    if (round != 0) times.push_back(microseconds(Clock::now() - start) / calls);
  }
  return median(times);
}

/// One line of the result. `aim` is what the project aims at, empty when there is none.
void print(const std::string& what, double value, const std::string& unit,
           const std::string& aim = {});
void print_section(const std::string& title);

/// System calls that the calling thread makes in `call`, counted by the kernel; nothing where the
/// kernel does not let us.
std::optional<double> count_syscalls(const std::function<void()>& call);

void run_latency(const Device& device);
void run_throughput(const Device& device);
void run_traffic(const Device& device);
void run_syscalls(const Device& device);
void run_power(const Device& device);
void run_digits(const Device& device);

}  // namespace halyard::bench
