// SPDX-License-Identifier: MIT
#include "queue.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "clock.hpp"
#include "small_vector.hpp"

namespace halyard::hal {

namespace {

/// How long the platform's counters may lag behind what a job wrote into its arena.
constexpr std::int64_t kCounterLag = 1'000'000'000;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(HALYARD_INVALID_ARGUMENT, message);
}

void check_point(const Device& device, const Point& point, const char* what) {
  if (point.timeline == nullptr) refuse(std::string(what) + " has no timeline");
  if (point.value == 0) refuse(std::string(what) + " has value 0: points begin at 1");
  if (&point.timeline->device() != &device) {
    refuse(std::string(what) + " is on a timeline of another device");
  }
}

void check_sync(const Device& device, const SyncRequest& sync) {
  for (const auto& point : sync.waits)
    check_point(device, point, "a point to wait for");
  for (const auto& point : sync.signals) {
    check_point(device, point, "a point to signal");
    if (point.timeline->of_queue()) refuse("only its queue advances a queue's timeline");
  }
  if (sync.profile != nullptr && &sync.profile->device() != &device) {
    refuse("the profile belongs to another device");
  }
}

/// What the job waits for and is not known to be reached: its failure will be the job's. Called
/// without locks.
std::vector<AwaitedPoint> open_waits(const Timeline& own, std::span<const Point> waits) {
  std::vector<AwaitedPoint> open;
  for (const auto& point : waits) {
    if (point.timeline == &own) continue;
    try {
      if (point.timeline->settle(point.value, false) == Timeline::State::kReached) continue;
    } catch (const Error&) {
      // The job is accepted and fails, as if the point failed a moment later.
    }
    open.push_back({Ref<Awaited>::share(point.timeline), point.value});
  }
  return open;
}

/// The timelines that a job signals, locked from the check of the points until the job was
/// accepted.
class Signals {
 public:
  explicit Signals(std::span<const Point> points) : points_(points.begin(), points.end()) {
    if (points_.empty()) return;
    std::sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) {
      return std::pair(a.timeline, a.value) < std::pair(b.timeline, b.value);
    });
    for (std::size_t i = 0; i < points_.size(); ++i) {
      auto& timeline = *points_[i].timeline;
      if (i > 0 && points_[i - 1].timeline == &timeline) {
        if (points_[i - 1].value == points_[i].value) {
          refuse("point " + std::to_string(points_[i].value) + " is signalled twice");
        }
        locks_.emplace_back();
      } else {
        locks_.push_back(timeline.lock());
        timeline.check_promise(locks_.back(), points_[i].value);
      }
    }
  }

  /// Makes sure that promise() does not allocate.
  void reserve() {
    for (const auto& point : points_) {
      point.timeline->reserve(locks_.front(), points_.size());
    }
  }
  void promise(const Ref<Ledger>& ledger, std::uint64_t job) noexcept {
    for (const auto& point : points_) {
      point.timeline->promise(locks_.front(), point.value, ledger, job);
    }
  }

 private:
  std::vector<Point> points_;
  std::vector<Timeline::Lock> locks_;
};

}  // namespace

Queue::Queue(Ref<Device> device, std::uint32_t engine_class, Ref<Ledger> ledger,
             Ref<Timeline> timeline)
    : device_(std::move(device)),
      runs_programs_(device_->plugin().supports_graphs(engine_class)),
      ledger_(std::move(ledger)),
      timeline_(std::move(timeline)),
      arenas_(device_->vm()) {
  device_->add_queue(*this);
}

Ref<Queue> Queue::create(Ref<Device> device, std::uint32_t engine_class,
                         halyard_priority priority) {
  auto& os = device->os();
  const auto timeline = os.timeline_create();
  Handle queue = 0;
  try {
    queue = os.queue_create(engine_class, priority);
    auto ledger = make_ref<Ledger>(os, device->plugin(), queue, timeline);
    auto points = make_ref<Timeline>(device, timeline, ledger);
    return Ref<Queue>::adopt(
        new Queue(std::move(device), engine_class, std::move(ledger), std::move(points)));
  } catch (...) {
    if (queue != 0) os.queue_destroy(queue);
    os.timeline_destroy(timeline);
    throw;
  }
}

Queue::~Queue() {
  ledger_->confirm_all();
  device_->remove_queue(*this);
}

JobCounts Queue::close() noexcept {
  return ledger_->close(ledger_->lock());
}

QueueStatus Queue::status() {
  auto& os = device_->os();
  std::uint64_t done = 0;
  {
    const auto lock = ledger_->lock();
    ledger_->reap(lock);
    done = ledger_->done(lock);
  }
  if (done > 0) {
    const auto point = ledger_->point(done);
    os.wait({&point, 1}, true, monotonic_ns() + kCounterLag, nullptr);
  }
  return os.queue_status(ledger_->queue());
}

