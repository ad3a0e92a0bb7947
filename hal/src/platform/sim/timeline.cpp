// SPDX-License-Identifier: MIT
#include "platform/sim/timeline.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "eventfd.hpp"
#include "platform/sim/queue.hpp"

namespace halyard::hal::sim {

SimTimeline::~SimTimeline() {
  for (const auto& notification : notifications_)
    close(notification.eventfd);
}

halyard_status SimTimeline::status(std::uint64_t value) const {
  for (const auto& failure : failures_) {
    if (value >= failure.from && value <= failure.value) return failure.status;
  }
  return HALYARD_OK;
}

void SimTimeline::add(std::uint64_t value) {
  auto& entry = points_.push();
  entry.value = value;
  entry.ended = false;
  added_ = value;
}

bool SimTimeline::end(std::uint64_t value, halyard_status status) {
  auto from = reached_ + 1;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (points_[i].value == value) {
      points_[i].ended = true;
      if (status != HALYARD_OK) failures_.push_back({from, value, status});
      break;
    }
    from = points_[i].value + 1;
  }
  const auto before = reached_;
  while (!points_.empty() && points_.front().ended) {
    reached_ = points_.front().value;
    points_.pop_front();
  }
  return reached_ > before;
}

void SimTimeline::block(Ref<JobQueue> queue, std::uint64_t value) {
  blocked_.push_back({std::move(queue), value});
}

Ref<JobQueue> SimTimeline::unblock() {
  const auto it = std::find_if(blocked_.begin(), blocked_.end(), [this](const Blocked& blocked) {
    return blocked.value <= reached_;
  });
  if (it == blocked_.end()) return {};
  auto queue = std::move(it->queue);
  blocked_.erase(it);
  return queue;
}

void SimTimeline::notify(std::uint64_t value, int eventfd) {
  if (value <= reached_) {
    ring_eventfd(eventfd);
    return;
  }
  const int copy = fcntl(eventfd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    ErrorDetails details;
    details.system_error = errno;
    throw Error(errno == EBADF ? HALYARD_INVALID_ARGUMENT : HALYARD_SYSTEM,
                std::string("the eventfd cannot be used: ") + std::strerror(errno), details);
  }
  try {
    notifications_.push_back({value, copy});
  } catch (...) {
    close(copy);
    throw;
  }
}

void SimTimeline::send_notifications() {
  std::erase_if(notifications_, [this](const Notification& notification) {
    if (notification.value > reached_) return false;
    ring_eventfd(notification.eventfd);
    close(notification.eventfd);
    return true;
  });
}

}  // namespace halyard::hal::sim
