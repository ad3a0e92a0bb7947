// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Memory that a device's programs work in, as ggml's buffers.

#include <cstddef>
#include <halyard/halyard.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "interface.hpp"

namespace halyard::ggml {

class GgmlDevice;

/// What a ggml buffer of ours has behind it. Thread-safe.
class BufferContext {
 public:
  /// Throws Error.
  BufferContext(GgmlDevice& device, std::size_t bytes);

  [[nodiscard]] GgmlDevice& device() const { return device_; }
  [[nodiscard]] const Buffer& memory() const { return memory_; }
  [[nodiscard]] std::span<std::byte> host() const { return host_; }
  /// Of one of its tensors, in bytes.
  [[nodiscard]] std::uint64_t offset_of(const ggml_tensor* tensor) const;
  /// The memory for another device's queues, shared by a dma-buf; none where that is not to be had,
  /// or where all of it would have to leave the card for it. Throws Error.
  [[nodiscard]] std::optional<Buffer> reached_by(GgmlDevice& device);

 private:
  GgmlDevice& device_;
  const Buffer memory_;
  const std::span<std::byte> host_;
  std::mutex mutex_;                                 ///< protects what follows
  std::map<GgmlDevice*, std::optional<Buffer>> by_;  ///< as others reach it, once they have asked
};

ggml_backend_buffer_type_i buffer_type_interface();

/// Of the buffer that a tensor is in; null when it is none of ours.
BufferContext* context_of(const ggml_tensor* tensor);

}  // namespace halyard::ggml
