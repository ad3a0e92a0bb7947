// SPDX-License-Identifier: MIT
#include "client.hpp"

#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace halyard::emu::vfio_user::test {

namespace {
constexpr std::size_t kControl = CMSG_SPACE(32 * sizeof(int));
}

int Client::Reply::error() const {
  if (closed || timed_out || (header.flags & kFlagTypeMask) != kFlagTypeReply) return -1;
  if ((header.flags & kFlagError) == 0) return header.error == 0 ? 0 : -1;
  return payload.empty() && fds.empty() ? static_cast<int>(header.error) : -1;
}

Client::Client(UniqueFd socket) : socket_(std::move(socket)) {
  const timeval limit{10, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

Client::Reply Client::call(Command command, std::span<const std::byte> payload,
                           std::span<const int> fds) {
  Header header{};
  header.command = static_cast<U16>(command);
  header.size = static_cast<U32>(kHeaderSize + payload.size());
  const std::uint16_t id = send(header, payload, fds);
  Reply reply = receive();
  if (!reply.closed && (reply.header.id != id || reply.header.command != header.command)) {
    reply.header.flags = 0;  // makes error() say -1
  }
  return reply;
}

std::uint16_t Client::post(Command command, std::span<const std::byte> payload) {
  Header header{};
  header.command = static_cast<U16>(command);
  header.size = static_cast<U32>(kHeaderSize + payload.size());
  header.flags = kFlagNoReply;
  return send(header, payload);
}

std::uint16_t Client::send(Header header, std::span<const std::byte> payload,
                           std::span<const int> fds) {
  header.id = next_id_++;
  Bytes bytes;
  append(bytes, std::as_bytes(std::span(&header, 1)));
  append(bytes, payload);
  send_raw(bytes, fds);
  return header.id;
}

void Client::send_raw(std::span<const std::byte> bytes, std::span<const int> fds) {
  iovec io{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<std::byte, kControl> control{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  // The server may have closed already: the reply, or rather its lack, says so.
  [[maybe_unused]] const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

Client::Reply Client::receive() {
  Reply reply;
  const auto take = [&](void* to, std::size_t size) {
    auto* bytes = static_cast<std::byte*>(to);
    for (std::size_t got = 0; got < size;) {
      iovec io{bytes + got, size - got};
      alignas(cmsghdr) std::array<std::byte, kControl> control{};
      msghdr message{};
      message.msg_iov = &io;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t some = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
      if (some <= 0) {
        reply.timed_out = some < 0 && errno == EAGAIN;
        reply.closed = !reply.timed_out;
        return false;
      }
      for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
           part = CMSG_NXTHDR(&message, part)) {
        for (std::size_t i = 0; i < (part->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
          int fd = -1;
          std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
          reply.fds.emplace_back(fd);
        }
      }
      got += static_cast<std::size_t>(some);
    }
    return true;
  };
  if (!take(&reply.header, sizeof(reply.header)) || reply.header.size <= kHeaderSize) return reply;
  reply.payload.resize(reply.header.size - kHeaderSize);
  take(reply.payload.data(), reply.payload.size());
  return reply;
}

Client::Reply Client::read(U32 region, U64 offset, U32 count) {
  return call(Command::kRegionRead, read_payload(region, offset, count));
}

int Client::map(U64 address, U64 size, int memory_fd, U64 offset, U32 flags) {
  const auto payload = dma_map_payload(address, size, offset, flags);
  return call(Command::kDmaMap, payload,
              memory_fd < 0 ? std::span<const int>{} : std::span(&memory_fd, 1))
      .error();
}

int Client::unmap(U64 address, U64 size) {
  return call(Command::kDmaUnmap, dma_unmap_payload(address, size)).error();
}

int Client::set_irqs(U32 flags, U32 index, U32 start, U32 count, std::span<const int> fds) {
  return call(Command::kDeviceSetIrqs, set_irqs_payload(flags, index, start, count), fds).error();
}

}  // namespace halyard::emu::vfio_user::test
