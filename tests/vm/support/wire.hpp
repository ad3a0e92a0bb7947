// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Files that go from process to process over a socket (SCM_RIGHTS).

#include <array>

#include "client.hpp"

namespace halyard::test {

/// False when the socket did not take it. `flags` are those of sendmsg().
bool send_file(int socket, int fd, int flags = 0);

/// -1 in the file when none came. `flags` are those of recvmsg().
File receive_file(int socket, int flags = 0);

/// A pair of connected sockets that outlives fork(): each process has an end.
class Wire {
 public:
  Wire();
  /// Both throw when it fails; receive() waits for the other's.
  void send(unsigned end, const File& file) const;
  [[nodiscard]] File receive(unsigned end) const;

 private:
  std::array<File, 2> ends_;
};

}  // namespace halyard::test
