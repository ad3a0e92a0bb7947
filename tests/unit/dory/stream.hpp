// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Writes command streams, right and wrong ones.

#include <drm/halyard_dory.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dory_test {

/// An operand as the state registers describe it; no dtype: absent.
struct Operand {
  std::uint32_t dtype = 0;
  std::uint32_t region = 0;
  std::uint32_t offset = 0;
  std::vector<std::uint32_t> dims;
  std::vector<std::int32_t> strides;
};

/// Row-major without gaps.
Operand dense(std::uint32_t region, std::uint32_t dtype, std::vector<std::uint32_t> dims,
              std::uint32_t offset = 0);
inline Operand absent() {
  return {};
}
/// What TIMESTAMP takes.
inline Operand word(std::uint32_t region, std::uint32_t offset = 0) {
  return dense(region, DRM_HALYARD_DORY_I32, {2}, offset);
}

constexpr std::uint32_t command(std::uint32_t opcode, std::uint32_t argument = 0) {
  return opcode << DRM_HALYARD_DORY_OPCODE_SHIFT | argument;
}
constexpr std::uint32_t pair(std::uint32_t rows, std::uint32_t columns) {
  return columns << 16 | rows;
}

class Stream {
 public:
  Stream& raw(std::uint32_t word);
  Stream& set(std::uint32_t first, const std::vector<std::uint32_t>& values);
  /// Ten registers, whatever the rank.
  Stream& operand(std::uint32_t number, const Operand& operand);
  Stream& op(std::uint32_t opcode) { return raw(command(opcode)); }
  Stream& end() { return op(DRM_HALYARD_DORY_OP_END); }

  // Whole commands
  Stream& fill(const Operand& out, std::uint32_t pattern);
  Stream& copy(const Operand& in, const Operand& out);
  Stream& tag(std::uint32_t tag) { return set(DRM_HALYARD_DORY_TAG, {tag}); }

  [[nodiscard]] std::vector<std::uint32_t>& words() { return words_; }
  [[nodiscard]] const std::vector<std::uint32_t>& words() const { return words_; }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(words_));
  }

 private:
  std::vector<std::uint32_t> words_;
};

/// One valid operation of each opcode, set up and executed, without END. Reads region 0, writes
/// region 1; 64 KiB of each are enough.
Stream valid_operation(std::uint32_t opcode);

}  // namespace dory_test
