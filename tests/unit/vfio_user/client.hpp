// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The client's end of a vfio-user connection, as QEMU's would be, for tests.

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <vector>

#include "vfio_user/protocol.hpp"
#include "vfio_user/unique_fd.hpp"
#include "wire.hpp"

namespace halyard::emu::vfio_user::test {

class Client {
 public:
  struct Reply {
    bool closed = false;     ///< the server closed the connection instead
    bool timed_out = false;  ///< nothing whole came within the time limit
    Header header{};
    Bytes payload;
    std::vector<UniqueFd> fds;

    /// errno of an error reply, 0 of a good one, -1 when there is none or it is not well-formed.
    [[nodiscard]] int error() const;
  };

  explicit Client(UniqueFd socket);

  [[nodiscard]] int fd() const { return socket_.get(); }
  void close() { socket_.reset(); }

  /// Sends a request and waits for its reply.
  Reply call(Command command, std::span<const std::byte> payload = {},
             std::span<const int> fds = {});

  /// Sends a request without waiting; `header` as given, but its id, which is returned.
  std::uint16_t send(Header header, std::span<const std::byte> payload,
                     std::span<const int> fds = {});
  std::uint16_t post(Command command, std::span<const std::byte> payload);
  void send_raw(std::span<const std::byte> bytes, std::span<const int> fds = {});

  /// Waits at most ten seconds.
  Reply receive();

  // What QEMU asks for, in short.
  Reply read(U32 region, U64 offset, U32 count);
  template <typename T>
  T read(U32 region, U64 offset) {
    return load<T>(read(region, offset, sizeof(T)).payload, 16);
  }
  template <typename T>
  int write(U32 region, U64 offset, T value) {
    return call(Command::kRegionWrite, write_payload(region, offset, pack(value))).error();
  }
  int map(U64 address, U64 size, int memory_fd, U64 offset = 0, U32 flags = kReadWrite);
  int unmap(U64 address, U64 size);
  int set_irqs(U32 flags, U32 index, U32 start, U32 count, std::span<const int> fds = {});

 private:
  UniqueFd socket_;
  std::uint16_t next_id_ = 0;
};

}  // namespace halyard::emu::vfio_user::test
