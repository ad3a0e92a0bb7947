// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Everybody who can wait for a device, waiting at once.

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "event_fd.hpp"
#include "fixture.hpp"

namespace halyard::test {

/// Threads that wait for jobs which wait for a gate that nobody opens: for the job itself, for one
/// of another queue behind it, for what it was to signal, for all and for any of them; and an
/// eventfd.
class Waiters {
 public:
  explicit Waiters(const Device& device)
      : first_(device.create_queue()),
        second_(device.create_queue()),
        gate_(device.create_timeline()),
        timeline_(device.create_timeline()) {
    const std::array<Point, 1> closed{gate_.at(1)}, promised{timeline_.at(1)};
    const Point job = first_.barrier({.waits = closed, .signals = promised});
    const std::array<Point, 1> after{job};
    const Point dependent = second_.barrier({.waits = after});
    dependent.notify(event_.get());
    wait("the job", [job] { job.wait(kPatience); });
    wait("the job, by another thread", [job] { job.wait(kPatience); });
    wait("the dependent job", [dependent] { dependent.wait(kPatience); });
    wait("the timeline", [point = promised[0]] { point.wait(kPatience); });
    wait("all", [both = std::array{job, dependent}] { wait_all(both, kPatience); });
    wait("any", [both = std::array{job, dependent}] { wait_any(both, kPatience); });
    // So that they are waiting; one that comes later has to hear the same.
    while (running_ < threads_.size())
      std::this_thread::yield();
    std::this_thread::sleep_for(kMoment);
  }

  ~Waiters() {
    halyard_timeline_signal(gate_.get(), 1);  // fails when the device is gone
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  /// Each has been told, and so is whoever asks now.
  void expect(halyard_status status) {
    EXPECT_TRUE(event_.wait(kPatience));
    for (auto& thread : threads_)
      thread.join();
    for (const auto& told : told_)
      EXPECT_EQ(told.status, status) << told.who << ": " << told.what;
    EXPECT_EQ(error_of([&] { return timeline_.at(1).wait(kPatience); }).code(), status);
    EXPECT_EQ(error_of([&] { return first_.barrier(); }).code(), status);
    EXPECT_EQ(error_of([&] { return second_.barrier(); }).code(), status);
  }

 private:
  struct Told {
    std::string who;
    halyard_status status = HALYARD_OK;
    std::string what;
  };

  void wait(const char* who, const std::function<void()>& body) {
    const std::size_t index = threads_.size();
    told_.at(index).who = who;
    threads_.emplace_back([this, index, body] {
      ++running_;
      try {
        body();
      } catch (const Error& error) {
        told_.at(index).status = error.code();
        told_.at(index).what = error.what();
      }
    });
  }

  Queue first_, second_;
  Timeline gate_, timeline_;
  EventFd event_;
  std::array<Told, 6> told_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> running_{0};
};

}  // namespace halyard::test
