// SPDX-License-Identifier: MIT
#include "profile.hpp"

#include <algorithm>
#include <utility>

namespace halyard::hal {

Ref<Memory> Profile::prepare(const Ref<Code>& code) {
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
  const auto bytes = code->image().profile_bytes;
  if (bytes > 0 && (!memory_ || memory_->size() < bytes)) {
    memory_ = Memory::create(device_->vm(), bytes);
  }
  if (memory_) {
    // Of the job before there shall be nothing left to be taken for this one's.
    const auto host = memory_->map();
    std::fill(host.begin(), host.end(), std::byte{0});
  }
  code_ = code;
  return bytes > 0 ? memory_ : Ref<Memory>();
}

void Profile::attach(Ref<Timeline> timeline, std::uint64_t job) noexcept {
  timeline_ = std::move(timeline);
  job_ = job;
}

std::vector<Profile::Entry> Profile::read() {
  if (!timeline_) throw Error(HALYARD_INVALID_ARGUMENT, "no job was submitted with the profile");
  const Point point{timeline_.get(), job_};
  wait({&point, 1}, true, 0);
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
