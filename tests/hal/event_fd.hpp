// SPDX-License-Identifier: MIT
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

namespace halyard::test {

using namespace std::chrono_literals;

/// What a program's poll loop waits for.
class EventFd {
 public:
  EventFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~EventFd() { close(fd_); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  /// True once it is readable.
  [[nodiscard]] bool wait(std::chrono::nanoseconds timeout) const {
    pollfd descriptor{fd_, POLLIN, 0};
    return poll(&descriptor, 1, static_cast<int>(timeout / 1ms)) == 1;
  }
  [[nodiscard]] std::uint64_t take() const {
    std::uint64_t value = 0;
    return read(fd_, &value, sizeof(value)) == sizeof(value) ? value : 0;
  }

 private:
  int fd_;
};

}  // namespace halyard::test
