// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the fuzzers run. The unit tests run the same over the corpus.

#include <cstddef>
#include <span>

namespace halyard::emu::vfio_user::fuzz {

/// One message: header, payload, and as many file descriptors as the header's error field says (it
/// has no meaning in a request). The parser alone.
void protocol(std::span<const std::byte> data);

/// A connection: messages one after another, each sent with as many file descriptors as its
/// header's error field says, through the channel, the session and the PCI function down to a chip.
/// What does not look like a message is sent as it is.
void stream(std::span<const std::byte> data);

}  // namespace halyard::emu::vfio_user::fuzz
