// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Somebody who uses a card, whatever its chip: a small program whose results are known.

#include <chrono>
#include <cstdint>
#include <halyard/halyard.hpp>
#include <vector>

#include <gtest/gtest.h>

namespace halyard::test {

/// Longer than anything that is going to end; short enough for a test that hangs.
inline constexpr std::chrono::seconds kPatience{60};

/// A device, a queue, and y = relu(x + c) with c = 0, 1, 2, ...
class User {
 public:
  static constexpr std::uint32_t kElements = 1024;

  User();

  /// A job under way.
  struct Job {
    halyard::Buffer x, y;
    halyard::Point end;
    float value;
  };

  /// Submits y = relu(value + c).
  [[nodiscard]] Job start(float value);
  /// Submits what another job computed, in that one's buffers.
  [[nodiscard]] Job again(const Job& job);
  /// Waits for a job; whether all that it has computed is right.
  [[nodiscard]] bool is_right(const Job& job) const;
  void expect_result(const Job& job) const { EXPECT_TRUE(is_right(job)) << "of " << job.value; }
  /// One job from beginning to end.
  void run(float value = 3) { expect_result(start(value)); }

  [[nodiscard]] halyard::Device& device() { return device_; }
  [[nodiscard]] halyard::Queue& queue() { return queue_; }

 private:
  halyard::Device device_;
  halyard::Queue queue_;
  halyard::Program program_;
};

}  // namespace halyard::test
