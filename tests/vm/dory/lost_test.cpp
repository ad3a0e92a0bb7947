// SPDX-License-Identifier: MIT
/// \file
/// The card goes away with a job in flight: it ends with an error, and the memory that the card
/// might still reach is not given away before it can't.

#include <poll.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "job.hpp"

namespace halyard::test {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) throw std::runtime_error("can't write '" + text + "' to " + path.string());
}

/// The card's folder in sysfs.
fs::path pci_device() {
  return fs::canonical("/sys/class/accel" / fs::path(device_node()).filename() / "device");
}

bool wait_for_device() {
  for (int i = 0; i < 200; ++i) {
    std::error_code error;
    if (fs::directory_iterator("/dev/accel", error) != fs::directory_iterator()) return true;
    sleep_ms(50);
  }
  return false;
}

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
    int fd = -1;
    require(drmSyncobjExportSyncFile(user_->client.fd(), done, &fd) == 0 ? 0 : errno,
            "SYNCOBJ_HANDLE_TO_FD");
    return File(fd);
  }

  /// Waits for a fence: 1, its negative errno, or 0 when it was not signalled in time.
  static int end_of(const File& file) {
    pollfd polled{.fd = file.get(), .events = POLLIN, .revents = 0};
    return poll(&polled, 1, 60000) == 1 ? sync_file_status(file) : 0;
  }

  static void expect_new_device_works() {
    ASSERT_TRUE(wait_for_device());
    User fresh;
    EXPECT_EQ(fresh.run(fill_word(3)), 1);
    EXPECT_EQ(fresh.out.as()[0], 3U);
  }

  std::unique_ptr<User> user_;
};

/// Ends without a device: last in the file, and GoogleTest runs suites in order.
using LostForGood = Lost;

TEST_F(Lost, RemovedWithAJobInFlight) {
  const File done = submit_hanging();
  write_file(pci_device() / "remove", "1");
  EXPECT_EQ(end_of(done), -ENODEV);
  write_file("/sys/bus/pci/rescan", "1");
  expect_new_device_works();
}

TEST_F(Lost, UnboundWithAJobInFlight) {
  const fs::path device = pci_device();
  const fs::path driver = fs::canonical(device / "driver");
  for (int i = 0; i < 3; ++i) {
    const File done = submit_hanging();
    write_file(driver / "unbind", device.filename());
    EXPECT_EQ(end_of(done), -ENODEV);
    write_file(driver / "bind", device.filename());
    expect_new_device_works();
    SetUp();  // a client of the new device; the old one's file is closed
  }
}

TEST_F(LostForGood, LinkLossEndsEverything) {
  const std::string node = device_node();
  inject("slow", -1, 0, 1, 1'000'000);
  std::vector<File> done;
  for (int i = 0; i < 3; ++i) {
    const std::uint32_t syncobj = user_->client.make_syncobj();
    Job job = user_->job(fill_word(1));
    require(user_->client.submit(job.signal(syncobj)), "SUBMIT");
    int fd = -1;
    require(drmSyncobjExportSyncFile(user_->client.fd(), syncobj, &fd) == 0 ? 0 : errno,
            "SYNCOBJ_HANDLE_TO_FD");
    done.emplace_back(fd);
  }
  inject("link_loss");
  for (const File& file : done)
    EXPECT_LT(end_of(file), 0);
  // The node goes soon after the fences.
  for (int i = 0; i < 200 && fs::exists(node); ++i)
    sleep_ms(50);
  EXPECT_FALSE(fs::exists(node));
}

}  // namespace
}  // namespace halyard::test
