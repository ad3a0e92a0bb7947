// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A chip's table: which injections there are, and what each must come to.

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace halyard::faults {

/// A line for the file "inject": KIND TARGET SKIP COUNT ARG.
struct Injection {
  std::string kind;
  bool early =
      false;  ///< "?" before the kind: it may happen before all is armed, and is not counted
  std::string target = "-1";
  std::string skip = "0";  ///< "*": a few, at random
  unsigned count = 1;
  std::string argument = "0";

  /// As the file takes it.
  [[nodiscard]] std::string line(std::mt19937& random) const;
};

/// How far a failure may reach.
enum class Outcome {
  kHarmless,  ///< every job ends well
  kGuilty,    ///< one job fails, with Case::status, and its queue with it
  kRefused,   ///< one call fails; its client may go on
  kLost,      ///< the device goes, with all that is under way
};

/// The rungs of the ladder, as debugfs counts them.
enum Rung : std::size_t { kQueue, kEngine, kDevice, kFunction, kRungs };
inline constexpr std::string_view kRungNames[kRungs] = {"queue", "engine", "device", "function"};
/// Nothing is reset.
inline constexpr std::size_t kNoRung = kRungs;

struct Case {
  std::string name;
  Outcome outcome = Outcome::kHarmless;
  std::string status;  ///< of the guilty job, as halyard_status_name() without HALYARD_
  std::size_t rung =
      kNoRung;         ///< the highest that is needed; not looked at when the device is lost
  bool churn = false;  ///< clients make a new queue for every batch of jobs
  std::vector<Injection> injections;

  /// The injection that the case is about: its name up to a dot.
  [[nodiscard]] std::string kind() const { return name.substr(0, name.find('.')); }
  /// Events that are spoilt when all of it has happened.
  [[nodiscard]] unsigned events() const;
};

/// Throws std::invalid_argument that names the line.
std::vector<Case> parse_table(std::string_view text);

/// The text of a chip's table, empty when it has none.
std::string_view find_table(std::string_view chip);

}  // namespace halyard::faults
