// SPDX-License-Identifier: MIT
/// \file
/// The card goes away with a job in flight: it ends with an error, and the memory that the card
/// might still reach is not given away before it can't.

#include <cerrno>
#include <memory>

#include <gtest/gtest.h>

#include "job.hpp"
#include "lost.hpp"

namespace halyard::test {
namespace {

/// A client with a job that stays in flight: it hangs.
class Lost : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(wait_for_device());
    user_ = std::make_unique<User>();
  }

  /// A sync file, because syncobjs are out of reach once the device is gone.
  File submit_hanging() {
    inject("hang");
    const std::uint32_t done = user_->client.make_syncobj();
    Job job = user_->job(fill_word(1));
    require(user_->client.submit(job.signal(done)), "SUBMIT");
    EXPECT_TRUE(wait_for_injection());
    return export_fence(user_->client, done);
  }

  static void expect_new_device_works() {
    ASSERT_TRUE(wait_for_device());
    User fresh;
    EXPECT_EQ(fresh.run(fill_word(3)), 1);
    EXPECT_EQ(fresh.out.as()[0], 3U);
  }

  std::unique_ptr<User> user_;
};

TEST_F(Lost, RemovedWithAJobInFlight) {
  const File done = submit_hanging();
  write_file(pci_device() / "remove", "1");
  EXPECT_EQ(end_of(done), -ENODEV);
  write_file("/sys/bus/pci/rescan", "1");
  expect_new_device_works();
}

TEST_F(Lost, UnboundWithAJobInFlight) {
  const Slot slot;
  for (int i = 0; i < 3; ++i) {
    const File done = submit_hanging();
    slot.unbind();
    EXPECT_EQ(end_of(done), -ENODEV);
    slot.bind();
    expect_new_device_works();
    SetUp();  // a client of the new device; the old one's file is closed
  }
}

/// A process that has memory mapped does not notice: it is ordinary memory then.
TEST_F(Lost, MappedMemoryStays) {
  const Slot slot;
  EXPECT_EQ(user_->run(fill_word(0x5a5a5a5a)), 1);
  user_->out.as()[1] = 17;
  slot.unbind();
  EXPECT_EQ(user_->out.as()[0], 0x5a5a5a5aU);
  EXPECT_EQ(user_->out.as()[1], 17U);
  user_->out.as()[2] = 18;
  EXPECT_EQ(user_->out.as()[2], 18U);
  slot.bind();
  expect_new_device_works();
  EXPECT_EQ(user_->out.as()[2], 18U);
}

}  // namespace
}  // namespace halyard::test
