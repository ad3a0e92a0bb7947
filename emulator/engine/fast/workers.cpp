// SPDX-License-Identifier: MIT
#include "workers.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

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
  stopping_ = true;
  ++wakings_;
  wakings_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Workers::run(std::size_t count, FunctionRef<void(std::size_t)> task) {
  if (count <= 1) {
    if (count == 1) {
      task(0);
    }
    return;
  }
  Call alone;
  const std::optional<std::size_t> shared = begin_call();
  Call& call = shared ? calls_.at(*shared) : alone;
  call.task = &task;
  call.count = static_cast<std::uint32_t>(count);
  call.unfinished.store(call.count, std::memory_order_relaxed);
  if (shared) {
    publish(*shared);
    run_task(call, 0);
    while (const auto index = take(*shared)) {
      run_task(call, *index);
    }
    wait_for_end(call);
  } else {
    for (std::uint32_t i = 0; i < call.count; ++i) {
      run_task(call, i);
    }
  }
  const std::exception_ptr failure = std::exchange(call.failure, nullptr);
  call.used.store(false, std::memory_order_release);
  if (failure) {
    std::rethrow_exception(failure);
  }
}

std::optional<std::size_t> Workers::begin_call() {
  for (std::size_t i = 0; i < kCalls; ++i) {
    std::atomic<bool>& used = calls_.at(i).used;
    if (!used.load(std::memory_order_relaxed) && !used.exchange(true, std::memory_order_acquire)) {
      return i;
    }
  }
  return std::nullopt;
}

void Workers::publish(std::size_t call) {
  std::atomic<Ticket>& ticket = tickets_.at(call);
  const std::uint32_t number = ticket.load(std::memory_order_relaxed).call + 1;
  // Sequentially consistent, as is what goes to sleep: either we see the sleeper, or it the ticket.
  ticket.store({number, calls_.at(call).count - 1});
  if (sleepers_ != 0) {
    ++wakings_;
    wakings_.notify_all();
  }
}

std::optional<std::uint32_t> Workers::take(std::size_t call) {
  std::atomic<Ticket>& ticket = tickets_.at(call);
  Ticket seen = ticket.load(std::memory_order_acquire);
  while (seen.tasks != 0) {
    const Ticket rest{seen.call, seen.tasks - 1};
    if (ticket.compare_exchange_weak(seen, rest, std::memory_order_acq_rel)) {
      return calls_.at(call).count - seen.tasks;
    }
  }
  return std::nullopt;
}

void Workers::run_task(Call& call, std::uint32_t index) {
  try {
    (*call.task)(index);
  } catch (...) {
    const std::lock_guard lock(call.mutex);
    if (!call.failure) {
      call.failure = std::current_exception();
    }
  }
  if (call.unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    call.unfinished.notify_all();
  }
}

void Workers::wait_for_end(Call& call) {
  const auto unfinished = [&call] { return call.unfinished.load(std::memory_order_acquire); };
  spin_until(kSpin, [&] { return unfinished() == 0; });
  for (std::uint32_t n = unfinished(); n != 0; n = unfinished()) {
    call.unfinished.wait(n, std::memory_order_acquire);
  }
}

void Workers::help() {
  while (!stopping_) {
    if (!help_someone() && !spin_until(kSpin, [this] { return !is_idle(); })) {
      sleep();
    }
  }
}

bool Workers::help_someone() {
  for (std::size_t i = 0; i < kCalls; ++i) {
    if (const auto index = take(i)) {
      run_task(calls_.at(i), *index);
      return true;
    }
  }
  return false;
}

bool Workers::is_idle() const {
  return std::ranges::all_of(
      tickets_, [](const std::atomic<Ticket>& ticket) { return ticket.load().tasks == 0; });
}

void Workers::sleep() {
  const std::uint32_t wakings = wakings_;
  ++sleepers_;
  if (is_idle() && !stopping_) {
    wakings_.wait(wakings);
  }
  --sleepers_;
}

}  // namespace halyard::engine
