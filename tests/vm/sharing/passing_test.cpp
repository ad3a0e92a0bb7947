// SPDX-License-Identifier: MIT
/// \file
/// Buffers and syncobjs that go from process to process over a socket.

#include <sys/stat.h>

#include <memory>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "dmabuf.hpp"
#include "wire.hpp"
#include "worker.hpp"

namespace halyard::test {
namespace {

constexpr std::uint32_t kPattern = 0xfeed;

/// Another process, of another user, has an own file of the device and nothing else in common: it
/// computes in memory that it is given and signals what it is given.
TEST(Passing, ComputedInOneProcessReadInAnother) {
  ASSERT_EQ(chmod(device_node().c_str(), 0666), 0);
  const Wire wire;
  const int pid = fork_child(true);
  if (pid == 0) {
    const File memory = wire.receive(1);
    const File fence = wire.receive(1);
    const auto worker = make_worker();
    Client& client = worker->client();
    std::uint32_t done = 0;
    if (drmSyncobjFDToHandle(client.fd(), fence.get(), &done) != 0) _Exit(1);
    const Target target = worker->reach(import_buffer(client, memory), kPage);
    if (client.submit(worker->fill(target, 0, kPage, kPattern).signal(done)) != 0) _Exit(2);
    _Exit(client.wait(done) == 0 ? 0 : 3);
  }
  const auto worker = make_worker();
  Client& client = worker->client();
  const Target target = worker->make(kPage);
  const std::uint32_t done = client.make_syncobj();
  int fd = -1;
  ASSERT_EQ(drmSyncobjHandleToFD(client.fd(), done, &fd), 0);
  wire.send(0, export_buffer(client, target.handle));
  wire.send(0, File(fd));
  EXPECT_EQ(client.wait(done), 0);
  EXPECT_EQ(client.map(target.handle, kPage).as<std::uint32_t>()[100], kPattern);
  EXPECT_EQ(worker->read(target, 0, 64)[7], kPattern);
  EXPECT_EQ(wait_child(pid), 0);
}

/// The maker ends before anybody else has looked.
TEST(Passing, OutlivesTheSender) {
  const Wire wire;
  const int pid = fork_child(false);
  if (pid == 0) {
    const auto worker = make_worker();
    const Target target = worker->make(kPage);
    if (worker->attempt(worker->fill(target, 0, kPage, kPattern)) != 1) _Exit(1);
    wire.send(1, export_buffer(worker->client(), target.handle));
    _Exit(0);
  }
  ASSERT_EQ(wait_child(pid), 0);
  const File memory = wire.receive(0);
  const auto worker = make_worker();
  const Target target = worker->reach(import_buffer(worker->client(), memory), kPage);
  EXPECT_EQ(worker->read(target, 0, 64)[7], kPattern);
}

}  // namespace
}  // namespace halyard::test
