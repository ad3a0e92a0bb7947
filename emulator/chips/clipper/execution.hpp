// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Executes a job's command stream, command by command.

#include <drm/halyard_clipper.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "chips/chip.hpp"
#include "chips/clipper/command.hpp"

namespace halyard::emu::clipper {

/// What a job consists of, whether it came by a ring or by SUBMIT's payload.
struct JobDescriptor {
  std::uint64_t stream = 0;
  std::uint64_t bindings = 0;
  std::uint32_t stream_size = 0;
  std::uint32_t binding_count = 0;
};

/// Empty, or the reason why no card would take such a job.
std::string check_job(const JobDescriptor& job);

/// An Execution that can be used again. step() is fetch() and execute(); the card calls the two
/// itself, to spoil a command in between. Not thread-safe but for cancel().
class JobExecution final : public Execution {
 public:
  using Clock = std::function<std::uint64_t()>;

  /// Begins a job that check_job() accepts. `space` outlives it.
  void start(const JobDescriptor& job, std::uint32_t engine_class, AddressSpace& space,
             const Clock& clock);

  Outcome step() override;
  [[nodiscard]] const Fault& fault() const override { return fault_; }
  [[nodiscard]] std::uint64_t cycles() const override { return cycles_; }
  [[nodiscard]] std::uint32_t completed() const override { return completed_; }

  /// Copies and checks the next command: kRunning, kDone when there is none, or kFault.
  Outcome fetch();
  /// A fetched command waits to be executed: one that was spoilt, or a fence wait.
  [[nodiscard]] bool fetched() const { return fetched_; }
  [[nodiscard]] const Command& command() const { return command_; }
  /// Virtual address of the current command.
  [[nodiscard]] std::uint64_t command_address() const { return job_.stream + offset_; }
  /// Executes the fetched command.
  Outcome execute();

  /// The job fails at the current command.
  Outcome fail(FaultCause cause, std::uint64_t address, std::string text);

  /// Whether the fence wait that the job stands at would go on: also when it would fault. Changes
  /// nothing.
  bool would_go_on();

  /// The last command executed was a FENCE_SIGNAL.
  [[nodiscard]] bool signalled() const { return signalled_; }

  /// From any thread: nothing more is written to memory for the job's commands that have not stored
  /// yet.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kInlineBindings = 16;

  Outcome fetch_pinned();
  Outcome execute_pinned();
  bool fetch_bindings();
  bool fetch_command();
  Outcome compute();
  Outcome wait_fence();
  Outcome store_value(std::uint64_t value);
  Outcome retire();
  Outcome faulted();
  std::uint64_t* resolve_value(Access access);

  JobDescriptor job_;
  std::uint32_t engine_class_ = 0;
  AddressSpace* space_ = nullptr;
  Clock clock_;

  std::uint32_t offset_ = 0;       ///< of the current command in the stream
  std::uint32_t next_offset_ = 0;  ///< of the one behind it
  bool have_bindings_ = false;
  bool fetched_ = false;
  bool signalled_ = false;
  std::atomic<bool> cancelled_{false};
  std::uint32_t completed_ = 0;
  std::uint64_t cycles_ = 0;
  Command command_;
  Fault fault_;
  std::array<drm_halyard_clipper_binding, kInlineBindings> inline_bindings_;
  std::vector<drm_halyard_clipper_binding> more_bindings_;
  std::span<const drm_halyard_clipper_binding> bindings_;
};

}  // namespace halyard::emu::clipper
