// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Error injection: which events are to be spoilt.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace halyard::emu {

/// Any target, also of chips whose injections have none.
inline constexpr std::uint32_t kAnyTarget = 0xffffffff;

/// `kind` is the chip's number: 1 to 31; 0 is none.
struct Injection {
  std::uint32_t kind = 0;
  std::uint32_t target = kAnyTarget;
  std::uint32_t skip = 0;
  std::uint32_t count = 1;
  std::uint32_t arg = 0;
};

/// The words of a chip's injections on the command line.
struct InjectionWords {
  std::span<const std::string_view> kinds;    ///< by number; the first stands for none
  std::span<const std::string_view> targets;  ///< all mean the target
};

/// "hang:queue=3,skip=10,count=1,arg=0". Throws std::invalid_argument that says what is wrong.
Injection parse_injection(std::string_view text, const InjectionWords& words);

/// Thread-safe.
class Injector {
 public:
  /// Injections armed at once; a further one replaces the oldest.
  static constexpr std::size_t kMaxArmed = 32;

  void arm(const Injection& injection);
  void disarm_all();

  /// An event of `kind` at `target` happens. Its argument when it is to be spoilt.
  std::optional<std::uint32_t> hit(std::uint32_t kind, std::uint32_t target = kAnyTarget) {
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

}  // namespace halyard::emu
