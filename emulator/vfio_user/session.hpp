// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vfio_user/channel.hpp"
#include "vfio_user/pci_function.hpp"
#include "vfio_user/protocol.hpp"

namespace halyard::emu::vfio_user {

/// What goes back for one message.
struct Reply {
  bool send = true;                    ///< false: the client asked for none
  bool close = false;                  ///< the connection ends, after the reply
  int error = 0;                       ///< errno for an error reply, which has no payload
  std::span<const std::byte> payload;  ///< valid until the next handle()
  int fd = -1;                         ///< goes with the reply; stays the function's

  [[nodiscard]] Header header(const Header& request) const;
};

/// One client's conversation with the card: a message in, a reply out. Not thread-safe.
class Session {
 public:
  explicit Session(PciFunction& function) : function_(function) {}

  /// Takes the file descriptors that it keeps out of `message`.
  Reply handle(Message& message);

 private:
  /// Each fills payload_ and fd_ and returns 0 or an errno.
  int serve(const VersionRequest& request, Message& message);
  int serve(const DmaMapRequest& request, Message& message);
  int serve(const DmaUnmapRequest& request, Message& message);
  int serve(const DeviceInfoRequest& request, Message& message);
  int serve(const RegionInfoRequest& request, Message& message);
  int serve(const IrqInfoRequest& request, Message& message);
  int serve(const SetIrqsRequest& request, Message& message);
  int serve(const RegionReadRequest& request, Message& message);
  int serve(const RegionWriteRequest& request, Message& message);
  int serve(const RegionWriteMultiRequest& request, Message& message);
  int serve(const DeviceResetRequest& request, Message& message);

  template <typename T>
  void append(const T& value);

  PciFunction& function_;
  bool negotiated_ = false;
  std::vector<std::byte> payload_;  ///< of the reply
  int fd_ = -1;                     ///< of the reply
};

}  // namespace halyard::emu::vfio_user
