// SPDX-License-Identifier: MIT
#include "ledger.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace halyard::hal {

namespace {

std::string hexadecimal(std::uint64_t value) {
  char text[20];
  static_cast<void>(
      std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value)));
  return text;
}

/// What happened, as a clause after "failed: ".
std::string explain(halyard_status status) {
  switch (status) {
    case HALYARD_HANG:
      return "it made no progress and was stopped";
    case HALYARD_FAULT:
      return "it accessed memory that it may not";
    case HALYARD_ILLEGAL_COMMAND:
      return "the device refused a command";
    case HALYARD_MEMORY_ERROR:
      return "uncorrectable error in the device's memory";
    case HALYARD_CANCELLED:
      return "it was cancelled";
    case HALYARD_DEVICE_LOST:
      return "the device is lost";
    case HALYARD_DEVICE_ERROR:
      return "an error of the device's own";
    default:
      return halyard_status_name(status);
  }
}

}  // namespace

Ledger::Ledger(PlatformDevice& os, ChipPlugin& plugin, Handle queue, Handle timeline)
    : os_(os), plugin_(plugin), queue_(queue), timeline_(timeline) {}

Error Ledger::describe(std::uint64_t job, halyard_status status) const {
  ErrorDetails details;
  details.device = os_.facts().path;
  details.queue = queue_;
  return {status,
          "job " + std::to_string(job) + " of queue " + std::to_string(queue_) +
              " failed: " + explain(status),
          details};
}

void Ledger::clear(JobRecord& record) noexcept {
  record.code = {};
  record.memory.clear();
  record.waits.clear();
  record.arena = {};
}

void Ledger::drop_records() noexcept {
  while (!jobs_.empty()) {
    clear(jobs_.back());
    jobs_.pop_back();
  }
}

JobRecord& Ledger::begin(const Lock&) {
  return jobs_.push();
}

void Ledger::abandon(const Lock&) noexcept {
  clear(jobs_.back());
  jobs_.pop_back();
}

void Ledger::retire_through(const Lock&, std::uint64_t job) {
  while (done_ < std::min(job, submitted_) && !jobs_.empty()) {
    auto& record = jobs_.front();
    if (!record.waits.empty()) {
      auto& unconfirmed = unconfirmed_.push();
      unconfirmed.job = done_ + 1;
      unconfirmed.waits.swap(record.waits);
    }
    clear(record);
    jobs_.pop_front();
    ++done_;
  }
}

void Ledger::reap(const Lock& lock) {
  while (done_ < submitted_ && !jobs_.empty() && plugin_.surely_done(jobs_.front().arena)) {
    retire_through(lock, done_ + 1);
  }
}

Ledger::State Ledger::state(const Lock& lock, std::uint64_t job) {
  if (failure_ && job >= failed_from_) return State::kFailed;
  if (job <= confirmed(lock)) return State::kDone;
  return job <= done_ ? State::kUnconfirmed : State::kPending;
}

Ledger::State Ledger::settle(const Lock& lock, std::uint64_t job, bool reached) {
  reap(lock);
  const auto known = state(lock, job);
  if (known != State::kPending || !reached || job > submitted_) return known;
  update(lock, os_.queue_status(queue_));
  if (job > done_ && !failure_) {
    // The platform's counters lag behind its fences: the fence has the last word.
    const auto status = os_.point_status(point(job));
    if (status == HALYARD_OK) {
      retire_through(lock, job);
    } else {
      fail(lock, job, describe(job, status));
    }
  }
  return state(lock, job);
}

void Ledger::confirm() {
  Unconfirmed first;
  {
    const auto held = lock();
    if (unconfirmed_.empty()) return;
    first = unconfirmed_.front();
  }
  FailureRef failure;
  for (const auto& wait : first.waits) {
    try {
      wait.timeline->confirm(wait.value);
    } catch (const Error& error) {
      failure = std::make_shared<const Error>(error);
      break;
    }
  }
  const auto held = lock();
  // Another thread may have been here in between.
  if (unconfirmed_.empty() || unconfirmed_.front().job != first.job) return;
  unconfirmed_.front().waits.clear();
  unconfirmed_.pop_front();
  if (failure && (!failure_ || first.job < failed_from_)) {
    failed_from_ = first.job;
    failure_ = std::move(failure);
  }
}

void Ledger::confirm_all() {
  for (;;) {
    {
      const auto held = lock();
      reap(held);
      if (unconfirmed_.empty()) return;
    }
    confirm();
  }
}

void Ledger::learn_failure(const Lock& lock) {
  if (failure_) return;
  update(lock, os_.queue_status(queue_));
  if (!failure_) {
    fail(lock, submitted_ + 1, describe(submitted_ + 1, HALYARD_CANCELLED));
  }
}

void Ledger::update(const Lock& lock, const QueueStatus& status) {
  const bool faulted = status.fault != HALYARD_OK && status.fault_job != 0;
  if (faulted) {
    retire_through(lock, status.fault_job - 1);
    fail(lock, status.fault_job, describe_fault(status));
  } else if (status.failed == 0) {
    retire_through(lock, status.completed);
  }
  if (!failure_ && status.state == QueueStatus::State::kLost) {
    fail(lock, done_ + 1, describe(done_ + 1, HALYARD_DEVICE_LOST));
  }
  // Once all jobs have ended the device holds nothing of theirs.
  if (failure_ && status.completed + status.failed >= submitted_) {
    drop_records();
  }
}

Error Ledger::describe_fault(const QueueStatus& status) {
  const auto error = describe(status.fault_job, status.fault);
  auto details = error.details();
  std::string text = error.what();
  details.command = status.fault_command;
  details.fault_address = status.fault_address;
  details.fault_write = status.fault_write;
  if (status.fault == HALYARD_FAULT && status.fault_address != 0) {
    text += std::string(": ") + (status.fault_write ? "write to " : "read of ") +
            hexadecimal(status.fault_address);
  }
  text += ", command " + std::to_string(status.fault_command);
  if (status.fault_job > done_ && status.fault_job - done_ <= jobs_.size()) {
    const auto& code = record(status.fault_job).code;
    const char* name = code ? code->command_name(status.fault_command) : nullptr;
    if (name != nullptr) {
      details.command_name = name;
      text += " (" + details.command_name + ")";
    }
  }
  return {error.status(), text, details};
}

void Ledger::fail(const Lock&, std::uint64_t job, Error error) {
  if (failure_) return;
  failed_from_ = job;
  failure_ = std::make_shared<const Error>(std::move(error));
}

JobCounts Ledger::close(const Lock& lock) noexcept {
  JobCounts counts;
  try {
    const auto status = os_.queue_status(queue_);
    update(lock, status);
    counts.completed = status.completed;
  } catch (const Error&) {
    // The device is gone: what follows holds all the more.
  }
  os_.queue_destroy(queue_);
  reap(lock);
  counts.completed = std::max(counts.completed, done_);
  counts.failed = submitted_ - counts.completed;
  if (!failure_) {
    const auto error = describe(done_ + 1, HALYARD_CANCELLED);
    fail(lock, done_ + 1,
         {error.status(), std::string(error.what()) + ": its queue was released", error.details()});
  }
  drop_records();
  // Two queues that wait for one another would keep one another for ever.
  while (!unconfirmed_.empty()) {
    unconfirmed_.front().waits.clear();
    unconfirmed_.pop_front();
  }
  return counts;
}

}  // namespace halyard::hal
