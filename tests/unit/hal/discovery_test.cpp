// SPDX-License-Identifier: MIT
// Why no device is usable: each cause that `halyard doctor` knows, on machines that have it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_drm/system.hpp"
#include "platform/drm/drm_platform.hpp"

namespace halyard::test {
namespace {

using testing::HasSubstr;

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() { machine() = {}; }

  /// The only cause that is found.
  hal::Diagnosis cause() {
    const auto causes = platform_->diagnose();
    EXPECT_EQ(causes.size(), 1U);
    return causes.empty() ? hal::Diagnosis{} : causes.front();
  }

  void expect_cause(const std::string& code, const std::string& text) {
    const auto found = cause();
    EXPECT_EQ(found.code, code) << found.sentence;
    EXPECT_THAT(found.sentence, HasSubstr(text));
  }

  std::shared_ptr<hal::Platform> platform_ = hal::make_drm_platform();
};

TEST_F(DiscoveryTest, UsableNodeNeedsNoExplanation) {
  machine().nodes = {{}};
  EXPECT_TRUE(platform_->diagnose().empty());
  const auto found = platform_->enumerate();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].usable);
  EXPECT_EQ(found[0].chip, "fake");
  EXPECT_EQ(found[0].firmware, "1.2");
  EXPECT_EQ(found[0].memory_size, 1U << 20U);
}

TEST_F(DiscoveryTest, EmptyMachine) {
  expect_cause("no-node", "neither a device node");
}

TEST_F(DiscoveryTest, CardWithoutModule) {
  machine().cards = {{}};
  expect_cause("module-not-loaded", "the card 0000:00:05.0 has no driver");
}

TEST_F(DiscoveryTest, CardsOfOthersDoNotMatter) {
  machine().cards = {{.vendor = "0x8086"}, {.device_class = "0x030000"}, {.has_driver = true}};
  expect_cause("no-node", "neither a device node");
}

TEST_F(DiscoveryTest, DriverOfAnotherMajorVersion) {
  machine().nodes = {{.version_major = DRM_HALYARD_VERSION_MAJOR - 1, .version_minor = 7}};
  expect_cause("driver-too-old", "has version 0.7, this library needs 1.0");
  machine().nodes = {{.version_major = DRM_HALYARD_VERSION_MAJOR + 1, .version_minor = 0}};
  expect_cause("driver-too-old", "has version 2.0");
}

TEST_F(DiscoveryTest, LaterMinorVersionIsFine) {
  machine().nodes = {{.version_minor = DRM_HALYARD_VERSION_MINOR + 1}};
  EXPECT_TRUE(platform_->diagnose().empty());
}

TEST_F(DiscoveryTest, FirmwareThatDoesNotRun) {
  machine().nodes = {{.firmware_error = "its signature is wrong"}};
  expect_cause("firmware", "The firmware of /dev/null does not run: its signature is wrong");
  EXPECT_FALSE(platform_->enumerate().at(0).usable);
}

TEST_F(DiscoveryTest, NodeThatHasGone) {
  machine().nodes = {{.path = "/dev/accel-no-such-node"}};
  EXPECT_TRUE(platform_->enumerate().empty()) << "it went between the look and the opening";
  expect_cause("no-node", "neither a device node");
}

TEST_F(DiscoveryTest, NodesOfOtherDriversAreNotOurs) {
  machine().nodes = {{.driver = "other"}};
  EXPECT_TRUE(platform_->enumerate().empty());
  expect_cause("no-node", "neither a device node");
}

TEST_F(DiscoveryTest, OneUsableDeviceIsEnough) {
  machine().nodes = {{.path = "/dev/zero", .firmware_error = "it is too old"}, {}};
  machine().cards = {{}};
  EXPECT_TRUE(platform_->diagnose().empty());
}

TEST_F(DiscoveryTest, EachCauseIsTold) {
  machine().nodes = {{.path = "/dev/zero", .version_major = 0}, {.firmware_error = "it hangs"}};
  machine().cards = {{}};
  const auto causes = platform_->diagnose();
  ASSERT_EQ(causes.size(), 3U);
  EXPECT_EQ(causes[0].code, "driver-too-old");
  EXPECT_EQ(causes[1].code, "firmware");
  EXPECT_EQ(causes[2].code, "module-not-loaded");
}

}  // namespace
}  // namespace halyard::test
