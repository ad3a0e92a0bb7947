// SPDX-License-Identifier: MIT
/// \file
/// The card goes away with jobs in flight and with objects in its memory: jobs end with an error,
/// mappings stay, nothing hangs, and a card that comes back is a new one.

#include <cerrno>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "computer.hpp"
#include "lost.hpp"

namespace halyard::test {
namespace {

using emu::test::fill_task;
using emu::test::i32;

class Lost : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(wait_for_device());
    user_ = std::make_unique<Computer>();
    job_ = user_->job({fill_task(i32(0, {4}), 1)});
    ASSERT_EQ(user_->client.run(job_), 1);
  }

  /// A job that stays in flight.
  File submit_hanging() {
    inject("hang");
    const std::uint32_t done = user_->client.make_syncobj();
    Job job = job_;
    require(user_->client.submit(job.signal(done)), "SUBMIT");
    EXPECT_TRUE(wait_for_injection());
    return export_fence(user_->client, done);
  }

  /// Memory of the card that was mapped can be touched; what is in it is lost.
  void expect_mapping_stays() {
    user_->data()[0] = 5;
    EXPECT_EQ(user_->data()[0], 5U);
  }

  static void expect_new_device_works() {
    ASSERT_TRUE(wait_for_device());
    Computer fresh;
    EXPECT_EQ(fresh.run({fill_task(i32(0, {4}), 3)}), 1);
    EXPECT_EQ(fresh.data()[0], 3U);
  }

  std::unique_ptr<Computer> user_;
  Job job_;
};

TEST_F(Lost, RemovedWithAJobInFlight) {
  const File done = submit_hanging();
  write_file(pci_device() / "remove", "1");
  EXPECT_EQ(end_of(done), -ENODEV);
  expect_mapping_stays();
  write_file("/sys/bus/pci/rescan", "1");
  expect_new_device_works();
}

TEST_F(Lost, UnboundWithAJobInFlight) {
  const Slot slot;
  for (int i = 0; i < 3; ++i) {
    const File done = submit_hanging();
    slot.unbind();
    EXPECT_EQ(end_of(done), -ENODEV);
    expect_mapping_stays();
    slot.bind();
    expect_new_device_works();
    SetUp();  // a client of the new device; the old one's file is closed
  }
}

/// Objects in the card's memory and in that of the host, where some were moved to.
TEST_F(Lost, UnboundWithMemoryInUse) {
  std::vector<std::uint32_t> handles;
  for (int i = 0; i < 24; ++i) {
    handles.push_back(user_->client.make_bo(4 * kMiB));
    ASSERT_EQ(user_->run_on(handles.back(), 4 * kMiB, {fill_task(i32(0, {1 << 20}), 9)}), 1);
  }
  const Slot slot;
  slot.unbind();
  slot.bind();
  expect_new_device_works();
}

}  // namespace
}  // namespace halyard::test
