// SPDX-License-Identifier: MIT
/// \file
/// A job that the card fails by itself, as the library tells it.

#include <gtest/gtest.h>

#include "device_error.hpp"

namespace halyard::test {
namespace {

TEST(HalDeviceError, FailsOneJob) {
  EXPECT_EQ(expect_device_error("bus", 0), HALYARD_DEVICE_ERROR);
}

}  // namespace
}  // namespace halyard::test