Error Queue::banned(const Ledger::Lock& lock) const {
  const auto& failure = *ledger_->failure(lock);
  if (failure.status() == HALYARD_DEVICE_LOST) return failure;
  return {HALYARD_QUEUE_BANNED,
          "queue " + std::to_string(ledger_->queue()) + " takes no more jobs: " + failure.what(),
          failure.details()};
}

template <class Encode>
std::uint64_t Queue::enqueue(const SyncRequest& sync, std::size_t arena_bytes, Encode encode) {
  check_sync(*device_, sync);
  auto waits = open_waits(*timeline_, sync.waits);
  Signals signals(sync.signals);
  const auto lock = ledger_->lock();
  ledger_->reap(lock);
  if (ledger_->failure(lock)) throw banned(lock);
  signals.reserve();
  const auto number = ledger_->submitted(lock) + 1;
  const auto slot = arenas_.take(arena_bytes, number, ledger_->done(lock));
  auto& record = ledger_->begin(lock);
  try {
    record.arena = slot.arena;
    record.waits = std::move(waits);
    payload_.clear();
    encode(record);
    hand_over(lock, record, *slot.memory, sync, number);
  } catch (const Error& error) {
    ledger_->abandon(lock);
    if (error.status() != HALYARD_QUEUE_BANNED) throw;
    ledger_->learn_failure(lock);
    throw banned(lock);
  } catch (...) {
    ledger_->abandon(lock);
    throw;
  }
  ledger_->commit(lock);
  signals.promise(ledger_, number);
  return number;
}

void Queue::hand_over(const Ledger::Lock&, const JobRecord& record, const Memory& arena,
                      const SyncRequest& sync, std::uint64_t number) {
  waits_.clear();
  for (const auto& point : sync.waits) {
    // What this queue did before is done before anyway.
    if (point.timeline == timeline_.get() && point.value < number) continue;
    waits_.push_back(point.timeline->point(point.value));
  }
  signals_.clear();
  signals_.push_back(ledger_->point(number));
  for (const auto& point : sync.signals) {
    signals_.push_back(point.timeline->point(point.value));
  }
  collect_uses(record, arena);
  const JobRequest job{.queue = ledger_->queue(),
                       .payload = payload_,
                       .buffers = uses_,
                       .waits = waits_,
                       .signals = signals_};
  device_->os().submit({&job, 1});
}

void Queue::collect_uses(const JobRecord& record, const Memory& arena) {
  const bool all = !device_->facts().has_mmu;
  uses_.clear();
  for (const auto& held : record.memory) {
    if (all || held.memory->shared()) uses_.push_back({held.memory->handle(), held.write});
  }
  if (all) {
    uses_.push_back({arena.handle(), true});
    if (record.code && record.code->memory()) {
      uses_.push_back({record.code->memory()->handle(), false});
    }
  }
  if (uses_.size() < 2) return;
  // Each buffer once; a write by any binding is a write by the job.
  std::sort(uses_.begin(), uses_.end(), [](const BufferUse& a, const BufferUse& b) {
    return std::pair(a.buffer, b.write) < std::pair(b.buffer, a.write);
  });
  const auto last =
      std::unique(uses_.begin(), uses_.end(),
                  [](const BufferUse& a, const BufferUse& b) { return a.buffer == b.buffer; });
  uses_.erase(last, uses_.end());
}

DeviceRange Queue::place_scratch(std::uint64_t bytes, JobRecord& record) {
  if (bytes == 0) return {};
  if (!scratch_ || scratch_->size() < bytes) {
    // Jobs under way keep the old one.
    scratch_ = Memory::create(device_->vm(), bytes);
  }
  record.memory.push_back({scratch_, true});
  return {scratch_->va(), bytes};
}

void Queue::check_binding(const BindingSlot& slot, const BindingRequest& binding,
                          bool given) const {
  const auto bad = [&slot](const std::string& what) { refuse("binding " + slot.name + what); };
  if (given) bad(" is given twice");
  if (binding.memory == nullptr) bad(" has no buffer");
  const auto& memory = *binding.memory;
  if (!memory.is_in(device_->vm())) bad(": the buffer belongs to another device");
  if (binding.offset % 64 != 0) {
    bad(": offset " + std::to_string(binding.offset) + " is not a multiple of 64");
  }
  if (binding.offset > memory.size() || memory.size() - binding.offset < slot.bytes) {
    bad(" needs " + std::to_string(slot.bytes) + " bytes at offset " +
        std::to_string(binding.offset) + ", the buffer has " + std::to_string(memory.size()));
  }
  if (slot.output && memory.access() == DeviceAccess::kReadOnly) {
    bad(" is an output, and the device may only read the buffer");
  }
}

