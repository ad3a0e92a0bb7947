// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>

namespace halyard::faults {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kRows = 16, kColumns = 64;
constexpr std::size_t kElements = std::size_t{kRows} * kColumns;
/// Longer than any recovery.
constexpr auto kPatience = 120s;
/// No result has it.
constexpr float kUntouched = -1;

/// y = relu(x * P + column) where P moves columns about: exact in f32, and every element of y is
/// known from x.
Graph make_graph(const std::vector<float>& moves) {
  std::vector<float> columns(kElements);
  for (std::size_t i = 0; i < kElements; ++i)
    columns[i] = static_cast<float>(i % kColumns);
  Graph graph;
  const auto x = graph.input("x", {kRows, kColumns});
  const auto p = graph.constant(std::span<const float>(moves), {kColumns, kColumns}, f32);
  const auto c = graph.constant(std::span<const float>(columns), {kRows, kColumns}, f32);
  graph.output("y", graph.relu(graph.add(graph.matmul(x, p), c)));
  return graph;
}

Failure failure_of(const Error& error, bool refused) {
  return {.status = error.code(), .refused = refused, .wrong = false, .message = error.what()};
}

}  // namespace

std::uint32_t Worker::taken_from(std::uint32_t column) {
  return (column * 5 + 3) % kColumns;  // 5 and 64 have no common divisor: all columns are taken
}

Worker::Worker(unsigned number)
    : name_("client-" + std::to_string(number)), number_(number), device_(Device::open()) {
  std::vector<float> moves(std::size_t{kColumns} * kColumns);
  for (std::uint32_t column = 0; column < kColumns; ++column)
    moves[std::size_t{taken_from(column)} * kColumns + column] = 1;
  program_ = device_.compile(make_graph(moves));
  for (auto& buffer : buffers_)
    buffer = device_.allocate(kElements * sizeof(float));
  thread_ = std::thread(&Worker::loop, this);
  pthread_setname_np(thread_.native_handle(), name_.c_str());
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

// ---- the thread ----

void Worker::start() {
  const std::lock_guard lock(mutex_);
  failure_.reset();
  finishing_ = false;
  running_ = true;
  first_ = batches_;
  changed_.notify_all();
}

void Worker::finish() {
  const std::lock_guard lock(mutex_);
  finishing_ = true;
  last_ = batches_ + 2;  // the one that is under way, and a whole one
}

bool Worker::wait_until(bool (Worker::*reached)() const) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return (this->*reached)(); });
}

bool Worker::wait_idle() {
  return wait_until(&Worker::idle);
}

bool Worker::wait_busy() {
  return wait_until(&Worker::busy);
}

std::optional<Failure> Worker::try_again() {
  {
    const std::lock_guard lock(mutex_);
    failure_.reset();
    again_ = running_ = finishing_ = true;
    last_ = batches_ + 1;
    changed_.notify_all();
  }
  if (!wait_idle())
    return Failure{.status = HALYARD_TIMEOUT, .message = "a new queue does not work"};
  return failure_;
}

void Worker::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!running_) {
      changed_.wait(lock);
      continue;
    }
    if (again_) queue_ = {};
    again_ = false;
    lock.unlock();
    auto failure = batch();
    lock.lock();
    ++batches_;
    failure_ = std::move(failure);
    running_ = !failure_ && !(finishing_ && batches_ >= last_);
    changed_.notify_all();
  }
}

// ---- the work ----

std::optional<Failure> Worker::batch() {
  try {
    if (churn_ || !queue_) {
      queue_ = {};
      queue_ = device_.create_queue();
    }
    fill();
    return run_jobs();
  } catch (const Error& error) {
    return failure_of(error, true);
  } catch (const std::exception& error) {
    return Failure{.status = HALYARD_SYSTEM, .refused = true, .message = error.what()};
  }
}

void Worker::fill() {
  for (const auto& buffer : buffers_)
    std::ranges::fill(buffer.map<float>().first(kElements), kUntouched);
  const auto x = buffers_[0].map<float>();
  const auto start = static_cast<std::uint32_t>(number_ * 1000 + batches_ % 1000);
  for (std::uint32_t i = 0; i < kElements; ++i)
    x[i] = static_cast<float>(start + i);
}

/// Each job's end is looked at: what was over before the failure must be right.
std::optional<Failure> Worker::run_jobs() {
  std::optional<Failure> failure;
  std::array<Point, kBatch> points;
  std::size_t accepted = 0;
  try {
    for (; accepted < kBatch; ++accepted)
      points[accepted] =
          queue_.submit(program_, {{"x", buffers_[accepted]}, {"y", buffers_[accepted + 1]}});
  } catch (const Error& error) {
    failure = failure_of(error, true);
  }
  for (std::size_t job = 0; job < accepted; ++job) {
    try {
      points[job].wait(kPatience);
    } catch (const Error& error) {
      return failure_of(error, false);
    }
    if (auto wrong = check(job)) return wrong;
    ++verified_;
  }
  return failure;
}

std::optional<Failure> Worker::check(std::size_t job) const {
  const auto x = buffers_[job].map<float>();
  const auto y = buffers_[job + 1].map<float>();
  for (std::uint32_t row = 0; row < kRows; ++row) {
    for (std::uint32_t column = 0; column < kColumns; ++column) {
      const auto expected = x[row * kColumns + taken_from(column)] + static_cast<float>(column);
      const auto found = y[row * kColumns + column];
      if (found == expected) continue;
      return Failure{.status = HALYARD_OK,
                     .wrong = true,
                     .message = "job " + std::to_string(job) + ", element " + std::to_string(row) +
                                ", " + std::to_string(column) + " is " + std::to_string(found) +
                                " in place of " + std::to_string(expected)};
    }
  }
  return std::nullopt;
}

}  // namespace halyard::faults
