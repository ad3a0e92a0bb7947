// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Executes a command stream, operation by operation.

#include <dory/dory_regs.h>
#include <drm/halyard_dory.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "chips/chip.hpp"
#include "chips/dory/command.hpp"

namespace halyard::emu::dory {

/// Address of a byte in a region, as the address space of a job has it.
constexpr std::uint64_t region_address(std::uint32_t region, std::uint64_t offset) {
  return std::uint64_t{region} << kSlotShift | offset;
}

/// An Execution that can be used again. step() is fetch() and execute(); the card calls the two
/// itself, to spoil an operation in between. Not thread-safe but for cancel().
class JobExecution final : public Execution {
 public:
  using Clock = std::function<std::uint64_t()>;

  /// Begins a job. `stream` is an address in `space`, `size` a multiple of 4. `space` outlives it.
  void start(std::uint64_t stream, std::uint32_t size, AddressSpace& space, const Clock& clock);

  Outcome step() override;
  [[nodiscard]] const Fault& fault() const override { return fault_; }
  [[nodiscard]] std::uint64_t cycles() const override { return cycles_; }
  [[nodiscard]] std::uint32_t completed() const override { return completed_; }

  /// Goes on to the next operation and checks it: kRunning, kDone at END, or kFault.
  Outcome fetch();
  /// Executes what fetch() has found.
  Outcome execute();

  /// The job fails at the current command; `error` is DORY_ERROR_*.
  Outcome fail(FaultCause cause, std::uint32_t error, std::uint64_t address, std::string text);

  /// Cycles that the operation which fetch() has found will take.
  [[nodiscard]] std::uint64_t next_cycles() const {
    return tensor::command_cycles(kCostModel, command_);
  }

  /// DORY_ERROR_* after kFault.
  [[nodiscard]] std::uint32_t error() const { return error_; }
  /// Bytes from the stream's start to the current command.
  [[nodiscard]] std::uint32_t offset() const { return command_offset_; }
  [[nodiscard]] std::uint32_t tag() const { return state_[DRM_HALYARD_DORY_TAG]; }

  /// From any thread: nothing more is written to memory for operations that have not stored yet.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  Outcome fetch_pinned();
  bool read_words(std::span<std::uint32_t> words);
  bool load_state(std::uint32_t word);
  Outcome end(std::uint32_t word);
  Outcome decode(std::uint32_t word);
  bool decode_operands();
  bool decode_operand(unsigned index, std::uint8_t number);
  bool refuse_stream(std::string text);
  Outcome store_timestamp();
  Outcome faulted();
  Outcome retire();

  AddressSpace* space_ = nullptr;
  Clock clock_;
  std::uint64_t stream_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t offset_ = 0;          ///< of the next word to be read
  std::uint32_t command_offset_ = 0;  ///< of the current command
  State state_{};
  const OpcodeInfo* info_ = nullptr;  ///< of the operation that fetch() has found
  tensor::Command command_;
  std::atomic<bool> cancelled_{false};
  std::uint32_t completed_ = 0;
  std::uint64_t cycles_ = 0;
  std::uint32_t error_ = DORY_ERROR_NONE;
  Fault fault_;
};

}  // namespace halyard::emu::dory
