// SPDX-License-Identifier: MIT
/// \file
/// Nothing helps, and the device is declared lost, on whatever chip: everybody hears of it, nobody
/// hangs or dies of it, and an administrator gets it back.

#include <xf86drm.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lost.hpp"
#include "modules.hpp"
#include "uevents.hpp"
#include "user.hpp"

namespace halyard::test {
namespace {

namespace fs = std::filesystem;

/// Why the device is lost, and so what brings it back.
enum class Loss { kLink, kLadder };

void PrintTo(Loss loss, std::ostream* out) {
  *out << (loss == Loss::kLink ? "Link" : "Ladder");
}

class Wedged : public testing::TestWithParam<Loss> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(wait_for_device());
    node_ = device_node();
    slot_ = std::make_unique<Slot>();
    first_ = std::make_unique<User>();
    second_ = std::make_unique<User>();
    // Runs before anything is lost: what it used is where jobs need it.
    for (User* user : {first_.get(), second_.get()})
      ASSERT_EQ(user->worker->client().run(user->job), 1);
  }

  void TearDown() override {
    first_.reset();
    second_.reset();
    if (HasFailure() && !has_device()) {
      slot_->unbind();
      revive();
    }
  }

  /// One client's jobs are in flight, the other's wait for them: the driver has all of them.
  void lose() {
    set_timeout_ms(60000);
    if (GetParam() == Loss::kLadder) set_recovery_from(kRungs);
    inject("hang");
    first_->submit({});
    ASSERT_TRUE(wait_for_injection());
    second_->submit(first_->fences.back());
    if (GetParam() == Loss::kLink) inject("link_loss");
    set_timeout_ms(300);
  }

  /// The node goes soon after the fences.
  void await_loss() const {
    for (int i = 0; i < 400 && fs::exists(node_); ++i)
      sleep_ms(50);
    ASSERT_FALSE(fs::exists(node_));
  }

  /// By the means that the event names, the gentlest first.
  void revive() const {
    if (GetParam() == Loss::kLink) {
      EXPECT_THROW(slot_->bind(), std::runtime_error);
      slot_->reset_bus();
    }
    slot_->bind();
  }

  /// The driver itself has counted the job.
  static void expect_new_device_works() {
    ASSERT_TRUE(wait_for_device());
    User fresh;
    const Client& client = fresh.worker->client();
    EXPECT_EQ(client.query(fresh.job.queue).completed, 0U);
    EXPECT_EQ(client.run(fresh.job), 1);
    EXPECT_EQ(client.query(fresh.job.queue).completed, 1U);
    EXPECT_EQ(fresh.memory.as<std::uint32_t>()[kPage / sizeof(std::uint32_t) - 1], kPattern);
  }

  std::string node_;
  std::unique_ptr<Slot> slot_;
  std::unique_ptr<User> first_, second_;
};

INSTANTIATE_TEST_SUITE_P(, Wedged, testing::Values(Loss::kLink, Loss::kLadder),
                         testing::PrintToStringParamName());

TEST_P(Wedged, IsToldAndEndsAllFences) {
  const Uevents uevents;
  ASSERT_NO_FATAL_FAILURE(lose());
  EXPECT_TRUE(uevents.await(fs::path(node_).filename(), "WEDGED=rebind,bus-reset"));
  // What the device had is over when that is heard, and it takes no more.
  EXPECT_LT(sync_file_status(first_->fences.front()), 0);
  for (const User* user : {first_.get(), second_.get()})
    EXPECT_EQ(user->worker->client().submit(user->job), ENODEV);
  // Without a link some chips can tell that from a hang.
  if (GetParam() == Loss::kLadder) {
    EXPECT_EQ(end_of(first_->fences.front()), -ETIME);
  }
  for (const User* user : {first_.get(), second_.get()})
    for (const File& fence : user->fences)
      EXPECT_LT(end_of(fence), 0);
  await_loss();
  slot_->unbind();
  revive();
  expect_new_device_works();
}

TEST_P(Wedged, EveryCallSaysSo) {
  ASSERT_NO_FATAL_FAILURE(lose());
  await_loss();
  for (const unsigned long request :
       {DRM_IOCTL_HALYARD_DEV_QUERY, DRM_IOCTL_HALYARD_BO_CREATE, DRM_IOCTL_HALYARD_BO_MMAP_OFFSET,
        DRM_IOCTL_HALYARD_BO_INFO, DRM_IOCTL_HALYARD_BO_FROM_USERPTR, DRM_IOCTL_HALYARD_VM_CREATE,
        DRM_IOCTL_HALYARD_VM_DESTROY, DRM_IOCTL_HALYARD_VM_BIND, DRM_IOCTL_HALYARD_QUEUE_CREATE,
        DRM_IOCTL_HALYARD_QUEUE_DESTROY, DRM_IOCTL_HALYARD_QUEUE_QUERY, DRM_IOCTL_HALYARD_SUBMIT,
        DRM_IOCTL_SYNCOBJ_CREATE, DRM_IOCTL_PRIME_HANDLE_TO_FD}) {
    std::array<std::byte, 256> argument{};
    EXPECT_EQ(first_->worker->client().call_raw(request, argument.data()), ENODEV) << request;
  }
  slot_->unbind();
  revive();
  expect_new_device_works();
  // A file of the device that was does not come back with the card.
  EXPECT_EQ(first_->worker->client().submit(first_->job), ENODEV);
}

/// Of the host or of the card; touched before or not.
TEST_P(Wedged, MappingsStay) {
  const auto holds = [](const User& user, std::uint32_t value) {
    std::ranges::fill(user.memory.as<std::uint32_t>(), value);
    return std::ranges::count(user.memory.as<std::uint32_t>(), value) ==
           std::ssize(user.memory.as<std::uint32_t>());
  };
  const auto write_and_read = [&](std::uint32_t value) {
    for (const User* user : {first_.get(), second_.get()})
      EXPECT_TRUE(holds(*user, value)) << value;
  };
  ASSERT_NO_FATAL_FAILURE(lose());
  await_loss();
  // What went to a card without a link as its memory was taken away is lost, but nobody dies of it.
  for (const User* user : {first_.get(), second_.get()})
    for (int i = 0; i < 400 && !holds(*user, 1); ++i)
      sleep_ms(10);
  write_and_read(1);
  slot_->unbind();
  write_and_read(2);
  revive();
  expect_new_device_works();
  write_and_read(3);
}

TEST_P(Wedged, ModulesGoWithTheLastFile) {
  const std::vector<std::string> modules = our_modules();
  ASSERT_NO_FATAL_FAILURE(lose());
  await_loss();
  const auto try_all = [&modules] {
    int error = 0;
    for (auto name = modules.rbegin(); name != modules.rend() && error == 0; ++name)
      if (fs::exists("/sys/module/" + *name)) error = unload_module(*name);
    return error;
  };
  // A file keeps what it needs, and so does a mapping of it alone.
  first_.reset();
  EXPECT_EQ(try_all(), EWOULDBLOCK);
  second_->worker.reset();
  EXPECT_EQ(try_all(), EWOULDBLOCK);
  second_.reset();
  int error = EWOULDBLOCK;
  for (int i = 0; i < 400 && error == EWOULDBLOCK; ++i) {
    error = try_all();
    sleep_ms(25);
  }
  EXPECT_EQ(error, 0);

  if (GetParam() == Loss::kLink) slot_->reset_bus();
  for (const std::string& name : modules)
    if (!fs::exists("/sys/module/" + name)) load_module(name);
  expect_new_device_works();
}

}  // namespace
}  // namespace halyard::test
