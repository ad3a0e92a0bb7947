// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Writing command streams, and a client of either face of the chip that runs them.

#include <drm/halyard_clipper.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace halyard::emu::test {

using RawOperand = drm_halyard_clipper_operand;

/// A dense row-major operand.
RawOperand dense(std::uint32_t binding, std::uint16_t dtype, std::vector<std::uint32_t> dims,
                 std::uint64_t offset = 0);
RawOperand absent();
/// The operand of fences and timestamps.
RawOperand word(std::uint32_t binding, std::uint64_t offset = 0);

std::uint16_t to_raw(engine::DType type);

class Stream {
 public:
  /// Returns the index of the binding.
  std::uint32_t bind(std::uint64_t address, std::uint64_t size);

  template <typename Params>
  Stream& add(std::uint16_t opcode, const Params& params, const std::vector<RawOperand>& operands,
              std::uint32_t tag = 0) {
    static_assert(sizeof(Params) <= 56);
    drm_halyard_clipper_command command{};
    command.opcode = opcode;
    command.operands = static_cast<std::uint16_t>(operands.size());
    command.tag = tag;
    std::memcpy(command.params, &params, sizeof(params));
    return append(command, operands);
  }
  Stream& add(std::uint16_t opcode, const std::vector<RawOperand>& operands,
              std::uint32_t tag = 0) {
    return add(opcode, std::uint8_t{0}, operands, tag);
  }
  Stream& append(const drm_halyard_clipper_command& command,
                 const std::vector<RawOperand>& operands);

  Stream& nop(std::uint32_t tag = 0) { return add(DRM_HALYARD_CLIPPER_NOP, {}, tag); }
  Stream& fill(std::uint32_t pattern, const RawOperand& out) {
    return add(DRM_HALYARD_CLIPPER_FILL, drm_halyard_clipper_fill{pattern}, {out});
  }
  Stream& wait(std::uint64_t value, const RawOperand& operand) {
    return add(DRM_HALYARD_CLIPPER_FENCE_WAIT, drm_halyard_clipper_fence{value}, {operand});
  }
  Stream& signal(std::uint64_t value, const RawOperand& operand) {
    return add(DRM_HALYARD_CLIPPER_FENCE_SIGNAL, drm_halyard_clipper_fence{value}, {operand});
  }

  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }
  [[nodiscard]] const std::vector<drm_halyard_clipper_binding>& bindings() const {
    return bindings_;
  }

 private:
  std::vector<std::byte> bytes_;
  std::vector<drm_halyard_clipper_binding> bindings_;
};

/// How a job ended, in the card's numbers.
struct Result {
  std::uint32_t cause = 0;  ///< CLP_FAULT_*, 0 when it went well
  std::uint64_t address = 0;
  std::uint32_t access = 0;
  std::uint32_t command = 0;
  std::uint32_t tag = 0;
  std::string text;  ///< empty where the face does not tell
};

/// Somebody with an address space who runs jobs: by the processor alone, or by a card.
class Client {
 public:
  virtual ~Client() = default;
  /// Zeroed memory; scattered: no two pages of it are neighbours.
  virtual std::uint64_t allocate(std::size_t size, bool scattered) = 0;
  virtual void write(std::uint64_t address, std::span<const std::byte> data) = 0;
  virtual void read(std::uint64_t address, std::span<std::byte> data) = 0;
  virtual Result run(const Stream& stream, std::uint32_t engine_class) = 0;

  template <typename T>
  T load(std::uint64_t address) {
    T value;
    read(address, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <typename T>
  void store(std::uint64_t address, const T& value) {
    write(address, std::as_bytes(std::span(&value, 1)));
  }
};

std::unique_ptr<Client> make_processor_client();
std::unique_ptr<Client> make_card_client();

}  // namespace halyard::emu::test
