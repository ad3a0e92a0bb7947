// SPDX-License-Identifier: MIT
#include "workers.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "../spin.hpp"

namespace halyard::engine {
namespace {

/// How long a thread looks for work, or for the end of a call, before it sleeps: a call often comes
/// some microseconds after the last, and waking a thread takes as long as many of them do.
constexpr std::chrono::microseconds kSpin{50};

/// Processors that this process may run on; std::thread::hardware_concurrency() counts the others
/// too.
std::size_t usable_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) {
    return std::max(std::thread::hardware_concurrency(), 1U);
  }
  return static_cast<std::size_t>(CPU_COUNT(&set));
}

/// Whoever holds the lock lets it go soon: to sleep until then would take a hundred times as long.
void lock_soon(std::unique_lock<std::mutex>& lock) {
  if (!spin_until(kSpin, [&lock] { return lock.try_lock(); })) {
    lock.lock();
  }
}

}  // namespace

Workers& Workers::instance() {
  static Workers workers(usable_processors() - 1);
  return workers;
}

Workers::Workers(std::size_t helpers) {
  try {
    for (std::size_t i = 0; i < helpers; ++i) {
      threads_.emplace_back([this] { help(); });
    }
  } catch (const std::system_error&) {
    // The system has no more threads to give: those that started have to do.
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Workers::run(std::size_t count, FunctionRef<void(std::size_t)> task) {
  if (count == 0) {
    return;
  }
  if (count == 1) {
    task(0);
    return;
  }
  Batch batch{.task = &task, .count = count, .failure = nullptr};
  std::unique_lock lock(mutex_, std::defer_lock);
  lock_soon(lock);
  batches_.push_back(&batch);
  open_.store(batches_.size(), std::memory_order_release);
  if (sleeping_ != 0) {
    // Without the lock: they would wake only to wait for it.
    lock.unlock();
    work_.notify_all();
    lock_soon(lock);
  }
  while (batch.next < batch.count) {
    run_one(batch, lock);
  }
  lock.unlock();
  spin_until(kSpin, [&batch] { return batch.ended.load(std::memory_order_acquire); });
  lock_soon(lock);
  done_.wait(lock, [&batch] { return batch.running == 0; });
  if (batch.failure) {
    std::rethrow_exception(batch.failure);
  }
}

void Workers::help() {
  while (true) {
    const bool found =
        spin_until(kSpin, [this] { return open_.load(std::memory_order_acquire) != 0; });
    std::unique_lock lock(mutex_, std::defer_lock);
    lock_soon(lock);
    if (!found) {
      ++sleeping_;
      work_.wait(lock, [this] { return stopping_ || !batches_.empty(); });
      --sleeping_;
    }
    if (stopping_) {
      return;
    }
    // Others may have taken what was there: more will come soon.
    if (!batches_.empty()) {
      run_one(*batches_.front(), lock);
    }
  }
}

void Workers::run_one(Batch& batch, std::unique_lock<std::mutex>& lock) {
  const std::size_t index = batch.next++;
  if (batch.next == batch.count) {
    std::erase(batches_, &batch);
    open_.store(batches_.size(), std::memory_order_release);
  }
  ++batch.running;
  lock.unlock();
  std::exception_ptr failure;
  try {
    (*batch.task)(index);
  } catch (...) {
    failure = std::current_exception();
  }
  lock_soon(lock);
  if (failure && !batch.failure) {
    batch.failure = failure;
  }
  if (--batch.running == 0 && batch.next == batch.count) {
    batch.ended.store(true, std::memory_order_release);
    done_.notify_all();
  }
}

}  // namespace halyard::engine
