// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The chip's structs by short names.

#include <drm/halyard_sloop.h>

#include <cstdint>

namespace halyard::hal::sloop {

using Task = drm_halyard_sloop_task;
using Operand = drm_halyard_sloop_operand;
using HwBinding = drm_halyard_sloop_binding;
using Payload = drm_halyard_sloop_payload;

static_assert(sizeof(Task) == 384);

inline Task make_task(drm_halyard_sloop_opcode opcode, std::uint32_t tag = 0) {
  Task task{};
  task.opcode = static_cast<std::uint16_t>(opcode);
  task.tag = tag;
  return task;
}

/// `count` neighbouring elements.
inline Operand linear_operand(drm_halyard_sloop_dtype dtype, std::uint32_t binding,
                              std::uint64_t offset, std::uint32_t count) {
  Operand operand{};
  operand.offset = offset;
  operand.binding = static_cast<std::uint16_t>(binding);
  operand.dtype = static_cast<std::uint8_t>(dtype);
  operand.rank = 1;
  operand.dims[0] = count;
  operand.strides[0] = 1;
  return operand;
}

}  // namespace halyard::hal::sloop
