// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Memory that a device's programs work in, as ggml's buffers.

#include <cstddef>
#include <halyard/halyard.hpp>

#include "interface.hpp"

namespace halyard::ggml {

/// What a ggml buffer of ours has behind it.
struct BufferContext {
  Buffer memory;
  std::span<std::byte> host;
};

ggml_backend_buffer_type_i buffer_type_interface();

/// Null when the buffer is none of this type.
BufferContext* context_of(ggml_backend_buffer_t buffer, ggml_backend_buffer_type_t type);

}  // namespace halyard::ggml
