// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vfio_user/protocol.hpp"
#include "vfio_user/unique_fd.hpp"

namespace halyard::emu::vfio_user {

/// One request as it came off the socket. The payload is valid until the next receive().
struct Message {
  Header header{};
  std::span<const std::byte> payload;
  std::vector<UniqueFd> fds;
};

/// Whole messages over a non-blocking stream socket, with the file descriptors that belong to each.
/// Nothing here blocks: the caller polls for readable while no reply is unsent, for writable
/// otherwise. Not thread-safe.
class Channel {
 public:
  enum class Status : std::uint8_t {
    kMessage,     ///< receive(): `message` is filled
    kAgain,       ///< nothing (more) to do until the socket is ready
    kClosed,      ///< the peer is gone, between messages or within one
    kBadMessage,  ///< `refusal` says why no further message can be found; message.header is what
                  ///< was read
  };

  /// `socket` is a connected AF_UNIX stream socket.
  explicit Channel(UniqueFd socket);

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// Takes bytes until a message is whole.
  Status receive(Message& message, Refusal& refusal);

  /// Queues `header` and `payload` and sends what the socket takes; `fd` (-1: none) is not taken
  /// over but duplicated. kAgain with a rest left. Only while unsent() is false.
  Status send(const Header& header, std::span<const std::byte> payload, int fd = -1);

  /// Sends more of what send() left.
  Status flush();

  [[nodiscard]] bool unsent() const { return sent_ < out_.size(); }

 private:
  Status receive_part(std::span<std::byte> whole, std::size_t& filled);
  bool take_fds(const msghdr& message);

  UniqueFd socket_;

  std::array<std::byte, kHeaderSize> header_{};
  std::vector<std::byte> payload_;
  std::size_t header_filled_ = 0;
  std::size_t payload_filled_ = 0;
  std::size_t payload_size_ = 0;
  std::vector<UniqueFd> fds_;
  bool fds_lost_ = false;  ///< the message carried more than kMaxMessageFds

  std::vector<std::byte> out_;
  std::size_t sent_ = 0;
  UniqueFd out_fd_;
};

}  // namespace halyard::emu::vfio_user
