// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A few helper threads, shared by all callers of the engine, for calls that are worth dividing.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "function_ref.hpp"

namespace halyard::engine {

/// One helper less than the machine has processors. A caller works on its own tasks and helpers
/// join in when they are free, so calls from several threads at once neither wait for each other
/// nor start more threads. Helpers sleep soon after a call: one that spins for long would take the
/// processor from the virtual machine whose card this is.
class Workers {
 public:
  static Workers& instance();

  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Threads that may work on one call, the caller included.
  [[nodiscard]] std::size_t width() const { return threads_.size() + 1; }

  /// Runs task(0) ... task(count - 1) in any order and on any thread; returns when all are done.
  /// The first exception of a task is thrown on, after the others have ended.
  void run(std::size_t count, FunctionRef<void(std::size_t)> task);

 private:
  struct Batch {
    const FunctionRef<void(std::size_t)>* task;
    std::size_t count;
    std::size_t next = 0;     ///< first task that nobody has taken
    std::size_t running = 0;  ///< taken and not ended
    std::exception_ptr failure;
    std::atomic<bool> ended = false;  ///< nothing is left to take, and nothing runs
  };

  explicit Workers(std::size_t helpers);
  ~Workers();

  void help();
  /// Runs one task of the batch. Called and left with the lock held, released in between.
  void run_one(Batch& batch, std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;  ///< protects all below but threads_, and every batch
  std::condition_variable work_;
  std::condition_variable done_;
  std::deque<Batch*> batches_;         ///< those with tasks that nobody has taken
  std::atomic<std::size_t> open_ = 0;  ///< how many they are, for who looks without the lock
  std::size_t sleeping_ = 0;           ///< helpers that wait for work_
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace halyard::engine
