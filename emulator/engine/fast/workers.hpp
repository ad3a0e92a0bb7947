// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A few helper threads, shared by all callers of the engine, for calls that are worth dividing.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "function_ref.hpp"

namespace halyard::engine {

/// One helper less than the machine has processors. A caller works on its own tasks and helpers
/// join in when they are free, so calls from several threads at once neither wait for each other
/// nor start more threads. Helpers sleep soon after a call: one that spins for long would take the
/// processor from the virtual machine whose card this is.
///
/// A token of a language model has hundreds of calls of a few microseconds, so nothing is locked:
/// processors hand over as few cache lines as possible.
class Workers {
 public:
  static Workers& instance();

  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Threads that may work on one call, the caller included.
  [[nodiscard]] std::size_t width() const { return threads_.size() + 1; }

  /// Runs task(0) ... task(count - 1) in any order and on any thread; returns when all are done.
  /// The first exception of a task is thrown on, after the others have ended. Fewer than 2^32
  /// tasks.
  void run(std::size_t count, FunctionRef<void(std::size_t)> task);

 private:
  static constexpr std::size_t kLine = 64;  ///< bytes that processors hand over at a time
  static constexpr std::size_t kCalls = kLine / sizeof(std::uint64_t);

  /// What a call is about. Written by the caller before others can take tasks, and again only after
  /// all that were taken have ended.
  struct alignas(kLine) Call {
    std::atomic<bool> used = false;  ///< some caller's
    const FunctionRef<void(std::size_t)>* task = nullptr;
    std::uint32_t count = 0;
    std::atomic<std::uint32_t> unfinished = 0;  ///< tasks
    std::mutex mutex;                           ///< protects failure
    std::exception_ptr failure;
  };

  /// How many tasks of a call nobody has taken. Who has seen a ticket and takes a task must not
  /// take that of a later call with as many: hence the number of the call.
  struct alignas(std::uint64_t) Ticket {
    std::uint32_t call, tasks;
  };
  static_assert(std::atomic<Ticket>::is_always_lock_free);

  explicit Workers(std::size_t helpers);
  ~Workers();

  void help();
  void sleep();
  /// Takes a task of anybody and runs it; false if there was none.
  bool help_someone();
  [[nodiscard]] bool is_idle() const;

  /// The call's index; none if there are too many already.
  std::optional<std::size_t> begin_call();
  /// All tasks but the first, which is the caller's.
  void publish(std::size_t call);
  /// Index of a task that is the taker's now.
  std::optional<std::uint32_t> take(std::size_t call);
  static void run_task(Call& call, std::uint32_t index);
  static void wait_for_end(Call& call);

  /// By call, all in one line: it is what helpers look at.
  alignas(kLine) std::array<std::atomic<Ticket>, kCalls> tickets_{};
  alignas(kLine) std::array<Call, kCalls> calls_;
  std::atomic<std::uint32_t> sleepers_ = 0;
  std::atomic<std::uint32_t> wakings_ = 0;  ///< changes when sleepers are to look again
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace halyard::engine
