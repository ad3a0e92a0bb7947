// SPDX-License-Identifier: MIT
#include "targets.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <variant>

#include "../../unit/vfio_user/fake_chip.hpp"
#include "chips/trace.hpp"
#include "vfio_user/channel.hpp"
#include "vfio_user/log.hpp"
#include "vfio_user/pci_function.hpp"
#include "vfio_user/protocol.hpp"
#include "vfio_user/session.hpp"

namespace halyard::emu::vfio_user::fuzz {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kMemorySize = 1 << 20;
constexpr std::size_t kMaxFds = 20;  // some more than a message may carry

void require(bool condition) {
  if (!condition) std::abort();
}

/// Reads every byte that a parsed request refers to, for the address sanitizer.
struct Touch {
  unsigned sum = 0;

  void bytes(Bytes data) {
    for (const std::byte byte : data)
      sum += std::to_integer<unsigned>(byte);
  }
  void operator()(const VersionRequest& request) {
    bytes(std::as_bytes(std::span(request.capabilities)));
  }
  void operator()(const SetIrqsRequest& request) {
    require(request.start + request.count >= request.start);
    bytes(request.bools);
  }
  void operator()(const DmaMapRequest& request) {
    require(request.size != 0 && request.address + request.size > request.address);
  }
  void operator()(const RegionReadRequest& request) {
    require(request.count != 0 && request.count <= kMaxDataTransfer);
    require(request.offset + request.count >= request.offset);
  }
  void operator()(const RegionWriteRequest& request) {
    require(!request.data.empty() && request.data.size() <= kMaxDataTransfer);
    require(request.offset + request.data.size() >= request.offset);
    bytes(request.data);
  }
  void operator()(const RegionWriteMultiRequest& request) {
    for (std::size_t i = 0; i < request.size(); ++i) {
      require(request[i].data.size() <= 8);
      (*this)(request[i]);
    }
  }
  void operator()(const Refusal& refusal) { require(refusal.error > 0 && !refusal.reason.empty()); }
  void operator()(const auto&) {}
};

/// A card and the descriptors that a client hands over; made once.
struct Bench {
  Bench() {
    set_quiet(true);
    require(::ftruncate(memory.get(), kMemorySize) == 0);
    for (std::size_t i = 0; i < fds.size(); ++i)
      fds[i] = i % 2 == 0 ? memory.get() : event.get();
  }

  UniqueFd memory{::memfd_create("guest", MFD_CLOEXEC)};
  UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::array<int, kMaxFds> fds{};
  test::FakeChip chip;
  Trace trace;
  PciFunction function{chip, trace};
};

void send(int socket, Bytes bytes, std::span<const int> fds) {
  iovec io{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
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
  [[maybe_unused]] const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Serves what has arrived. False at the end of the connection.
bool serve(Channel& channel, Session& session) {
  for (;;) {
    Message message;
    Refusal refusal{};
    const auto status = channel.receive(message, refusal);
    if (status != Channel::Status::kMessage) return status == Channel::Status::kAgain;
    const Reply reply = session.handle(message);
    require(reply.error >= 0);
    require(reply.error == 0 || (reply.payload.empty() && reply.fd < 0));
    require(reply.header(message.header).size == kHeaderSize + reply.payload.size());
    if (reply.close) return false;
  }
}

}  // namespace

void protocol(Bytes data) {
  if (data.size() < kHeaderSize) return;
  const Header header = parse_header(data.first<kHeaderSize>());
  if (check_header(header)) return;
  std::visit(Touch{},
             parse_request(header, data.subspan(kHeaderSize), header.error % (kMaxFds + 1)));
}

void stream(Bytes data) {
  static Bench bench;
  int ends[2] = {-1, -1};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const UniqueFd client(ends[0]);
  {
    Channel channel{UniqueFd(ends[1])};
    Session session(bench.function);
    while (!data.empty()) {
      std::size_t size = data.size();
      std::size_t fds = 0;
      if (data.size() >= kHeaderSize) {
        const Header header = parse_header(data.first<kHeaderSize>());
        size = std::clamp<std::size_t>(header.size, kHeaderSize, data.size());
        fds = header.error % (kMaxFds + 1);
      }
      send(client.get(), data.first(size), std::span(bench.fds).first(fds));
      data = data.subspan(size);
      if (!serve(channel, session)) break;
    }
  }
  bench.function.disconnect();
  bench.chip.take_events();  // nobody asks, and they would pile up
}

}  // namespace halyard::emu::vfio_user::fuzz
