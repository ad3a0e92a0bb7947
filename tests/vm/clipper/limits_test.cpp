// SPDX-License-Identifier: MIT
/// \file
/// Shares per user: nobody but root takes all, and what is refused says whose limit it was.

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"

namespace halyard::test {
namespace {

/// Makes address spaces until it fails: how many, and why it ended.
struct Taken {
  std::uint32_t count = 0;
  int error = 0;
};

Taken take_vms(const Client& client, std::uint32_t at_most = 1000) {
  Taken taken;
  for (; taken.count < at_most; ++taken.count) {
    drm_halyard_vm_create argument{};
    taken.error = client.call(DRM_IOCTL_HALYARD_VM_CREATE, argument);
    if (taken.error != 0) {
      break;
    }
  }
  return taken;
}

Taken take_queues(Client& client, std::uint32_t at_most = 1000) {
  Taken taken;
  const std::uint32_t vm = client.vm();
  for (; taken.count < at_most; ++taken.count) {
    drm_halyard_queue_create argument{};
    argument.vm_id = vm;
    argument.priority = DRM_HALYARD_PRIORITY_NORMAL;
    taken.error = client.call(DRM_IOCTL_HALYARD_QUEUE_CREATE, argument);
    if (taken.error != 0) {
      break;
    }
  }
  return taken;
}

class Limits : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(chmod(device_node().c_str(), 0666), 0); }

  /// What others hold is released in the background.
  static drm_halyard_query_limits settled() {
    const Client client;
    drm_halyard_query_limits limits = client.limits();
    for (int i = 0; i < 100 && limits.queues_used + limits.vms_used != 0; ++i) {
      sleep_ms(50);
      limits = client.limits();
    }
    EXPECT_EQ(limits.queues_used, 0U);
    EXPECT_EQ(limits.vms_used, 0U);
    return limits;
  }
};

TEST_F(Limits, RootMayTakeAllQueues) {
  const drm_halyard_query_limits limits = settled();
  Client client;
  const Taken taken = take_queues(client);
  EXPECT_EQ(taken.count, limits.queues_max);
  EXPECT_EQ(taken.error, ENOSPC);
  const drm_halyard_query_limits full = client.limits();
  EXPECT_EQ(full.queues_used, full.queues_max);
}

TEST_F(Limits, RootMayTakeAllVms) {
  const drm_halyard_query_limits limits = settled();
  const Client client;
  const Taken taken = take_vms(client);
  EXPECT_EQ(taken.count, limits.vms_max);
  EXPECT_EQ(taken.error, ENOSPC);
}

TEST_F(Limits, UserTakesNoMoreThanTheShare) {
  settled();
  const int status = in_child(true, [] {
    Client client;
    const drm_halyard_query_limits limits = client.limits();
    if (limits.queues_user_max >= limits.queues_max || limits.vms_user_max >= limits.vms_max) {
      return 1;
    }
    const Taken queues = take_queues(client);
    if (queues.count != limits.queues_user_max || queues.error != EMFILE) {
      return 2;
    }
    const Client second;  // the share is the user's, not the file's
    const Taken vms = take_vms(second);
    if (vms.count != limits.vms_user_max - 1 || vms.error != EMFILE) {
      return 3;
    }
    return second.limits().queues_user_used == limits.queues_user_max ? 0 : 4;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Limits, OneUsersShareIsNotAnothers) {
  settled();
  Client root;
  const drm_halyard_query_limits limits = root.limits();
  ASSERT_EQ(take_queues(root, limits.queues_max - 1).error, 0);
  const int status = in_child(true, [] {
    Client client;
    const Taken queues = take_queues(client, 2);
    return queues.count == 1 && queues.error == ENOSPC ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Limits, ClosingGivesBack) {
  settled();
  {
    Client client;
    EXPECT_EQ(take_queues(client).error, ENOSPC);
  }
  settled();
  Client again;
  EXPECT_EQ(take_queues(again).error, ENOSPC);
}

}  // namespace
}  // namespace halyard::test
