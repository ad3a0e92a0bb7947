// SPDX-License-Identifier: MIT
#include "wire.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace halyard::test {
namespace {

/// One byte, and room for one file.
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

}  // namespace

bool send_file(int socket, int fd, int flags) {
  Message message;
  cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(control), &fd, sizeof(fd));
  return sendmsg(socket, &message.header, flags) == 1;
}

File receive_file(int socket, int flags) {
  Message message;
  if (recvmsg(socket, &message.header, flags | MSG_CMSG_CLOEXEC) != 1) return {};
  const cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(control), sizeof(fd));
  return File(fd);
}

Wire::Wire() {
  std::array<int, 2> fds{};
  require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) == 0 ? 0 : errno,
          "socketpair");
  ends_ = {File(fds[0]), File(fds[1])};
}

void Wire::send(unsigned end, const File& file) const {
  require(send_file(ends_.at(end).get(), file.get()) ? 0 : errno, "sendmsg");
}

File Wire::receive(unsigned end) const {
  File file = receive_file(ends_.at(end).get());
  require(file.get() < 0 ? EIO : 0, "no file came");
  return file;
}

}  // namespace halyard::test
