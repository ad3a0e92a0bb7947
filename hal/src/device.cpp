// SPDX-License-Identifier: MIT
#include "device.hpp"

#include <algorithm>
#include <utility>

#include "modules.hpp"
#include "queue.hpp"

namespace halyard::hal {

Device::Device(std::shared_ptr<Platform> platform, std::unique_ptr<PlatformDevice> os)
    : platform_(std::move(platform)),
      os_(std::move(os)),
      plugin_(find_plugin(os_->facts().chip)
                  .create(os_->facts().chip_blob, os_->facts().chip_revision)),
      vm_(*os_),
      programs_(vm_, *plugin_) {}

Device::~Device() = default;

void Device::add_queue(Queue& queue) {
  const std::lock_guard lock(queues_mutex_);
  queues_.push_back(&queue);
}

void Device::remove_queue(Queue& queue) noexcept {
  const std::lock_guard lock(queues_mutex_);
  queues_.erase(std::remove(queues_.begin(), queues_.end(), &queue), queues_.end());
  const auto counts = queue.close();
  released_.completed += counts.completed;
  released_.failed += counts.failed;
}

JobCounts Device::jobs() {
  const std::lock_guard lock(queues_mutex_);
  auto counts = released_;
  for (auto* queue : queues_) {
    const auto status = queue->status();
    counts.completed += status.completed;
    counts.failed += status.failed;
  }
  return counts;
}

}  // namespace halyard::hal
