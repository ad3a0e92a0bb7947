// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Queues of the firmware.

#include <drm/halyard_sloop.h>
#include <sloop/sloop_regs.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "chips/common/ready_queues.hpp"
#include "chips/sloop/execution.hpp"
#include "chips/sloop/segments.hpp"

namespace halyard::emu::sloop {

inline constexpr unsigned kNumClasses = 2;
static_assert(DRM_HALYARD_SLOOP_ENGINE_DMA + 1 == kNumClasses);

inline constexpr std::size_t kMaxJobSize =
    sizeof(slp_job) + DRM_HALYARD_SLOOP_MAX_SEGMENTS * sizeof(slp_segment);

/// A job's descriptor as the engine copied it.
struct JobImage {
  std::array<std::byte, kMaxJobSize> bytes{};
  std::size_t size = 0;

  [[nodiscard]] slp_job header() const {
    slp_job job;
    std::memcpy(&job, bytes.data(), sizeof(job));
    return job;
  }
  /// The segments that follow the header.
  [[nodiscard]] std::vector<slp_segment> segments() const {
    std::vector<slp_segment> list((size - sizeof(slp_job)) / sizeof(slp_segment));
    const auto raw = std::span(bytes).first(size).subspan(sizeof(slp_job));
    std::ranges::copy(raw, std::as_writable_bytes(std::span(list)).begin());
    return list;
  }
};

/// Configuration, state, heads and tails: under the card's mutex. The job: whoever owns the queue,
/// or anybody under the mutex while nobody does.
struct Queue {
  static constexpr unsigned kNoOwner = SLP_NONE;

  unsigned id = 0;
  bool exists = false;
  slp_queue_config config{};
  std::uint32_t state = SLP_QUEUE_STATE_IDLE;
  std::uint32_t request_tail = 0, request_head = 0;
  std::uint32_t response_tail = 0, response_head = 0;
  bool status_due = false;  ///< the status block does not show the state yet
  bool destroying = false;  ///< the owner lets go of it, then it is no more
  std::uint32_t destroy_id = 0;
  unsigned owner = kNoOwner;  ///< engine

  bool job_active = false;
  slp_request request{};
  JobImage job;
  JobExecution execution;
  SegmentSpace space;
  std::uint64_t job_busy_ns = 0;
  std::uint64_t busy_ns = 0, commands = 0;
  std::vector<slp_request> seen;  ///< ring entries as they were when the doorbell rang
  std::uint32_t seen_tail = 0;

  [[nodiscard]] unsigned engine_class() const { return config.engine_class; }
  [[nodiscard]] unsigned priority() const { return config.priority; }
  [[nodiscard]] unsigned share() const { return config.share; }
  [[nodiscard]] unsigned context() const { return config.context; }
  [[nodiscard]] std::uint32_t ring_size() const { return 1U << config.ring_order; }
  [[nodiscard]] bool has_jobs() const { return job_active || request_head != request_tail; }
  [[nodiscard]] std::uint64_t request_address(std::uint32_t index) const {
    return config.requests + std::uint64_t{index % ring_size()} * sizeof(slp_request);
  }
  [[nodiscard]] std::uint64_t response_address(std::uint32_t index) const {
    return config.responses + std::uint64_t{index % ring_size()} * sizeof(slp_response);
  }

  /// An engine that owns the queue writes the status block itself.
  [[nodiscard]] bool wants_status() const { return exists && status_due && owner == kNoOwner; }

  void create(const slp_queue_config& how) {
    clear();
    config = how;
    exists = true;
    seen.assign(ring_size(), {});
  }
  void clear() {
    exists = status_due = destroying = job_active = false;
    config = {};
    state = SLP_QUEUE_STATE_IDLE;
    request_tail = request_head = response_tail = response_head = seen_tail = 0;
    owner = kNoOwner;
    job_busy_ns = busy_ns = commands = 0;
  }
};

using Scheduler = ReadyQueues<Queue, kNumClasses, SLP_NUM_PRIORITIES>;

}  // namespace halyard::emu::sloop
