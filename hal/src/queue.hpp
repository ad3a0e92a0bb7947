// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Queues: submits, copies, fills, barriers.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arena_pool.hpp"
#include "device.hpp"
#include "job_buffers.hpp"
#include "ledger.hpp"
#include "profile.hpp"
#include "program.hpp"
#include "ref.hpp"
#include "timeline.hpp"

namespace halyard::hal {

/// A buffer for one of a program's bindings.
struct BindingRequest {
  const char* name = nullptr;  ///< null: by position
  Memory* memory = nullptr;
  std::uint64_t offset = 0;
};

/// What an operation awaits and signals besides the queue's own timeline.
struct SyncRequest {
  std::span<const Point> waits, signals;
  Profile* profile = nullptr;
};

/// A range of a buffer, in bytes.
struct MemoryRange {
  Memory& memory;
  std::uint64_t offset = 0, size = 0;
};

/// Operations return their job's number, which is its point on the queue's timeline. Thread-safe.
class Queue final : public Object {
 public:
  static Ref<Queue> create(Ref<Device> device, std::uint32_t engine_class,
                           halyard_priority priority);
  ~Queue() override;

  [[nodiscard]] Timeline& timeline() const { return *timeline_; }
  [[nodiscard]] Device& device() const { return *device_; }

  std::uint64_t submit(ProgramData& program, std::span<const BindingRequest> bindings,
                       const SyncRequest& sync);
  std::uint64_t copy(const MemoryRange& dst, const MemoryRange& src, const SyncRequest& sync);
  std::uint64_t fill(const MemoryRange& dst, std::uint32_t pattern, const SyncRequest& sync);
  std::uint64_t barrier(const SyncRequest& sync);

  /// For the device: the platform's counters, with every job that this process knows to be done
  /// included.
  QueueStatus status();
  /// For the device: destroys the platform's queue and cancels what is not done; how the jobs
  /// ended.
  JobCounts close() noexcept;

 private:
  Queue(Ref<Device> device, std::uint32_t engine_class, Ref<Ledger> ledger, Ref<Timeline> timeline);

  template <class Encode>
  std::uint64_t enqueue(const SyncRequest& sync, std::size_t arena_bytes, Encode encode);
  template <class Encode>
  std::uint64_t enqueue_builtin(const char* name, const SyncRequest& sync, Encode encode);
  void hand_over(const Ledger::Lock& lock, const SyncRequest& sync, std::uint64_t number);
  /// The job holds the memory and accesses part of it.
  DeviceRange use(JobRecord& record, Memory& memory, std::uint64_t offset, std::uint64_t size,
                  bool write);
  DeviceRange use(JobRecord& record, const MemoryRange& range, bool write);
  DeviceRange use(const Code& code, const Code::Part& part);
  void check_reach(const Memory& memory, const std::string& what) const;
  void check_range(const MemoryRange& range, bool write, const char* what) const;
  void check_binding(const BindingSlot& slot, const BindingRequest& binding, bool given) const;
  void place_bindings(const Code& code, std::span<const BindingRequest> bindings,
                      JobRecord& record);
  DeviceRange place_scratch(std::uint64_t bytes, JobRecord& record);
  [[nodiscard]] Error banned(const Ledger::Lock& lock) const;

  const Ref<Device> device_;
  const std::uint32_t engine_class_;
  const Ref<Ledger> ledger_;
  const Ref<Timeline> timeline_;
  // Protected by the ledger's lock; kept from job to job, so that a submit does not allocate.
  ArenaPool arenas_;
  Ref<Memory> scratch_;  ///< jobs of one queue run one after another: they share it
  std::vector<std::byte> payload_;
  std::vector<DeviceRange> ranges_;
  std::vector<SyncPoint> waits_, signals_;
  JobBuffers buffers_;
};

}  // namespace halyard::hal
