// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Queues and the order in which engines serve them.

#include <clipper/clipper_regs.h>
#include <drm/halyard_clipper.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "chips/chip.hpp"
#include "chips/clipper/execution.hpp"
#include "chips/clipper/mmu.hpp"
#include "chips/common/ready_queues.hpp"

namespace halyard::emu::clipper {

inline constexpr unsigned kNumClasses = 2;
static_assert(DRM_HALYARD_CLIPPER_ENGINE_COPY + 1 == kNumClasses);

/// A queue's view of its context: the address space of its command streams.
class QueueSpace final : public AddressSpace {
 public:
  void bind(Host* host, Mmu* mmu, unsigned ctx) {
    host_ = host;
    mmu_ = mmu;
    ctx_ = ctx;
  }
  [[nodiscard]] unsigned ctx() const { return ctx_; }

  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                 Fault& fault) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override { return host_->pin_dma(); }

  /// Why the last translation failed, in the card's own terms.
  [[nodiscard]] const TranslationFault& last_fault() const { return last_fault_; }

 private:
  Host* host_ = nullptr;
  Mmu* mmu_ = nullptr;
  unsigned ctx_ = 0;
  TranslationFault last_fault_;
};

/// A hardware queue. Configuration, state, head and tail: under the card's mutex. The job: whoever
/// owns the queue, or anybody under the mutex while nobody does.
struct Queue {
  using Time = std::chrono::steady_clock::time_point;
  static constexpr unsigned kNoOwner = CLP_NO_QUEUE;

  unsigned id = 0;

  std::uint64_t ring = 0;
  std::uint64_t status_block = 0;
  std::uint32_t ring_order = 0;
  std::uint32_t config = 0;

  std::uint32_t state = CLP_QUEUE_STATE_DISABLED;
  std::uint32_t head = 0, tail = 0;
  bool bad_tail = false;  ///< a doorbell went past the ring: the queue faults where it stands
  bool reset_requested = false;  ///< the owner lets go of it, then it is reset
  bool stuck = false;            ///< its reset failed
  unsigned owner = kNoOwner;     ///< engine, or CLP_NUM_ENGINES: the housekeeper

  bool job_active = false;
  clp_job job{};
  JobExecution execution;
  QueueSpace space;
  std::uint64_t last_fence = 0;
  bool any_fence = false;  ///< last_fence is of a job
  std::uint64_t busy_ns = 0, commands = 0, jobs = 0;
  std::vector<std::uint64_t> entry_hashes;  ///< of ring entries between head and hashed
  std::uint32_t hashed = 0;

  Time poll_at;
  std::chrono::nanoseconds backoff{};

  [[nodiscard]] unsigned ctx() const { return config & CLP_QUEUE_CONFIG_CTX; }
  [[nodiscard]] unsigned context() const { return ctx(); }
  [[nodiscard]] unsigned share() const { return (config & CLP_QUEUE_CONFIG_SHARE) >> 24; }
  [[nodiscard]] unsigned engine_class() const { return (config & CLP_QUEUE_CONFIG_CLASS) >> 8; }
  [[nodiscard]] unsigned priority() const { return (config & CLP_QUEUE_CONFIG_PRIORITY) >> 16; }
  [[nodiscard]] bool has_jobs() const { return job_active || head != tail || bad_tail; }
  [[nodiscard]] std::uint64_t entry_address(std::uint32_t index) const {
    return ring + std::uint64_t{index & ((1U << ring_order) - 1)} * sizeof(clp_job);
  }

  /// Forgets all jobs; the configuration stays.
  void drop_jobs();
  /// As after a function reset.
  void clear();
};

/// Ready and waiting queues. Protected by the card's mutex but for anybody_ready().
class Scheduler : public ReadyQueues<Queue, kNumClasses, CLP_NUM_PRIORITIES> {
 public:
  void park(Queue& queue) { waiting_.push_back(&queue); }
  /// Takes the queue out of whatever list it is in.
  void remove(Queue& queue) {
    std::erase(waiting_, &queue);
    ReadyQueues::remove(queue);
  }
  [[nodiscard]] const std::vector<Queue*>& waiting() const { return waiting_; }
  void clear() {
    waiting_.clear();
    ReadyQueues::clear();
  }

 private:
  std::vector<Queue*> waiting_;
};

}  // namespace halyard::emu::clipper
