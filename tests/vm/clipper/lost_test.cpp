// SPDX-License-Identifier: MIT
/// \file
/// The device goes away, by a broken link or by an administrator's hand: what is under way ends
/// with an error that says so, nothing hangs, and a device that comes back is a new one.

#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "client.hpp"
#include "lost.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

/// A client with a job that stays in flight: it waits at a gate in memory.
class Lost : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(wait_for_device());
    client_ = std::make_unique<Client>();
    gate_ = client_->make_buffer(kPage);
    gated_ = load(*client_, Stream().fence_wait(0, 0, 1), {whole(gate_)});
    queue_ = client_->make_queue();
  }

  /// Submits a job that waits for the gate; a sync file, because syncobjs are out of reach once the
  /// device is gone.
  File submit_gated() {
    const std::uint32_t done = client_->make_syncobj();
    Job job = gated_.job(queue_);
    require(client_->submit(job.signal(done)), "SUBMIT");
    return export_fence(*client_, done);
  }

  /// Every call of ours, on the file that was open before.
  void expect_gone() {
    drm_halyard_bo_create bo{};
    bo.size = kPage;
    EXPECT_EQ(client_->call(DRM_IOCTL_HALYARD_BO_CREATE, bo), ENODEV);
    drm_halyard_vm_create vm{};
    EXPECT_EQ(client_->call(DRM_IOCTL_HALYARD_VM_CREATE, vm), ENODEV);
    EXPECT_EQ(client_->submit(gated_.job(queue_)), ENODEV);
    EXPECT_EQ(client_->unmap(client_->vm(), gate_.va, kPage), ENODEV);
    EXPECT_EQ(client_->queue_destroy(queue_), ENODEV);
    // Memory that was mapped stays.
    gate_.as()[0] = 5;
    EXPECT_EQ(gate_.as()[0], 5U);
  }

  static void expect_new_device_works() {
    ASSERT_TRUE(wait_for_device());
    Client fresh;
    const Buffer buffer = fresh.make_buffer(kPage);
    const Program program = load(fresh, Stream().fill(row(0, 1), 3), {whole(buffer)});
    EXPECT_EQ(fresh.run(program.job(fresh.make_queue())), 1);
    EXPECT_EQ(buffer.as()[0], 3U);
    EXPECT_EQ(fresh.limits().queues_used, 1U);
  }

  std::unique_ptr<Client> client_;
  Buffer gate_;
  Program gated_;
  std::uint32_t queue_ = 0;
};

TEST_F(Lost, RemovedWithJobsInFlight) {
  const File first = submit_gated();
  const File second = submit_gated();
  write_file(pci_device() / "remove", "1");
  EXPECT_EQ(end_of(first), -ENODEV);
  EXPECT_EQ(end_of(second), -ENODEV);
  expect_gone();
  write_file("/sys/bus/pci/rescan", "1");
  expect_new_device_works();
  expect_gone();
}

TEST_F(Lost, UnboundWithOpenFiles) {
  const Slot slot;
  for (int i = 0; i < 3; ++i) {
    const File done = submit_gated();
    slot.unbind();
    EXPECT_EQ(end_of(done), -ENODEV);
    expect_gone();
    slot.bind();
    expect_new_device_works();
    SetUp();  // a client of the new device; the old one's file is closed
  }
}

TEST_F(Lost, SharedMemoryOutlivesTheDevice) {
  int fd = -1;
  ASSERT_EQ(drmPrimeHandleToFD(client_->fd(), gate_.handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);
  const File dmabuf(fd);
  const Slot slot;
  slot.unbind();
  client_.reset();
  const Mapping map(kPage, dmabuf.get(), 0, PROT_READ | PROT_WRITE);
  map.as<std::uint32_t>()[0] = 1;
  slot.bind();
  expect_new_device_works();
}

/// An administrator's function-level reset: announced, and survived by everybody.
TEST_F(Lost, FunctionResetIsSurvived) {
  const File done = submit_gated();
  const std::jthread later([this] {
    sleep_ms(300);
    std::atomic_ref(gate_.as<std::uint64_t>()[0]).store(1);
  });
  write_file(pci_device() / "reset", "1");  // waits for what is in flight
  EXPECT_EQ(end_of(done), 1);
  EXPECT_EQ(client_->query(queue_).state, static_cast<std::uint32_t>(DRM_HALYARD_QUEUE_ACTIVE));
  EXPECT_EQ(client_->run(gated_.job(queue_)), 1);
}

}  // namespace
}  // namespace halyard::test
