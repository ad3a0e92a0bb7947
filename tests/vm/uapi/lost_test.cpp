// SPDX-License-Identifier: MIT
/// \file
/// The device is lost: everything fails at once, with an error that says so, and nothing hangs. Run in a VM of its own.

#include <cerrno>
#include <ctime>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

TEST(Lost, LinkLossEndsEverything) {
  Client client;
  const Buffer buffer = client.make_buffer(kPage);
  const Program program = load(client, Stream().fill(row(0, 1), 1), {whole(buffer)});
  const std::uint32_t first = client.make_queue();
  const std::uint32_t second = client.make_queue();
  EXPECT_EQ(client.run(program.job(first)), 1);

  inject("link_loss");
  std::vector<std::uint32_t> done;
  for (const std::uint32_t queue : {first, second, first, second}) {
    Job job = program.job(queue);
    const std::uint32_t syncobj = client.make_syncobj();
    const int error = client.submit(job.signal(syncobj));
    if (error != 0) {
      EXPECT_TRUE(error == ENODEV || error == ECANCELED) << error;
      continue;
    }
    done.push_back(syncobj);
  }
  ASSERT_FALSE(done.empty());
  // The DRM core's waits go on working on an unplugged device, or say that it is gone.
  for (const std::uint32_t syncobj : done) {
    const int error = client.wait(syncobj, 0, 60000);
    EXPECT_TRUE(error == 0 || error == ENODEV) << error;
  }

  // Every call of ours says so from now on.
  int error = 0;
  for (int i = 0; i < 600 && error != ENODEV; ++i) {
    drm_halyard_bo_create argument{};
    argument.size = kPage;
    error = client.call(DRM_IOCTL_HALYARD_BO_CREATE, argument);
    sleep_ms(100);
  }
  EXPECT_EQ(error, ENODEV);
  EXPECT_EQ(client.submit(program.job(first)), ENODEV);
  drm_halyard_vm_create vm{};
  EXPECT_EQ(client.call(DRM_IOCTL_HALYARD_VM_CREATE, vm), ENODEV);

  // Memory that was mapped stays readable.
  EXPECT_EQ(buffer.as()[0], 1U);
}

}  // namespace
}  // namespace halyard::test
