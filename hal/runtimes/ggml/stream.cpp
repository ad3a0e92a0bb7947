// SPDX-License-Identifier: MIT
#include "stream.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace halyard::ggml {
namespace {

/// The point for another device's queues, where the platform has timelines that devices share.
std::optional<Point> imported(const Point& point, const Device& device) {
  int fd = -1;
  if (halyard_timeline_export(point.raw().timeline, &fd) != HALYARD_OK) return {};
  halyard_timeline* timeline = nullptr;
  const auto status = halyard_timeline_import(device.get(), fd, &timeline);
  close(fd);
  if (status != HALYARD_OK) return {};
  return Timeline(timeline).at(point.value());
}

}  // namespace

Stream::Stream(GgmlDevice& device)
    : device_(device), programs_(device.hal(), device.buffer_type()) {}

void Stream::compute(ggml_cgraph* graph) {
  try {
    programs_.run(graph, queue(0), waits());
    last_.reset();
    awaited_.clear();
  } catch (...) {
    // Queues that have failed take no more jobs; the next graph gets others.
    queues_.clear();
    last_.reset();
    awaited_.clear();
    throw;
  }
}

bool Stream::copy(Stream& from, const Place& source, const Place& target, std::uint64_t bytes) {
  if (const auto memory = source.buffer.reached_by(device_)) {
    return copy_beside(from, *memory, source.offset, target.buffer.memory(), target.offset, bytes);
  }
  if (const auto memory = target.buffer.reached_by(from.device_)) {
    return from.copy_beside(*this, source.buffer.memory(), source.offset, *memory, target.offset,
                            bytes);
  }
  return false;
}

bool Stream::copy_beside(Stream& other, const Buffer& source, std::uint64_t source_offset,
                         const Buffer& target, std::uint64_t target_offset, std::uint64_t bytes) {
  if (&other != this) await(other.mark());
  const auto before = waits();
  for (const auto& engines : device_.hal().engines()) {
    try {
      gave(queue(engines.engine_class)
               .copy(target, target_offset, source, source_offset, bytes, {.waits = before}));
      if (&other != this) other.await(mark());
      return true;
    } catch (const Error& error) {
      // Engines of another class may reach what these do not.
      if (error.code() != HALYARD_UNSUPPORTED) throw;
    }
  }
  return false;
}

Mark Stream::mark() {
  if (!awaited_.empty()) gave(queue(0).barrier({.waits = waits()}));
  return {&device_, last_};
}

void Stream::await(const Mark& mark) {
  if (!mark.point) return;
  if (mark.device == &device_) {
    awaited_.push_back(*mark.point);
  } else if (auto point = imported(*mark.point, device_.hal())) {
    awaited_.push_back(std::move(*point));
  } else {
    mark.point->wait();
  }
}

void Stream::synchronize() {
  if (const auto points = waits(); !points.empty()) wait_all(points);
  awaited_.clear();
  last_.reset();
}

void Stream::report() const {
  const char* path = secure_getenv("HALYARD_GGML_STATISTICS");
  if (path == nullptr) return;
  const auto jobs = device_.hal().jobs();
  std::ofstream(path, std::ios::app)
      << device_.name() + ": " + std::to_string(jobs.completed) + " jobs completed, " +
             std::to_string(jobs.failed) + " failed, " + std::to_string(programs_.recorded()) +
             " command lists recorded, " + std::to_string(programs_.empty()) +
             " graphs of no elements\n";
}

Queue& Stream::queue(std::uint32_t engine_class) {
  auto& queue = queues_[engine_class];
  if (!queue) queue = device_.hal().create_queue(engine_class);
  return queue;
}

std::vector<Point> Stream::waits() const {
  auto points = awaited_;
  if (last_) points.push_back(*last_);
  return points;
}

void Stream::gave(const Point& point) {
  awaited_.clear();
  last_ = point;
}

}  // namespace halyard::ggml
