// SPDX-License-Identifier: MIT
#include "vfio_user/channel.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace halyard::emu::vfio_user {

namespace {
constexpr std::size_t kFdControl = CMSG_SPACE(kMaxMessageFds * sizeof(int));
}

Channel::Channel(UniqueFd socket) : socket_(std::move(socket)) {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
}

Channel::Status Channel::receive(Message& message, Refusal& refusal) {
  // Header and payload are read separately and never beyond: file descriptors come with the first
  // byte of a message and have to be counted to the right one.
  if (header_filled_ < kHeaderSize) {
    const Status status = receive_part(header_, header_filled_);
    if (status != Status::kMessage) return status;
    message.header = parse_header(header_);
    if (const auto bad = check_header(message.header)) {
      refusal = *bad;
      return Status::kBadMessage;
    }
    payload_size_ = message.header.size - kHeaderSize;
    if (payload_.size() < payload_size_) payload_.resize(payload_size_);
    payload_filled_ = 0;
  }
  const std::span<std::byte> payload{payload_.data(), payload_size_};
  if (payload_filled_ < payload.size()) {
    const Status status = receive_part(payload, payload_filled_);
    if (status != Status::kMessage) return status;
  }
  message.header = parse_header(header_);
  if (fds_lost_) {
    refusal = {EINVAL, "too many file descriptors in one message"};
    return Status::kBadMessage;
  }
  message.payload = payload;
  message.fds = std::exchange(fds_, {});
  header_filled_ = 0;
  return Status::kMessage;
}

Channel::Status Channel::receive_part(std::span<std::byte> whole, std::size_t& filled) {
  while (filled < whole.size()) {
    iovec io{whole.data() + filled, whole.size() - filled};
    alignas(cmsghdr) std::byte control[kFdControl];
    msghdr message{};
    message.msg_iov = &io;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Status::kAgain;
      return Status::kClosed;
    }
    if (!take_fds(message)) fds_lost_ = true;
    if (got == 0) return Status::kClosed;
    filled += static_cast<std::size_t>(got);
  }
  return Status::kMessage;
}

bool Channel::take_fds(const msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
      fds_.emplace_back(fd);
    }
  }
  return (message.msg_flags & MSG_CTRUNC) == 0 && fds_.size() <= kMaxMessageFds;
}

Channel::Status Channel::send(const Header& header, std::span<const std::byte> payload, int fd) {
  out_.resize(sizeof(header) + payload.size());
  std::memcpy(out_.data(), &header, sizeof(header));
  if (!payload.empty()) std::memcpy(out_.data() + sizeof(header), payload.data(), payload.size());
  sent_ = 0;
  // The duplicate outlives the caller's descriptor should the socket be full.
  out_fd_.reset(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return flush();
}

Channel::Status Channel::flush() {
  while (unsent()) {
    iovec io{out_.data() + sent_, out_.size() - sent_};
    alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &io;
    message.msg_iovlen = 1;
    if (out_fd_) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = out_fd_.get();
      std::memcpy(CMSG_DATA(part), &fd, sizeof(fd));
    }
    const ssize_t put = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (put < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Status::kAgain;
      return Status::kClosed;
    }
    sent_ += static_cast<std::size_t>(put);
    out_fd_.reset();  // went with the first byte
  }
  return Status::kMessage;
}

}  // namespace halyard::emu::vfio_user
