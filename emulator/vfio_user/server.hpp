// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "vfio_user/channel.hpp"
#include "vfio_user/pci_function.hpp"
#include "vfio_user/unique_fd.hpp"

namespace halyard::emu::vfio_user {

/// A listening socket in the file system, removed with this object.
class ListeningSocket {
 public:
  /// The path appears when connections are already accepted. A socket that nobody listens on any
  /// more is replaced. Throws std::system_error (EADDRINUSE: somebody listens),
  /// std::invalid_argument when the path is too long.
  explicit ListeningSocket(std::string path);
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  std::string path_;
  UniqueFd socket_;
};

class Session;

/// Serves one client after another, one at a time: the card sits in one slot.
class Server {
 public:
  /// `stop_fd` becomes readable when run() is to return. `disconnected` is called after each
  /// client, with the card already in its power-on state.
  Server(PciFunction& function, int stop_fd, std::function<void()> disconnected);

  /// Serves the clients of a listening socket until stopped; with `once` until the first one
  /// leaves.
  void run(int listening_fd, bool once);

  /// Serves one client on a connected socket until it leaves or the server is stopped.
  void run_connected(UniqueFd socket);

 private:
  enum class Wake : std::uint8_t { kStop, kLeft };

  Wake serve(UniqueFd socket, int listening_fd);
  bool pump(Channel& channel, Session& session);
  void refuse_second(int listening_fd);

  PciFunction& function_;
  int stop_fd_;
  std::function<void()> disconnected_;
};

}  // namespace halyard::emu::vfio_user