void Queue::place_bindings(const Code& code, std::span<const BindingRequest> bindings,
                           JobRecord& record) {
  const auto& slots = code.image().bindings;
  ranges_.assign(slots.size(), {});
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    const auto& binding = bindings[i];
    auto position = i;
    if (binding.name != nullptr) {
      const auto found = code.find_binding(binding.name);
      if (!found) refuse(std::string("the program has no binding named ") + binding.name);
      position = *found;
    } else if (i >= slots.size()) {
      refuse("binding " + std::to_string(i) + ": the program has only " +
             std::to_string(slots.size()));
    }
    check_binding(slots[position], binding, ranges_[position].size != 0);
    auto& memory = *binding.memory;
    const auto& slot = slots[position];
    ranges_[position] = {memory.va() + binding.offset, slot.bytes};
    record.memory.push_back({Ref<Memory>::share(&memory), slot.output});
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (ranges_[i].size == 0) refuse("no buffer is given for binding " + slots[i].name);
  }
}

std::uint64_t Queue::submit(ProgramData& program, std::span<const BindingRequest> bindings,
                            const SyncRequest& sync) {
  if (!runs_programs_) {
    throw Error(HALYARD_UNSUPPORTED, "the engines of this queue's class do not run programs");
  }
  const auto code = sync.profile != nullptr ? program.profiled_code() : program.code();
  auto& plugin = device_->plugin();
  Ref<Memory> profile;
  if (sync.profile != nullptr) profile = sync.profile->prepare(code);
  const auto number =
      enqueue(sync, plugin.arena_bytes(code->image().bindings.size()), [&](JobRecord& record) {
        const auto& image = code->image();
        place_bindings(*code, bindings, record);
        Placement placement;
        placement.stream = code->stream_range();
        placement.constants = code->constants_range();
        placement.scratch = place_scratch(image.scratch_bytes, record);
        if (profile) {
          placement.profile = {profile->va(), image.profile_bytes};
          record.memory.push_back({profile, true});
        }
        placement.bindings = ranges_;
        placement.arena = record.arena;
        record.code = code;
        plugin.encode(image, placement, payload_);
      });
  if (sync.profile != nullptr) sync.profile->attach(timeline_, number);
  return number;
}

namespace {

void check_range(const Device& device, const MemoryRange& range, bool write, const char* what) {
  if (!range.memory.is_in(const_cast<Device&>(device).vm())) {
    refuse(std::string(what) + " belongs to another device");
  }
  if (range.size == 0) refuse("bytes is 0");
  if (range.offset > range.memory.size() || range.memory.size() - range.offset < range.size) {
    refuse(std::string(what) + " has " + std::to_string(range.memory.size()) + " bytes, not " +
           std::to_string(range.size) + " at offset " + std::to_string(range.offset));
  }
  if (write && range.memory.access() == DeviceAccess::kReadOnly) {
    refuse(std::string("the device may only read ") + what);
  }
}

void check_no_profile(const SyncRequest& sync) {
  if (sync.profile != nullptr) {
    throw Error(HALYARD_UNSUPPORTED, "only programs take profiles");
  }
}

DeviceRange device_range(const MemoryRange& range) {
  return {range.memory.va() + range.offset, range.size};
}

}  // namespace

std::uint64_t Queue::copy(const MemoryRange& dst, const MemoryRange& src, const SyncRequest& sync) {
  check_no_profile(sync);
  check_range(*device_, dst, true, "the destination");
  check_range(*device_, src, false, "the source");
  const auto to = device_range(dst);
  const auto from = device_range(src);
  if (to.va < from.va + from.size && from.va < to.va + to.size) {
    refuse("source and destination overlap");
  }
  auto& plugin = device_->plugin();
  return enqueue(sync, plugin.arena_bytes(2), [&](JobRecord& record) {
    record.memory.push_back({Ref<Memory>::share(&dst.memory), true});
    record.memory.push_back({Ref<Memory>::share(&src.memory), false});
    plugin.encode_copy(to, from, record.arena, payload_);
  });
}

std::uint64_t Queue::fill(const MemoryRange& dst, std::uint32_t pattern, const SyncRequest& sync) {
  check_no_profile(sync);
  check_range(*device_, dst, true, "the buffer");
  if (dst.offset % 4 != 0 || dst.size % 4 != 0) refuse("offset and bytes must be multiples of 4");
  auto& plugin = device_->plugin();
  return enqueue(sync, plugin.arena_bytes(1), [&](JobRecord& record) {
    record.memory.push_back({Ref<Memory>::share(&dst.memory), true});
    plugin.encode_fill(device_range(dst), pattern, record.arena, payload_);
  });
}

std::uint64_t Queue::barrier(const SyncRequest& sync) {
  check_no_profile(sync);
  auto& plugin = device_->plugin();
  return enqueue(sync, plugin.arena_bytes(0),
                 [&](JobRecord& record) { plugin.encode_empty(record.arena, payload_); });
}

}  // namespace halyard::hal
