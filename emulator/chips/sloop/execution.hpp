// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Executes a job, command by command: the tasks of a stream, or the pieces of a transfer.

#include <drm/halyard_sloop.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "chips/chip.hpp"
#include "chips/sloop/command.hpp"

namespace halyard::emu::sloop {

/// Bytes of a transfer that count as one command.
inline constexpr std::uint64_t kPieceSize = std::uint64_t{1} << 20;

/// Empty, or the reason why no card would take such a payload in a queue of the class.
std::string check_payload(const drm_halyard_sloop_payload& payload, std::uint32_t engine_class);

/// An Execution that can be used again. step() is fetch() and execute(); the card calls the two
/// itself, to spoil a command in between. Not thread-safe but for cancel().
class JobExecution final : public Execution {
 public:
  using Clock = std::function<std::uint64_t()>;

  /// Begins a job that check_payload() accepts. `space` and `clock` outlive it.
  void start(const drm_halyard_sloop_payload& payload, AddressSpace& space, const Clock& clock);

  Outcome step() override;
  [[nodiscard]] const Fault& fault() const override { return fault_; }
  [[nodiscard]] std::uint64_t cycles() const override { return cycles_; }
  [[nodiscard]] std::uint32_t completed() const override { return completed_; }

  /// Bytes of a transfer that have been written.
  [[nodiscard]] std::uint64_t moved() const { return is_compute() ? 0 : offset_; }

  /// Copies and checks the next command: kRunning, kDone when there is none, or kFault.
  Outcome fetch();
  /// A fetched command waits to be executed: one that was spoilt.
  [[nodiscard]] bool fetched() const { return fetched_; }
  /// Executes the fetched command.
  Outcome execute();
  /// Where the current command is: the task, or the first byte of the piece.
  [[nodiscard]] std::uint64_t command_address() const;

  /// The job fails at the current command.
  Outcome fail(FaultCause cause, std::uint64_t address, std::string text);

  /// From any thread: nothing more is written to memory for the job's commands that have not stored
  /// yet.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool is_compute() const { return payload_.job == DRM_HALYARD_SLOOP_JOB_COMPUTE; }
  Outcome fetch_pinned();
  Outcome execute_pinned();
  bool fetch_bindings();
  bool fetch_task();
  Outcome run_task();
  Outcome store_time();
  Outcome run_piece();
  bool copy_piece(std::uint64_t bytes);
  bool fill_piece(std::uint64_t bytes);
  bool refuse_cancelled();
  Outcome retire(std::uint64_t bytes, std::uint64_t cycles);
  Outcome faulted();

  drm_halyard_sloop_payload payload_{};
  AddressSpace* space_ = nullptr;
  const Clock* clock_ = nullptr;

  std::uint64_t offset_ = 0;  ///< of the current command in the stream or in the transfer
  bool have_bindings_ = false;
  bool fetched_ = false;
  std::atomic<bool> cancelled_{false};
  std::uint32_t completed_ = 0;
  std::uint64_t cycles_ = 0;
  Task task_;
  Fault fault_;
  std::array<drm_halyard_sloop_binding, DRM_HALYARD_SLOOP_MAX_BINDINGS> bindings_;
};

}  // namespace halyard::emu::sloop
