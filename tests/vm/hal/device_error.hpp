// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A device that fails a job by itself and works on, as the library tells it.

#include <array>
#include <chrono>
#include <halyard/halyard.hpp>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client.hpp"
#include "error_of.hpp"

namespace halyard::test {

/// One job of a queue meets the injection. The queue takes no more jobs and says why; everything
/// else on the device works on. Returns what the job's own point tells, which is HALYARD_OK where
/// the job had done its work before it failed.
[[nodiscard]] inline halyard_status expect_device_error(const std::string& injection,
                                                        unsigned argument) {
  using namespace std::chrono_literals;
  const auto device = Device::open();
  auto other = device.create_queue();
  other.barrier().wait(20s);
  auto queue = device.create_queue();
  const auto buffer = device.allocate(kPage);
  // As many as are ever under way: the core makes room for them now, by jobs of its own.
  std::array<Point, 4> points;
  for (auto& point : points)
    point = queue.fill(buffer, 0, kPage, 0x01010101);
  points.back().wait(20s);

  inject(injection, -1, 0, 1, argument);
  const auto failed = queue.fill(buffer, 0, kPage, 0x02020202);
  EXPECT_TRUE(wait_for_injection());
  auto told = HALYARD_OK;
  try {
    failed.wait(20s);
  } catch (const Error& error) {
    told = error.code();
  }
  // Nothing runs behind it; only where the failure is found late, what came before that.
  const auto runs = [&queue] {
    try {
      queue.barrier().wait(20s);
      return true;
    } catch (const Error&) {
      return false;
    }
  };
  const auto end = std::chrono::steady_clock::now() + 20s;
  bool still_runs = runs();
  while (told == HALYARD_OK && still_runs && std::chrono::steady_clock::now() < end)
    still_runs = runs();
  EXPECT_FALSE(still_runs);
  const auto banned = error_of([&] { return queue.barrier(); });
  EXPECT_EQ(banned.code(), HALYARD_QUEUE_BANNED) << banned.what();
  EXPECT_THAT(banned.what(), testing::HasSubstr("job 5"));
  EXPECT_THAT(banned.what(), testing::HasSubstr("an error of the device's own"));

  other.barrier().wait(20s);
  auto fresh = device.create_queue();
  fresh.fill(buffer, 0, kPage, 0x03030303).wait(20s);
  EXPECT_EQ(buffer.map<std::uint8_t>()[0], 3);
  return told;
}

}  // namespace halyard::test
