// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Command streams as user space writes them.

#include <drm/halyard_sloop.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace halyard::emu::test {

using Task = drm_halyard_sloop_task;
using Operand = drm_halyard_sloop_operand;

/// Row-major, without gaps.
Operand dense(unsigned binding, unsigned dtype, std::initializer_list<std::uint32_t> dims,
              std::uint64_t offset = 0);

inline Operand f32(unsigned binding, std::initializer_list<std::uint32_t> dims,
                   std::uint64_t offset = 0) {
  return dense(binding, DRM_HALYARD_SLOOP_F32, dims, offset);
}
inline Operand i32(unsigned binding, std::initializer_list<std::uint32_t> dims,
                   std::uint64_t offset = 0) {
  return dense(binding, DRM_HALYARD_SLOOP_I32, dims, offset);
}

Task task(unsigned opcode, std::uint32_t tag = 0);
Task fill_task(const Operand& out, std::uint32_t pattern, std::uint32_t tag = 0);
Task copy_task(const Operand& a, const Operand& out);
Task binary_task(unsigned function, const Operand& a, const Operand& b, const Operand& out);

/// An address in a segment.
constexpr std::uint64_t at(unsigned segment, std::uint64_t offset = 0) {
  return std::uint64_t{segment} << DRM_HALYARD_SLOOP_SEGMENT_SHIFT | offset;
}

drm_halyard_sloop_payload copy_payload(std::uint64_t source, std::uint64_t target,
                                       std::uint64_t size);
drm_halyard_sloop_payload fill_payload(std::uint64_t target, std::uint64_t size,
                                       std::uint32_t pattern);
drm_halyard_sloop_payload compute_payload(std::uint64_t stream, std::size_t tasks,
                                          std::uint64_t bindings = 0, unsigned count = 0);

}  // namespace halyard::emu::test
