// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Timing alternatives side by side.

#include <functional>
#include <string>
#include <vector>

namespace halyard::engine::bench {

/// One of several ways to the same result; without `run` it does not exist here.
struct Contender {
  std::string name;
  std::function<void()> run;
};

struct Timing {
  std::string name;
  double seconds;  ///< median of one run; NaN where the contender does not exist
};

struct Row {
  std::string group;  ///< what is compared, for instance "f32 matmul"
  std::string shape;
  double operations;            ///< multiplications and additions of one run
  double aim;                   ///< the ratio to the best rival that is aimed at
  std::vector<Timing> timings;  ///< the engine first

  /// Time of the best rival over the engine's; rivals with a name in brackets do not count.
  [[nodiscard]] double ratio() const;
};

/// How long a run takes: by the clock on the wall, or the processor time of the process, which a
/// busy machine disturbs less but which adds up threads.
enum class Clock : unsigned char { kWall, kProcessor };

/// Times the contenders in turns, a few milliseconds each, `rounds` times over.
std::vector<Timing> measure(const std::vector<Contender>& contenders, int rounds, Clock clock);

/// One line per row, with GFLOP/s (or Gop/s) and the ratio; a header where the group changes.
void print(const Row& row, const Row* previous);
/// One line per group: the geometric mean of the ratios, and the smallest.
void print_summary(const std::vector<Row>& rows);
/// False if the file cannot be written.
bool write_json(const std::vector<Row>& rows, const std::string& file);

}  // namespace halyard::engine::bench
