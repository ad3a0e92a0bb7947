// SPDX-License-Identifier: MIT
/// \file
/// Buffers and syncobjs that go from process to process over a socket.

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "dmabuf.hpp"
#include "worker.hpp"

namespace halyard::test {
namespace {

/// A pair of connected sockets that carry files.
class Wire {
 public:
  Wire() {
    std::array<int, 2> fds{};
    require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) == 0 ? 0 : errno,
            "socketpair");
    ends_ = {File(fds[0]), File(fds[1])};
  }

  void send(unsigned end, const File& file) const {
    Message message;
    cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = file.get();
    std::memcpy(CMSG_DATA(control), &fd, sizeof(fd));
    require(sendmsg(ends_.at(end).get(), &message.header, 0) == 1 ? 0 : errno, "sendmsg");
  }

  [[nodiscard]] File receive(unsigned end) const {
    Message message;
    require(recvmsg(ends_.at(end).get(), &message.header, MSG_CMSG_CLOEXEC) == 1 ? 0 : EIO,
            "recvmsg");
    const cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
    require(control != nullptr && control->cmsg_type == SCM_RIGHTS ? 0 : EIO, "no file came");
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    return File(fd);
  }

 private:
  struct Message {
    char byte = 0;
    iovec vector{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    msghdr header{};
    Message() {
      header.msg_iov = &vector;
      header.msg_iovlen = 1;
      header.msg_control = space.data();
      header.msg_controllen = space.size();
    }
  };

  std::array<File, 2> ends_;
};

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
