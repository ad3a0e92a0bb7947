// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A builder of command streams, as small as these tests need it.

#include <cstdint>
#include <vector>

#include <drm/halyard_clipper.h>

#include "client.hpp"

namespace halyard::test {

using Job = JobOf<drm_halyard_clipper_payload>;

/// `count` elements in a row, from `offset` bytes into binding `binding`.
drm_halyard_clipper_operand row(std::uint32_t binding, std::uint32_t count,
                                std::uint64_t offset = 0,
                                std::uint16_t dtype = DRM_HALYARD_CLIPPER_I32);

/// Rows and columns, dense.
drm_halyard_clipper_operand matrix(std::uint32_t binding, std::uint32_t rows, std::uint32_t columns,
                                   std::uint16_t dtype = DRM_HALYARD_CLIPPER_F32);

/// Commands in order.
class Stream {
 public:
  Stream& nop(std::uint32_t tag = 0);
  Stream& fill(const drm_halyard_clipper_operand& out, std::uint32_t pattern,
               std::uint32_t tag = 0);
  Stream& copy(const drm_halyard_clipper_operand& in, const drm_halyard_clipper_operand& out,
               std::uint32_t tag = 0);
  Stream& matmul(const drm_halyard_clipper_operand& a, const drm_halyard_clipper_operand& b,
                 const drm_halyard_clipper_operand& out, std::uint32_t tag = 0);
  /// Waits until the 64-bit value at `offset` in a binding is at least `value`.
  Stream& fence_wait(std::uint32_t binding, std::uint64_t offset, std::uint64_t value,
                     std::uint32_t tag = 0);
  Stream& fence_signal(std::uint32_t binding, std::uint64_t offset, std::uint64_t value);
  Stream& timestamp(std::uint32_t binding, std::uint64_t offset);
  /// A command of any opcode, for those that the card refuses.
  Stream& raw(std::uint16_t opcode, std::uint32_t tag,
              std::span<const drm_halyard_clipper_operand> operands = {},
              std::span<const std::byte> params = {});

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// A binding of a whole buffer.
drm_halyard_clipper_binding whole(const Buffer& buffer);

/// Stream and bindings in memory of the device. It outlives the jobs that run it.
struct Program {
  Buffer memory;
  drm_halyard_clipper_payload payload{};

  [[nodiscard]] Job job(std::uint32_t queue) const {
    Job job;
    job.queue = queue;
    job.payload = payload;
    return job;
  }
};

/// Puts a stream into a new buffer of the client's vm().
Program load(Client& client, const Stream& stream,
             const std::vector<drm_halyard_clipper_binding>& bindings);

}  // namespace halyard::test
