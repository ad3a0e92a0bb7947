// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// An open device.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "failure_watch.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "platform/platform.hpp"
#include "plugin.hpp"
#include "program.hpp"
#include "ref.hpp"

namespace halyard::hal {

class Queue;

/// A device with its address space, its chip's plug-in and its programs. Thread-safe.
class Device final : public Object {
 public:
  /// `platform` is kept as long as the device.
  Device(std::shared_ptr<Platform> platform, std::unique_ptr<PlatformDevice> os);
  ~Device() override;

  [[nodiscard]] PlatformDevice& os() const { return *os_; }
  [[nodiscard]] const DeviceFacts& facts() const { return os_->facts(); }
  [[nodiscard]] std::string_view platform_name() const { return platform_->name(); }
  [[nodiscard]] ChipPlugin& plugin() const { return *plugin_; }
  [[nodiscard]] Vm& vm() { return vm_; }
  [[nodiscard]] ProgramCache& programs() { return programs_; }
  [[nodiscard]] FailureWatch& failures() { return failures_; }

  /// Over all queues, those already released included.
  JobCounts jobs();

  // For queues: one is on the list while its platform queue exists.
  void add_queue(Queue& queue);
  /// Destroys the platform's queue, so that no job is counted twice or not at all.
  void remove_queue(Queue& queue) noexcept;

 private:
  // Destroyed from the last to the first: programs are in the address space, which is the
  // platform's.
  const std::shared_ptr<Platform> platform_;
  const std::unique_ptr<PlatformDevice> os_;
  const std::unique_ptr<ChipPlugin> plugin_;
  Vm vm_;
  ProgramCache programs_;
  std::mutex queues_mutex_;  ///< protects what follows
  std::vector<Queue*> queues_;
  JobCounts released_;
  FailureWatch failures_;
};

}  // namespace halyard::hal
