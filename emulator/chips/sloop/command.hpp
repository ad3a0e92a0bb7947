// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A task after it has been copied from memory and checked: nothing in here is read again from the
/// client.

#include <drm/halyard_sloop.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "chips/chip.hpp"
#include "chips/tensor/command.hpp"
#include "chips/tensor/cost.hpp"

namespace halyard::emu::sloop {

inline constexpr std::size_t kTaskSize = sizeof(drm_halyard_sloop_task);
static_assert(kTaskSize == 384 && sizeof(drm_halyard_sloop_operand) == 64);
static_assert(kSlotShift == DRM_HALYARD_SLOOP_SEGMENT_SHIFT);

/// The cost model; the manual states the same numbers.
inline constexpr tensor::CostModel kCostModel{.command = 96,
                                              .bytes = 128,
                                              .macs_f32 = 128,
                                              .macs_16bit = 1024,
                                              .macs_i8 = 4096,
                                              .elements = 64,
                                              .transcendentals = 8};
inline constexpr std::uint64_t kTransferBytesPerCycle = 32;

struct Task {
  std::uint16_t opcode = 0;
  std::uint32_t tag = 0;
  tensor::Command work;
};

/// From the bytes of a task to a checked Task. False with the reason in `fault`. No arithmetic in
/// here can overflow, whatever the bytes are.
bool decode_task(const drm_halyard_sloop_task& raw,
                 std::span<const drm_halyard_sloop_binding> bindings, Task& task, Fault& fault);

/// Bit n: opcode n is implemented.
std::uint32_t implemented_opcodes();

}  // namespace halyard::emu::sloop
