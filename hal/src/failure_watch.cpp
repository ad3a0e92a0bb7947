// SPDX-License-Identifier: MIT
#include "failure_watch.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "eventfd.hpp"
#include "timeline.hpp"

namespace halyard::hal {

namespace {

/// How often the points are looked at.
constexpr std::chrono::milliseconds kSlice{20};

}  // namespace

FailureWatch::~FailureWatch() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
    for (const auto& entry : state_->entries)
      close(entry.eventfd);
    state_->entries.clear();
    state_->work.notify_all();
  }
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void FailureWatch::add(Timeline& timeline, std::uint64_t value, int eventfd) {
  const int copy = fcntl(eventfd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    ErrorDetails details;
    details.system_error = errno;
    throw Error(HALYARD_SYSTEM, std::string("the eventfd cannot be kept: ") + std::strerror(errno),
                details);
  }
  try {
    const std::lock_guard lock(state_->mutex);
    if (!thread_.joinable()) thread_ = std::thread([state = state_] { run(state); });
    state_->entries.push_back({&timeline, value, copy});
    state_->work.notify_all();
  } catch (...) {
    close(copy);
    throw;
  }
}

void FailureWatch::remove(const Timeline& timeline) noexcept {
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->entries, [&](const Entry& entry) {
    if (entry.timeline != &timeline) return false;
    close(entry.eventfd);
    return true;
  });
}

/// Gives up the lock meanwhile; the caller has a reference to the entry's timeline.
void FailureWatch::look(State& state, const Entry& entry, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  bool failed = false, watched = false;
  try {
    watched = entry.timeline->poll(entry.value) == Timeline::State::kUnpromised;
  } catch (const Error&) {
    failed = true;
  }
  lock.lock();
  const auto it = std::find_if(state.entries.begin(), state.entries.end(),
                               [&](const Entry& any) { return any.eventfd == entry.eventfd; });
  if (watched || it == state.entries.end()) return;
  if (failed) ring_eventfd(entry.eventfd);
  close(entry.eventfd);
  state.entries.erase(it);
}

void FailureWatch::run(const std::shared_ptr<State>& state) {
  // The application's signal handlers are not to run here.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::unique_lock lock(state->mutex);
  while (!state->stop) {
    if (state->entries.empty()) {
      state->work.wait(lock);
      continue;
    }
    const auto entries = state->entries;
    for (const auto& entry : entries) {
      const auto known = std::find_if(state->entries.begin(), state->entries.end(), [&](auto& any) {
        return any.eventfd == entry.eventfd && any.timeline == entry.timeline;
      });
      // It cannot be freed as long as it is in the list, but may be about to be.
      if (known == state->entries.end() || !entry.timeline->try_retain()) continue;
      look(*state, entry, lock);
      lock.unlock();
      entry.timeline->release();
      lock.lock();
      if (state->stop) return;
    }
    state->work.wait_for(lock, kSlice, [&] { return state->stop; });
  }
}

}  // namespace halyard::hal
