// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A client: an open device, a queue, and a thread that keeps it at work and checks what comes
/// back.

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <halyard/halyard.hpp>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace halyard::faults {

/// Jobs that are in flight together; each takes what the one before made.
inline constexpr std::size_t kBatch = 4;

/// The first thing that did not go well.
struct Failure {
  halyard_status status = HALYARD_OK;
  bool refused = false;  ///< no job failed but a call
  bool wrong = false;    ///< a job said that all is well, and the result is wrong
  std::string message;
};

class Worker {
 public:
  /// Opens the device.
  explicit Worker(unsigned number);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Every batch has a queue of its own. Of an idle worker.
  void set_churn(bool churn) { churn_ = churn; }
  /// Works, batch after batch, until told to finish or a batch fails.
  void start();
  /// Ends after a whole batch that begins after this call.
  void finish();
  /// False when it does not end.
  [[nodiscard]] bool wait_idle();
  /// Waits until a batch has ended since start().
  [[nodiscard]] bool wait_busy();

  /// Of the time since start(); of an idle worker.
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
  /// Jobs whose results were right, since the worker was made.
  [[nodiscard]] std::uint64_t verified() const { return verified_; }
  /// Jobs that the driver has seen end, well or not, of this open device.
  [[nodiscard]] std::uint64_t ended() const {
    const auto jobs = device_.jobs();
    return jobs.completed + jobs.failed;
  }
  /// Of the thread, as the kernel knows the queue by.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Another queue, and one batch on it; what went wrong. Of an idle worker.
  [[nodiscard]] std::optional<Failure> try_again();

 private:
  void loop();
  [[nodiscard]] bool wait_until(bool (Worker::*reached)() const);
  [[nodiscard]] bool idle() const { return !running_; }
  [[nodiscard]] bool busy() const { return batches_ > first_ || !running_; }

  [[nodiscard]] std::optional<Failure> batch();
  [[nodiscard]] std::optional<Failure> run_jobs();
  [[nodiscard]] std::optional<Failure> check(std::size_t job) const;
  void fill();
  [[nodiscard]] static std::uint32_t taken_from(std::uint32_t column);

  std::string name_;
  unsigned number_;
  bool churn_ = false;
  Device device_;
  Program program_;
  Queue queue_;
  std::array<Buffer, kBatch + 1> buffers_;
  std::uint64_t verified_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Protected by mutex_: what the thread is to do, and how far it is.
  bool running_ = false, finishing_ = false, stopping_ = false, again_ = false;
  std::uint64_t batches_ = 0, first_ = 0, last_ = 0;
  std::optional<Failure> failure_;
  std::thread thread_;
};

}  // namespace halyard::faults
