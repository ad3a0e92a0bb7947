// SPDX-License-Identifier: MIT
#include "chips/common/bus_errors.hpp"

#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace halyard::emu {
namespace {

class BusErrorsTest : public testing::Test {
 protected:
  BusErrorsTest() { errors_.attach(&host_); }

  void expect_broken(const std::vector<std::string>& rules) {
    std::vector<std::string> broken;
    for (const Finding& finding : judge_.findings())
      broken.push_back(finding.rule);
    EXPECT_EQ(broken, rules);
  }

  test::FakeHost host_{4096};
  Judge judge_;
  BusErrors errors_{judge_, {.unmapped = "1", .after_unmap = "2", .bus_master_off = "3"}};
};

TEST_F(BusErrorsTest, NeverMapped) {
  errors_.report(0x1000, "read");
  expect_broken({"1"});
}

TEST_F(BusErrorsTest, UnmappedBefore) {
  errors_.note_unmapped(0x1000, 0x100);
  errors_.report(0x10ff, "read");
  expect_broken({"2"});
  errors_.report(0x1100, "read");
  expect_broken({"1", "2"});
}

TEST_F(BusErrorsTest, BusMasterOff) {
  errors_.note_unmapped(0x1000, 0x100);
  host_.set_bus_master(false);
  errors_.report(0x1000, "read");
  expect_broken({"3"});
}

TEST_F(BusErrorsTest, Excused) {
  errors_.excuse(true);
  errors_.report(0x1000, "read");
  expect_broken({});
  errors_.excuse(false);
  errors_.report(0x1000, "read");
  expect_broken({"1"});
}

}  // namespace
}  // namespace halyard::emu
