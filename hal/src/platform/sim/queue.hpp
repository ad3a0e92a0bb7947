// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A queue of jobs in process. All of it is protected by the scheduler's lock unless it says
/// otherwise.

#include <atomic>
#include <chips/chip.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "platform/platform.hpp"
#include "platform/sim/timeline.hpp"
#include "ref.hpp"
#include "ring.hpp"

namespace halyard::hal::sim {

/// A point, with the timeline kept alive: the handle may go before the job.
struct TimelinePoint {
  Ref<SimTimeline> timeline;
  std::uint64_t value = 0;
};

struct Job {
  std::shared_ptr<emu::AddressSpace> space;  ///< as long as the execution may look at it
  std::unique_ptr<emu::Execution> execution;
  std::vector<std::byte> payload;  ///< as long as the execution may look at it
  std::vector<TimelinePoint> waits, signals;
  std::uint64_t number = 0;      ///< in its queue, from 1
  std::uint64_t started = 0;     ///< number on the device once it was started, from 1
  std::int64_t progress_ns = 0;  ///< when it last got on, while it waits for memory to change
  std::uint32_t completed = 0;   ///< commands, then
};

/// Where a queue is.
enum class Place : std::uint8_t {
  kIdle,     ///< no job
  kBlocked,  ///< its first job waits for a timeline
  kReady,    ///< in its class's ready list
  kRunning,  ///< an engine has it
  kParked,   ///< its first job waits for memory to change
};

struct JobQueue final : Object {
  Handle handle = 0;
  std::uint32_t engine_class = 0;
  unsigned rank = 0;  ///< 0 goes first
  Place place = Place::kIdle;
  Ring<Job> jobs;
  QueueStatus status;
  bool destroyed = false;
  /// Tells the engine that runs it to leave at the next command. Read without the lock.
  std::atomic<bool> leave{false};
};

}  // namespace halyard::hal::sim
