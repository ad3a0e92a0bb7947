// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Error injection: which events are to be spoilt.

#include <clipper/clipper_regs.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace halyard::emu::clipper {

struct Injection {
  std::uint32_t kind = CLP_INJECT_NONE;
  std::uint32_t target = CLP_INJECT_ANY;
  std::uint32_t skip = 0;
  std::uint32_t count = 1;
  std::uint32_t arg = 0;
};

/// "hang:queue=3,skip=10,count=1,arg=0": the names of CLP_INJECT_*, in lower case; queue, engine
/// and target are one. Throws std::invalid_argument that says what is wrong.
Injection parse_injection(std::string_view text);

/// Thread-safe.
class Injector {
 public:
  /// Injections armed at once; a further one replaces the oldest.
  static constexpr std::size_t kMaxArmed = 32;

  void arm(const Injection& injection);
  void disarm_all();

  /// An event of `kind` at `target` happens. Its argument when it is to be spoilt.
  std::optional<std::uint32_t> hit(std::uint32_t kind, std::uint32_t target) {
    if ((armed_kinds_.load(std::memory_order_relaxed) >> kind & 1U) == 0) return std::nullopt;
    return search(kind, target);
  }

  /// Some event of commands is to be spoilt.
  [[nodiscard]] bool any() const { return armed_kinds_.load(std::memory_order_relaxed) != 0; }

  /// Events spoilt since the last arm().
  [[nodiscard]] std::uint32_t fired() const { return fired_.load(std::memory_order_relaxed); }

 private:
  std::optional<std::uint32_t> search(std::uint32_t kind, std::uint32_t target);
  void update_kinds();

  std::atomic<std::uint32_t> armed_kinds_{0};  ///< bit per kind; a hint that spares the lock
  std::atomic<std::uint32_t> fired_{0};
  std::mutex mutex_;  ///< protects armed_
  std::vector<Injection> armed_;
};

}  // namespace halyard::emu::clipper
