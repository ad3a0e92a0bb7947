// SPDX-License-Identifier: MIT
#include "workers.hpp"

#include <sched.h>

#include <algorithm>
#include <system_error>

namespace halyard::engine {
namespace {

/// Processors that this process may run on; std::thread::hardware_concurrency() counts the others
/// too.
std::size_t usable_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) {
    return std::max(std::thread::hardware_concurrency(), 1U);
  }
  return static_cast<std::size_t>(CPU_COUNT(&set));
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
  std::unique_lock lock(mutex_);
  batches_.push_back(&batch);
  work_.notify_all();
  while (batch.next < batch.count) {
    run_one(batch, lock);
  }
  done_.wait(lock, [&batch] { return batch.running == 0; });
  if (batch.failure) {
    std::rethrow_exception(batch.failure);
  }
}

void Workers::help() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !batches_.empty(); });
    if (stopping_) {
      return;
    }
    run_one(*batches_.front(), lock);
  }
}

void Workers::run_one(Batch& batch, std::unique_lock<std::mutex>& lock) {
  const std::size_t index = batch.next++;
  if (batch.next == batch.count) {
    std::erase(batches_, &batch);
  }
  ++batch.running;
  lock.unlock();
  std::exception_ptr failure;
  try {
    (*batch.task)(index);
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  if (failure && !batch.failure) {
    batch.failure = failure;
  }
  if (--batch.running == 0 && batch.next == batch.count) {
    done_.notify_all();
  }
}

}  // namespace halyard::engine
