// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Executes the commands of one job.

#include <drm/halyard_newchip.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "chips/chip.hpp"
#include "chips/tensor/command.hpp"

namespace halyard::emu::newchip {

/// Addresses are slot << kSlotShift | offset: whether they may be used is `space`'s to say. Not
/// thread-safe but for cancel().
class JobExecution final : public Execution {
 public:
  using Clock = std::function<std::uint64_t()>;

  /// `space` outlives the execution.
  JobExecution(std::vector<drm_halyard_newchip_command> commands, AddressSpace& space, Clock clock);

  Outcome step() override;
  [[nodiscard]] const Fault& fault() const override { return fault_; }
  [[nodiscard]] std::uint64_t cycles() const override { return cycles_; }
  [[nodiscard]] std::uint32_t completed() const override { return completed_; }

  /// From any thread: nothing more is written to memory.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  bool decode(const drm_halyard_newchip_command& raw);
  bool execute();
  bool store_timestamp();

  const std::vector<drm_halyard_newchip_command> commands_;
  AddressSpace& space_;
  const Clock clock_;
  tensor::Command command_;
  std::atomic<bool> cancelled_{false};
  std::uint32_t completed_ = 0;
  std::uint64_t cycles_ = 0;
  Fault fault_;
};

}  // namespace halyard::emu::newchip
