// SPDX-License-Identifier: MIT
#include "profile.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace halyard::hal {

/// Throws while the job before is under way.
void Profile::make_room(std::uint64_t bytes) {
  if (timeline_) {
    try {
      const Point point{timeline_.get(), job_};
      wait({&point, 1}, true, 0);
    } catch (const Error& error) {
      if (error.status() == HALYARD_TIMEOUT) {
        throw Error(HALYARD_INVALID_ARGUMENT, "the profile belongs to a job that is under way");
      }
    }
    timeline_ = {};
  }
  detach();
  if (bytes > 0 && (!memory_ || memory_->size() < bytes)) {
    memory_ = Memory::create(device_->vm(), bytes);
  }
  if (memory_) {
    // Of the job before there shall be nothing left to be taken for this one's.
    const auto host = memory_->map();
    std::fill(host.begin(), host.end(), std::byte{0});
  }
}

Ref<Memory> Profile::prepare(const Ref<Code>& code) {
  const auto bytes = code->image().profile_bytes;
  make_room(bytes);
  code_ = code;
  return bytes > 0 ? memory_ : Ref<Memory>();
}

Ref<Memory> Profile::prepare(const char* builtin) {
  make_room(kBuiltinBytes);
  builtin_ = builtin;
  return memory_;
}

void Profile::attach(Ref<Timeline> timeline, std::uint64_t job) noexcept {
  timeline_ = std::move(timeline);
  job_ = job;
}

Profile::Entry Profile::read_builtin() {
  std::array<std::uint64_t, 2> times{};
  static_assert(sizeof(times) == kBuiltinBytes);
  std::memcpy(times.data(), memory_->map().data(), sizeof(times));
  return {{0, times[0], times[1]}, builtin_};
}

std::vector<Profile::Entry> Profile::read() {
  if (!timeline_) throw Error(HALYARD_INVALID_ARGUMENT, "no job was submitted with the profile");
  const Point point{timeline_.get(), job_};
  wait({&point, 1}, true, 0);
  if (builtin_ != nullptr) return {read_builtin()};
  const auto bytes = code_->image().profile_bytes;
  if (bytes == 0) return {};
  const auto samples =
      device_->plugin().read_profile(code_->image(), memory_->map().subspan(0, bytes));
  std::vector<Entry> entries;
  entries.reserve(samples.size());
  for (const auto& sample : samples) {
    const char* name = code_->command_name(sample.command);
    entries.push_back({sample, name != nullptr ? name : ""});
  }
  return entries;
}

}  // namespace halyard::hal
