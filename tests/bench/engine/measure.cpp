// SPDX-License-Identifier: MIT
#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <limits>
#include <map>
#include <thread>

namespace halyard::engine::bench {
namespace {

double now(Clock clock) {
  timespec time{};
  clock_gettime(clock == Clock::kWall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds_of(const std::function<void()>& run, int repetitions, Clock clock) {
  const double begin = now(clock);
  for (int i = 0; i < repetitions; ++i) {
    run();
  }
  return (now(clock) - begin) / repetitions;
}

/// OpenMP's threads spin for milliseconds after their last work and would take the processor from
/// the next contender's: let them fall asleep, then warm up again.
void settle(const Contender& contender) {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  contender.run();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// A ceiling, not a rival.
bool is_bracketed(const Timing& timing) {
  return timing.name.starts_with('(');
}

}  // namespace

double Row::ratio() const {
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < timings.size(); ++i) {
    if (!std::isnan(timings[i].seconds) && !is_bracketed(timings[i])) {
      best = std::min(best, timings[i].seconds);
    }
  }
  return best / timings.front().seconds;
}

std::vector<Timing> measure(const std::vector<Contender>& contenders, int rounds, Clock clock) {
  constexpr double kSlice = 0.004;  // seconds per contender and round, if a run is not longer
  std::vector<int> repetitions;
  for (const Contender& contender : contenders) {
    int count = 0;
    if (contender.run) {
      contender.run();  // compiles, allocates
      const double once = std::max(seconds_of(contender.run, 3, clock), 1e-8);
      count = static_cast<int>(std::clamp(kSlice / once, 1.0, 100000.0));
    }
    repetitions.push_back(count);
  }
  std::vector<std::vector<double>> samples(contenders.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      if (contenders[i].run) {
        if (clock == Clock::kWall) {
          settle(contenders[i]);
        }
        samples[i].push_back(seconds_of(contenders[i].run, repetitions[i], clock));
      }
    }
  }
  std::vector<Timing> timings;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    const bool exists = !samples[i].empty();
    timings.push_back({contenders[i].name,
                       exists ? median(samples[i]) : std::numeric_limits<double>::quiet_NaN()});
  }
  return timings;
}

void print(const Row& row, const Row* previous) {
  if (previous == nullptr || previous->group != row.group) {
    std::printf("\n%-12s %-32s", row.group.c_str(), "Gop/s, median");
    for (const Timing& timing : row.timings) {
      std::printf(" %16s", timing.name.c_str());
    }
    std::printf(" %12s\n", "ratio (aim)");
  }
  std::printf("%-12s %-32s", "", row.shape.c_str());
  for (const Timing& timing : row.timings) {
    if (std::isnan(timing.seconds)) {
      std::printf(" %16s", "-");
    } else {
      std::printf(" %16.1f", row.operations / timing.seconds * 1e-9);
    }
  }
  std::printf("  %5.2f (%.1f)%s\n", row.ratio(), row.aim, row.ratio() < row.aim ? " *" : "");
  std::fflush(stdout);
}

void print_summary(const std::vector<Row>& rows) {
  struct Sum {
    double logarithms = 0.0;
    int count = 0;
    double smallest = std::numeric_limits<double>::infinity();
    double aim = 0.0;
  };
  std::map<std::string, Sum> groups;
  for (const Row& row : rows) {
    Sum& sum = groups[row.group];
    sum.logarithms += std::log(row.ratio());
    ++sum.count;
    sum.smallest = std::min(sum.smallest, row.ratio());
    sum.aim = row.aim;
  }
  std::printf("\n%-12s %14s %9s %5s\n", "ratio", "geometric mean", "smallest", "aim");
  for (const auto& [name, sum] : groups) {
    std::printf("%-12s %14.2f %9.2f %5.1f\n", name.c_str(), std::exp(sum.logarithms / sum.count),
                sum.smallest, sum.aim);
  }
}

bool write_json(const std::vector<Row>& rows, const std::string& file) {
  std::ofstream out(file);
  out << "[\n";
  for (const Row& row : rows) {
    out << "  {\"group\": \"" << row.group << "\", \"shape\": \"" << row.shape
        << "\", \"operations\": " << row.operations << ", \"aim\": " << row.aim
        << ", \"ratio\": " << row.ratio() << ", \"seconds\": {";
    const char* separator = "";
    for (const Timing& timing : row.timings) {
      if (!std::isnan(timing.seconds)) {
        out << separator << '"' << timing.name << "\": " << timing.seconds;
        separator = ", ";
      }
    }
    out << "}}" << (&row == &rows.back() ? "\n" : ",\n");
  }
  out << "]\n";
  out.flush();
  return out.good();
}

}  // namespace halyard::engine::bench
