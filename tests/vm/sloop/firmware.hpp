// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Tests that give the device other firmware: their images lie where the kernel looks for them
/// first.

#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs.hpp"

namespace halyard::test {

/// The whole file, or nothing.
std::string read_text(const std::string& path);

class FirmwareTest : public testing::Test {
 protected:
  static constexpr const char* kGoodImage = "/lib/firmware/halyard/sloop.fw";

  void SetUp() override;
  /// Whatever the test did: the good image mends it.
  void TearDown() override;

  /// 0 or the errno.
  static int reload();
  void put_image(const std::string& image) const;
  [[nodiscard]] drm_halyard_query_firmware query() const;
  /// The device is there, says why it does not work, and takes no queues.
  void expect_out_of_use(const char* reason) const;

  std::string image_;  ///< the good one

 private:
  std::string folder_ = "/tmp/firmware-test";
  std::string old_path_;
  Client client_;
};

}  // namespace halyard::test
