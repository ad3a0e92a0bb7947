// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The protocol checker's book: what the driver did that real silicon would silently suffer.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace halyard::emu {

/// One broken rule. `rule` is the number under which the chip's manual states it.
struct Finding {
  std::string rule;
  std::string text;         ///< the first occurrence, in one sentence
  std::uint64_t count = 0;  ///< occurrences
};

/// Thread-safe.
class Judge {
 public:
  /// Notes that `rule` was broken. Occurrences are counted; only the first text of a rule is kept.
  void report(std::string_view rule, std::string text);

  [[nodiscard]] std::vector<Finding> findings() const;

  /// {"findings": [{"rule": ..., "text": ..., "count": ...}, ...]}
  [[nodiscard]] std::string to_json() const;

 private:
  mutable std::mutex mutex_;  ///< protects findings_
  std::map<std::string, Finding, std::less<>> findings_;
};

}  // namespace halyard::emu
