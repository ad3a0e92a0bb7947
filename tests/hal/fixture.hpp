// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the HAL's tests have in common. They use the public interface only and run on every device:
/// the sim platform on the host, the kernel driver in a VM. HALYARD_TEST_DEVICE, as the build or
/// else the environment defines it, is what to open; empty: the first one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <halyard/halyard.hpp>
#include <string>
#include <vector>

#include "error_of.hpp"

namespace halyard::test {

using namespace std::chrono_literals;

/// Longer than anything that is going to end; short enough for a test that hangs.
inline constexpr std::chrono::nanoseconds kPatience = 20s;
/// How long something that must not happen is waited for.
inline constexpr std::chrono::nanoseconds kMoment = 20ms;

/// "sim:<chip>", or empty.
std::string device_path();
/// The device is in process: what only the sim platform can do is tested, what it cannot is
/// refused.
bool on_sim();
Device open_device();

/// The thread's last error.
halyard_error last_error();

/// y = relu(x + c) elementwise with c = 0, 1, 2, ...; all f32.
Graph add_relu_graph(std::uint32_t elements);
/// y = rows[index]: an index out of range is the one fault that a valid program can cause. A chip
/// that has no gather has no such fault.
Graph gather_graph(std::uint32_t rows, std::uint32_t width, std::uint32_t indices);

/// A device and a queue.
class HalTest : public testing::Test {
 protected:
  HalTest() : device_(open_device()), queue_(device_.create_queue()) {}

  /// A buffer with these values at its start.
  template <class T>
  Buffer buffer(const std::vector<T>& values) const {
    auto result = device_.allocate(values.size() * sizeof(T));
    std::copy(values.begin(), values.end(), result.template map<T>().begin());
    return result;
  }
  /// A buffer of zeroes that the host has written: memory that nobody touched may not be there yet.
  [[nodiscard]] Buffer touched(std::uint64_t bytes) const {
    auto result = device_.allocate(bytes);
    const auto contents = result.map();
    std::fill(contents.begin(), contents.end(), std::byte{0});
    return result;
  }
  /// A queue whose copies and fills reach the host's own memory.
  [[nodiscard]] Queue host_queue() const;
  /// Runs add_relu on x and expects the right y.
  void expect_works(Queue& queue) const;
  /// Submits a job that fails with HALYARD_FAULT.
  [[nodiscard]] Point submit_fault(Queue& queue, const Sync& sync = {}) const;

  Device device_;
  Queue queue_;
};

}  // namespace halyard::test
