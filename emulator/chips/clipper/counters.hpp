// SPDX-License-Identifier: MIT
#pragma once

#include <clipper/clipper_regs.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace halyard::emu::clipper {

/// The performance counters, CLP_PERF_*. Thread-safe.
class Counters {
 public:
  [[nodiscard]] std::atomic<std::uint64_t>& at(unsigned counter) { return values_.at(counter); }
  void add(unsigned counter, std::uint64_t amount = 1) {
    values_.at(counter).fetch_add(amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get(unsigned counter) const {
    return values_.at(counter).load(std::memory_order_relaxed);
  }
  void reset() {
    for (auto& value : values_)
      value.store(0, std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, CLP_NUM_PERF> values_{};
};

}  // namespace halyard::emu::clipper
