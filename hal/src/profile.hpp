// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Device timestamps of one job's commands.

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "device.hpp"
#include "ledger.hpp"
#include "program.hpp"
#include "ref.hpp"
#include "timeline.hpp"

namespace halyard::hal {

/// Belongs to one job at a time.
class Profile final : public Object {
 public:
  explicit Profile(Ref<Device> device) : device_(std::move(device)) {}

  [[nodiscard]] Device& device() const { return *device_; }

  /// Memory for a job of `code`, to be held by the job, too; null when it takes no times. Throws
  /// Error(HALYARD_INVALID_ARGUMENT) while another job is under way.
  Ref<Memory> prepare(const Ref<Code>& code);
  /// Likewise for a job that is no program, of which only begin and end are to be known: two cells.
  Ref<Memory> prepare(const char* builtin);
  static constexpr std::size_t kBuiltinBytes = 2 * sizeof(std::uint64_t);
  /// The job was accepted.
  void attach(Ref<Timeline> timeline, std::uint64_t job) noexcept;
  /// The job was not accepted.
  void detach() noexcept {
    code_ = {};
    builtin_ = nullptr;
  }

  struct Entry {
    ProfileSample sample;
    std::string name;
  };
  /// Throws Error(HALYARD_TIMEOUT) before the job is done, and its failure when it failed.
  std::vector<Entry> read();

 private:
  void make_room(std::uint64_t bytes);
  [[nodiscard]] Entry read_builtin();

  const Ref<Device> device_;
  Ref<Code> code_;                 ///< null but for programs
  const char* builtin_ = nullptr;  ///< what the job is called, null for programs
  Ref<Memory> memory_;
  Ref<Timeline> timeline_;
  std::uint64_t job_ = 0;
};

}  // namespace halyard::hal
