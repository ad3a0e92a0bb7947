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
      engine_class_(engine_class),
      ledger_(std::move(ledger)),
      timeline_(std::move(timeline)),
      arenas_(device_->vm()),
      buffers_(device_->facts()) {
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
    buffers_.clear();
    record.arena = {slot.host, buffers_.add(*slot.memory, slot.offset, slot.host.size(), true).va};
    record.waits = std::move(waits);
    payload_.clear();
    encode(record);
    hand_over(lock, sync, number);
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

void Queue::hand_over(const Ledger::Lock&, const SyncRequest& sync, std::uint64_t number) {
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
  const JobRequest job{.queue = ledger_->queue(),
                       .payload = payload_,
                       .buffers = buffers_.uses(),
                       .waits = waits_,
                       .signals = signals_};
  device_->os().submit({&job, 1});
}

DeviceRange Queue::use(JobRecord& record, Memory& memory, std::uint64_t offset, std::uint64_t size,
                       bool write) {
  record.memory.push_back(Ref<Memory>::share(&memory));
  return buffers_.add(memory, offset, size, write);
}

DeviceRange Queue::use(JobRecord& record, const MemoryRange& range, bool write) {
  return use(record, range.memory, range.offset, range.size, write);
}

/// The record holds the code.
DeviceRange Queue::use(const Code& code, const Code::Part& part) {
  if (part.size == 0) return {};
  return buffers_.add(*code.memory(), part.offset, part.size, false);
}

void Queue::check_reach(const Memory& memory, const std::string& what) const {
  if (memory.in_job_region() || device_->plugin().reaches_all_memory(engine_class_)) return;
  throw Error(HALYARD_UNSUPPORTED,
              what + " is in the memory \"" + memory.region().name +
                  "\", which the engines of this queue's class do not reach: copy it to a buffer "
                  "of the device's own memory first");
}

DeviceRange Queue::place_scratch(std::uint64_t bytes, JobRecord& record) {
  if (bytes == 0) return {};
  if (!scratch_ || scratch_->size() < bytes) {
    // Jobs under way keep the old one.
    scratch_ = Memory::create(device_->vm(), bytes);
  }
  return use(record, *scratch_, 0, bytes, true);
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
  check_reach(memory, "the buffer of binding " + slot.name);
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
    ranges_[position] = use(record, memory, binding.offset, slot.bytes, slot.output);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (ranges_[i].size == 0) refuse("no buffer is given for binding " + slots[i].name);
  }
}

std::uint64_t Queue::submit(ProgramData& program, std::span<const BindingRequest> bindings,
                            const SyncRequest& sync) {
  auto& plugin = device_->plugin();
  if (!plugin.supports_graphs(engine_class_)) {
    throw Error(HALYARD_UNSUPPORTED, "the engines of this queue's class do not run programs");
  }
  const auto code = sync.profile != nullptr ? program.profiled_code() : program.code();
  const auto& image = code->image();
  Ref<Memory> profile;
  if (sync.profile != nullptr) profile = sync.profile->prepare(code);
  const auto number = enqueue(sync, plugin.arena_bytes(image), [&](JobRecord& record) {
    place_bindings(*code, bindings, record);
    Placement placement;
    placement.stream = use(*code, code->stream_part());
    placement.constants = use(*code, code->constants_part());
    placement.scratch = place_scratch(image.scratch_bytes, record);
    if (profile) placement.profile = use(record, *profile, 0, image.profile_bytes, true);
    placement.bindings = ranges_;
    placement.arena = record.arena;
    record.code = code;
    plugin.encode(image, placement, payload_);
  });
  if (sync.profile != nullptr) sync.profile->attach(timeline_, number);
  return number;
}

void Queue::check_range(const MemoryRange& range, bool write, const char* what) const {
  if (!range.memory.is_in(device_->vm())) {
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
  check_reach(range.memory, what);
}

template <class Encode>
std::uint64_t Queue::enqueue_builtin(const char* name, const SyncRequest& sync, Encode encode) {
  Ref<Memory> profile;
  if (sync.profile != nullptr) profile = sync.profile->prepare(name);
  const auto number =
      enqueue(sync, device_->plugin().builtin_arena_bytes(), [&](JobRecord& record) {
        BuiltinJob job{.engine_class = engine_class_, .arena = record.arena, .profile = {}};
        if (profile) job.profile = use(record, *profile, 0, Profile::kBuiltinBytes, true);
        encode(record, job);
      });
  if (sync.profile != nullptr) sync.profile->attach(timeline_, number);
  return number;
}

std::uint64_t Queue::copy(const MemoryRange& dst, const MemoryRange& src, const SyncRequest& sync) {
  check_range(dst, true, "the destination");
  check_range(src, false, "the source");
  if (dst.memory.handle() == src.memory.handle() && dst.offset < src.offset + src.size &&
      src.offset < dst.offset + dst.size) {
    refuse("source and destination overlap");
  }
  return enqueue_builtin("copy", sync, [&](JobRecord& record, const BuiltinJob& job) {
    const auto to = use(record, dst, true);
    const auto from = use(record, src, false);
    device_->plugin().encode_copy(to, from, job, payload_);
  });
}

std::uint64_t Queue::fill(const MemoryRange& dst, std::uint32_t pattern, const SyncRequest& sync) {
  check_range(dst, true, "the buffer");
  if (dst.offset % 4 != 0 || dst.size % 4 != 0) refuse("offset and bytes must be multiples of 4");
  return enqueue_builtin("fill", sync, [&](JobRecord& record, const BuiltinJob& job) {
    const auto to = use(record, dst, true);
    device_->plugin().encode_fill(to, pattern, job, payload_);
  });
}

std::uint64_t Queue::barrier(const SyncRequest& sync) {
  return enqueue_builtin("barrier", sync, [&](JobRecord&, const BuiltinJob& job) {
    device_->plugin().encode_empty(job, payload_);
  });
}

}  // namespace halyard::hal
