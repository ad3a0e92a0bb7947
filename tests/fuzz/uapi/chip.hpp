// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the fuzzer has to know of a chip: what its jobs are made of. Each chip's folder in tests/vm
/// has one implementation.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <drm/halyard_accel.h>

#include "program.hpp"

namespace halyard::fuzz {

/// A buffer object that a job is to use. What is not known is zero: the job may be wrong anyhow.
struct Memory {
  std::uint32_t handle = 0;
  std::uint64_t size = 0;
  std::uint64_t va = 0;  ///< where it was bound last
};

/// A job on its way to SUBMIT.
struct Work {
  std::vector<std::byte> payload;
  std::vector<std::byte> stream;  ///< to be put at the start of the stream's object
  std::vector<drm_halyard_buffer_ref> buffers;
};

class Chip {
 public:
  Chip() = default;
  Chip(const Chip&) = delete;
  Chip& operator=(const Chip&) = delete;
  virtual ~Chip() = default;

  /// How many shapes of jobs there are.
  [[nodiscard]] virtual unsigned kinds() const = 0;
  /// A job that the chip executes if `stream` and `data` are what they should be. The same for the
  /// same state of `random`.
  [[nodiscard]] virtual Work make(unsigned kind, Random& random, const Memory& stream,
                                  const Memory& data) const = 0;
  /// Errors that the device recovers from by itself, as the file "inject" in debugfs names them.
  [[nodiscard]] virtual std::span<const std::string> injections() const = 0;
};

/// The chip that the program was built for.
std::unique_ptr<Chip> make_chip();

/// Bytes of objects in a row.
template <typename T>
void append(std::vector<std::byte>& bytes, const T& object) {
  const auto more = std::as_bytes(std::span(&object, 1));
  bytes.insert(bytes.end(), more.begin(), more.end());
}

}  // namespace halyard::fuzz
