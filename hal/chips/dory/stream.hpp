// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Writing and reading of the chip's command streams.

#include <drm/halyard_dory.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace halyard::hal::dory {

constexpr std::uint32_t set_word(std::uint32_t first, std::uint32_t count) {
  return DRM_HALYARD_DORY_OP_SET << DRM_HALYARD_DORY_OPCODE_SHIFT |
         count << DRM_HALYARD_DORY_SET_COUNT_SHIFT | first;
}

constexpr std::uint32_t operation_word(drm_halyard_dory_opcode opcode) {
  return static_cast<std::uint32_t>(opcode) << DRM_HALYARD_DORY_OPCODE_SHIFT;
}

constexpr std::uint32_t format_word(drm_halyard_dory_dtype dtype, std::uint32_t rank,
                                    std::uint32_t region) {
  return static_cast<std::uint32_t>(dtype) | rank << 8 | region << 16;
}

/// Which operand's FORMAT the state register is; DRM_HALYARD_DORY_NUM_OPERANDS for any other.
constexpr std::uint32_t operand_of_format(std::uint32_t state) {
  const bool is_operand = state < DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_NUM_OPERANDS) &&
                          state % DRM_HALYARD_DORY_OPERAND_WORDS == DRM_HALYARD_DORY_FORMAT;
  constexpr std::uint32_t kNone = DRM_HALYARD_DORY_NUM_OPERANDS;
  return is_operand ? state / DRM_HALYARD_DORY_OPERAND_WORDS : kNone;
}

/// Keeps track of the state registers and writes those that change.
template <class Sink>
class StreamWriter {
 public:
  explicit StreamWriter(Sink& sink) : sink_(sink) {}

  void set(std::uint32_t state, std::uint32_t value) { wanted_[state] = value; }

  void operation(drm_halyard_dory_opcode opcode) {
    flush();
    put(operation_word(opcode));
  }

 private:
  void put(std::uint32_t word) { sink_.append(std::as_bytes(std::span(&word, 1))); }

  /// FORMAT and OFFSET of an operand that is there go together: they say where it is.
  [[nodiscard]] bool must_write(std::uint32_t state) const {
    if (wanted_[state] != current_[state]) return true;
    if (operand_of_format(state) != DRM_HALYARD_DORY_NUM_OPERANDS) {
      return wanted_[state] != 0 && wanted_[state + 1] != current_[state + 1];
    }
    return state > 0 && operand_of_format(state - 1) != DRM_HALYARD_DORY_NUM_OPERANDS &&
           wanted_[state - 1] != 0 && wanted_[state - 1] != current_[state - 1];
  }

  void flush() {
    for (std::uint32_t first = 0; first < wanted_.size(); ++first) {
      std::uint32_t end = first;
      while (end < wanted_.size() && must_write(end))
        ++end;
      if (end == first) continue;
      put(set_word(first, end - first));
      for (; first < end; ++first)
        put(wanted_[first]);
    }
    current_ = wanted_;
  }

  Sink& sink_;
  // Zero when a job begins, like the chip's.
  std::array<std::uint32_t, DRM_HALYARD_DORY_NUM_STATE> wanted_{}, current_{};
};

}  // namespace halyard::hal::dory
