// SPDX-License-Identifier: MIT
#include "uevents.hpp"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace halyard::test {

Uevents::Uevents()
    : socket_(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // the kernel's own
  require(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0
              ? 0
              : errno,
          "bind a netlink socket");
}

bool Uevents::await(const std::string& node, const std::string& property) const {
  std::array<char, 8192> message{};
  pollfd polled{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  while (poll(&polled, 1, 60000) == 1) {
    const ssize_t size = recv(socket_.get(), message.data(), message.size(), 0);
    if (size < 0) return false;
    const std::string text(message.data(), static_cast<std::size_t>(size));
    const auto has = [&text](const std::string& part) {
      return text.find(part + '\0') != std::string::npos;
    };
    if (has("DEVNAME=accel/" + node) && has(property)) return true;
  }
  return false;
}

}  // namespace halyard::test
