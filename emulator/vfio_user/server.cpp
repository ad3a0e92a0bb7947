// SPDX-License-Identifier: MIT
#include "vfio_user/server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "vfio_user/log.hpp"
#include "vfio_user/session.hpp"

namespace halyard::emu::vfio_user {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_un socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    throw std::invalid_argument("socket path '" + path + "' is empty or longer than " +
                                std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd make_socket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) fail("socket");
  return socket;
}

bool somebody_listens(const std::string& path) {
  const sockaddr_un address = socket_address(path);
  const UniqueFd probe = make_socket();
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

/// Waits for any event on `fds`; signals do not end it.
void wait_for(std::span<pollfd> fds) {
  while (::poll(fds.data(), fds.size(), -1) < 0) {
    if (errno != EINTR) fail("poll");
  }
}

}  // namespace

ListeningSocket::ListeningSocket(std::string path)
    : path_(std::move(path)), socket_(make_socket()) {
  // Scripts wait for the path and connect at once: it must not be there before the socket listens.
  const std::string unready = path_ + ".new";
  const sockaddr_un address = socket_address(unready);
  if (somebody_listens(path_)) {
    errno = EADDRINUSE;
    fail(path_);
  }
  ::unlink(unready.c_str());
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    fail(path_);
  constexpr int kBacklog = 4;
  if (::listen(socket_.get(), kBacklog) != 0 || ::rename(unready.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(unready.c_str());
    errno = error;
    fail(path_);
  }
}

ListeningSocket::~ListeningSocket() {
  ::unlink(path_.c_str());
}

Server::Server(PciFunction& function, int stop_fd, std::function<void()> disconnected)
    : function_(function), stop_fd_(stop_fd), disconnected_(std::move(disconnected)) {}

void Server::run(int listening_fd, bool once) {
  for (;;) {
    std::array<pollfd, 2> fds{pollfd{stop_fd_, POLLIN, 0}, pollfd{listening_fd, POLLIN, 0}};
    wait_for(fds);
    if (fds[0].revents != 0) return;
    UniqueFd client(::accept4(listening_fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) {
      // The client may have left again between poll and accept.
      if (errno == EINTR || errno == ECONNABORTED || errno == EAGAIN) continue;
      fail("accept");
    }
    if (serve(std::move(client), listening_fd) == Wake::kStop || once) return;
  }
}

void Server::run_connected(UniqueFd socket) {
  serve(std::move(socket), -1);
}

Server::Wake Server::serve(UniqueFd socket, int listening_fd) {
  log_line("client connected");
  Wake wake = Wake::kLeft;
  {
    Channel channel(std::move(socket));
    Session session(function_);
    for (;;) {
      const short interest = channel.unsent() ? POLLOUT : POLLIN;
      std::array<pollfd, 3> fds{pollfd{channel.fd(), interest, 0}, pollfd{stop_fd_, POLLIN, 0},
                                pollfd{listening_fd, POLLIN, 0}};
      wait_for(fds);
      if (fds[1].revents != 0) {
        wake = Wake::kStop;
        break;
      }
      if (fds[2].revents != 0) refuse_second(listening_fd);
      if (fds[0].revents != 0 && !pump(channel, session)) break;
    }
    function_.disconnect();
  }
  log_line("client disconnected");
  disconnected_();
  return wake;
}

/// Sends and receives what the socket allows, at most a few messages so that a stop is seen. False
/// at the end of the connection.
bool Server::pump(Channel& channel, Session& session) {
  using Status = Channel::Status;
  if (channel.unsent()) {
    const Status status = channel.flush();
    return status != Status::kClosed;
  }
  constexpr int kMessages = 64;
  for (int i = 0; i < kMessages; ++i) {
    Message message;
    Refusal refusal{};
    const Status status = channel.receive(message, refusal);
    if (status == Status::kAgain) return true;
    if (status == Status::kClosed) return false;
    Reply reply;
    if (status == Status::kBadMessage) {
      log_line("closing the connection: " + std::string(refusal.reason));
      reply.error = refusal.error;
      reply.close = true;
      reply.send = message.header.wants_reply();
    } else {
      reply = session.handle(message);
    }
    if (reply.send) {
      const Status sent = channel.send(reply.header(message.header), reply.payload, reply.fd);
      if (sent == Status::kClosed) return false;
    }
    if (reply.close) return false;
    if (channel.unsent()) return true;
  }
  return true;
}

void Server::refuse_second(int listening_fd) {
  // At once, or the second machine would wait for its time limit to learn the same.
  const UniqueFd client(::accept4(listening_fd, nullptr, nullptr, SOCK_CLOEXEC));
  if (client) log_line("refused a second client: the card sits in another machine");
}

}  // namespace halyard::emu::vfio_user
