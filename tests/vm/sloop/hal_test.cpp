// SPDX-License-Identifier: MIT
/// \file
/// Firmware that does not run, and a job that the card fails by itself, as the library tells them.

#include <array>
#include <cerrno>
#include <chrono>
#include <halyard/halyard.hpp>
#include <string>

#include "device_error.hpp"
#include "error_of.hpp"
#include "firmware.hpp"

namespace halyard::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

using HalFirmware = FirmwareTest;

/// An open device tells the reason, and works again with a better image.
TEST_F(HalFirmware, IsNamedAndAProgramGoesOn) {
  const auto device = Device::open();
  auto queue = device.create_queue();
  auto gate = device.create_timeline();
  const std::array<Point, 1> closed{gate.at(1)};
  queue.barrier().wait(20s);
  const auto waiting = queue.barrier({.waits = closed});

  put_image(image_.substr(0, 8));
  EXPECT_EQ(reload(), ENOEXEC);
  const auto refused = error_of([&] { return device.create_queue(); });
  EXPECT_EQ(refused.code(), HALYARD_DEVICE_LOST);
  EXPECT_THAT(refused.what(), HasSubstr(std::string("the firmware of ") + device.info().path));
  EXPECT_THAT(refused.what(), HasSubstr("truncated"));
  const auto closed_door = error_of([&] { return Device::open(device.info().path); });
  EXPECT_EQ(closed_door.code(), HALYARD_DEVICE_LOST);
  EXPECT_THAT(closed_door.what(), HasSubstr("truncated"));
  gate.signal(1);
  EXPECT_EQ(error_of([&] { return waiting.wait(20s); }).code(), HALYARD_DEVICE_LOST);

  put_image(image_);
  EXPECT_EQ(reload(), 0);
  auto fresh = device.create_queue();
  fresh.barrier().wait(20s);
}

TEST(HalDeviceError, FailsOneJob) {
  // A late discovery: it is the answer that is wrong, not the job.
  EXPECT_THAT(expect_device_error("response_bad_id", 4711),
              testing::AnyOf(HALYARD_OK, HALYARD_DEVICE_ERROR));
}

}  // namespace
}  // namespace halyard::test
