// SPDX-License-Identifier: MIT
#include "timeline.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "clock.hpp"
#include "eventfd.hpp"
#include "small_vector.hpp"

namespace halyard::hal {

namespace {

/// How long a wait for a point that nobody has promised yet goes without looking whether an earlier
/// one failed.
constexpr std::int64_t kUnpromisedSlice = 20'000'000;
/// How long a wait stays with one device when points of others are waited for, too.
constexpr std::int64_t kDeviceSlice = 2'000'000;

}  // namespace

Timeline::Timeline(Ref<Device> device, Handle handle, bool foreign)
    : device_(std::move(device)), handle_(handle), foreign_(foreign) {}

Timeline::Timeline(Ref<Device> device, Handle handle, Ref<Ledger> ledger)
    : device_(std::move(device)), handle_(handle), ledger_(std::move(ledger)) {}

Timeline::~Timeline() {
  device_->failures().remove(*this);
  device_->os().timeline_destroy(handle_);
}

Ref<Timeline> Timeline::create(Ref<Device> device) {
  const auto handle = device->os().timeline_create();
  return Ref<Timeline>::adopt(new Timeline(std::move(device), handle, false));
}

Ref<Timeline> Timeline::import(Ref<Device> device, int fd) {
  const auto handle = device->os().timeline_import(fd);
  return Ref<Timeline>::adopt(new Timeline(std::move(device), handle, true));
}

void Timeline::check_promise(const Lock&, std::uint64_t value) const {
  if (value > promised_) return;
  throw Error(HALYARD_INVALID_ARGUMENT, "point " + std::to_string(value) +
                                            " is not greater than point " +
                                            std::to_string(promised_) + ", promised before");
}

void Timeline::promise(const Lock&, std::uint64_t value, const Ref<Ledger>& ledger,
                       std::uint64_t job) noexcept {
  auto& promise = promises_.push();
  promise.from = promised_ + 1;
  promise.value = value;
  promise.ledger = ledger;
  promise.job = job;
  promised_ = value;
}

void Timeline::signal(std::uint64_t value) {
  if (of_queue()) {
    throw Error(HALYARD_INVALID_ARGUMENT, "only its queue advances a queue's timeline");
  }
  const auto held = lock();
  check_promise(held, value);
  device_->os().timeline_signal(handle_, value);
  promised_ = value;
}

void Timeline::fail(const Lock&, std::uint64_t from, FailureRef failure) {
  failed_from_ = from;
  failure_ = std::move(failure);
  while (!promises_.empty()) {
    promises_.front().ledger = {};
    promises_.pop_front();
  }
}

void Timeline::settle_promises(const Lock& held, std::uint64_t value, bool reached,
                               Ref<Ledger>& unconfirmed) {
  // The first promise at or above the point decides it.
  while (!failure_ && !promises_.empty() && reached_ < value) {
    auto& promise = promises_.front();
    // What is below it may be another process's.
    if (foreign_ && value < promise.value) return;
    const auto ledger = promise.ledger;
    const auto lock = ledger->lock();
    switch (ledger->settle(lock, promise.job, reached && promise.from <= value)) {
      case Ledger::State::kPending:
        return;
      case Ledger::State::kUnconfirmed:
        unconfirmed = ledger;
        return;
      case Ledger::State::kFailed:
        fail(held, foreign_ ? promise.value : promise.from, ledger->failure(lock));
        return;
      case Ledger::State::kDone:
        break;
    }
    reached_ = std::max(reached_, promise.value);
    promise.ledger = {};
    promises_.pop_front();
  }
}

Timeline::State Timeline::settle_queue(std::uint64_t value, bool reached,
                                       Ref<Ledger>& unconfirmed) {
  const auto lock = ledger_->lock();
  switch (ledger_->settle(lock, value, reached)) {
    case Ledger::State::kDone:
      return State::kReached;
    case Ledger::State::kFailed:
      throw Error(*ledger_->failure(lock));
    case Ledger::State::kUnconfirmed:
      unconfirmed = ledger_;
      break;
    case Ledger::State::kPending:
      break;
  }
  return value > ledger_->submitted(lock) ? State::kUnpromised : State::kAwaited;
}

Timeline::State Timeline::settle_some(std::uint64_t value, bool reached, Ref<Ledger>& unconfirmed) {
  if (of_queue()) return settle_queue(value, reached, unconfirmed);
  const auto held = lock();
  settle_promises(held, value, reached, unconfirmed);
  if (failure_ && value >= failed_from_) throw Error(*failure_);
  if (unconfirmed) return State::kAwaited;
  if (reached && reached_ < value) {
    if (foreign_) {
      if (const auto status = device_->os().point_status(point(value)); status != HALYARD_OK) {
        ErrorDetails details;
        details.device = device_->facts().path;
        throw Error(status,
                    "point " + std::to_string(value) + " of a shared timeline failed with " +
                        halyard_status_name(status),
                    details);
      }
    }
    reached_ = value;
  }
  if (value <= reached_) return State::kReached;
  return value > promised_ && !foreign_ ? State::kUnpromised : State::kAwaited;
}

Timeline::State Timeline::settle(std::uint64_t value, bool reached) {
  for (;;) {
    Ref<Ledger> unconfirmed;
    const auto state = settle_some(value, reached, unconfirmed);
    if (!unconfirmed) return state;
    unconfirmed->confirm();
  }
}

std::uint64_t Timeline::last_promise() {
  if (of_queue()) {
    const auto lock = ledger_->lock();
    const auto submitted = ledger_->submitted(lock);
    return ledger_->done(lock) < submitted ? submitted : 0;
  }
  const auto held = lock();
  return promises_.empty() ? 0 : promises_.back().value;
}

std::uint64_t Timeline::query_queue() {
  ledger_->confirm_all();
  std::uint64_t submitted = 0;
  bool more = false;
  {
    const auto lock = ledger_->lock();
    submitted = ledger_->submitted(lock);
    more = ledger_->done(lock) < submitted && !ledger_->failure(lock);
  }
  if (more) {
    const auto value = std::min(device_->os().timeline_query(handle_), submitted);
    if (value > 0) static_cast<void>(settle(value, true));
  }
  const auto lock = ledger_->lock();
  if (ledger_->failure(lock) && ledger_->failed_from(lock) <= submitted) {
    throw Error(*ledger_->failure(lock));
  }
  return ledger_->confirmed(lock);
}

std::uint64_t Timeline::query() {
  if (of_queue()) return query_queue();
  const auto value = device_->os().timeline_query(handle_);
  if (value > 0) static_cast<void>(settle(value, true));
  std::uint64_t promised = 0;
  {
    const auto held = lock();
    promised = promised_;
  }
  // A job may be known to be done before the platform has noticed.
  if (promised > value) static_cast<void>(settle(promised, false));
  const auto held = lock();
  if (failure_) throw Error(*failure_);
  return std::max(value, reached_);
}

bool Timeline::promised(std::uint64_t value) {
  if (of_queue()) {
    const auto lock = ledger_->lock();
    return value <= ledger_->submitted(lock);
  }
  const auto held = lock();
  return value <= promised_;
}

Timeline::State Timeline::poll(std::uint64_t value) {
  const auto state = settle(value, false);
  const auto last = state == State::kUnpromised ? last_promise() : 0;
  if (last == 0) return state;
  const auto ended = point(last);
  if (!device_->os().wait({&ended, 1}, true, 0, nullptr)) return state;
  static_cast<void>(settle(last, true));
  return settle(value, false);
}

void Timeline::notify(std::uint64_t value, int eventfd) {
  device_->os().timeline_notify(handle_, value, eventfd);
  auto state = State::kReached;
  try {
    state = poll(value);
  } catch (const Error&) {
    // The platform does not know of the failure of a point that nobody promised.
    if (!promised(value)) ring_eventfd(eventfd);
  }
  if (state == State::kUnpromised) device_->failures().add(*this, value, eventfd);
}

int Timeline::export_fd() {
  const int fd = device_->os().timeline_export(handle_);
  const auto held = lock();
  foreign_ = true;
  return fd;
}

namespace {

/// One wait for several points.
class Wait {
 public:
  Wait(std::span<const Point> points, bool all, std::int64_t deadline)
      : points_(points), all_(all), deadline_(deadline) {
    for (std::size_t i = 0; i < points.size(); ++i)
      pending_.push_back(i);
  }

  std::size_t run() {
    for (;;) {
      if (const auto index = settle_pending()) return *index;
      if (pending_.empty()) return 0;
      if (wait_some()) continue;
      if (deadline_ == HALYARD_FOREVER || monotonic_ns() < deadline_) continue;
      // Past the deadline every point is still looked at once.
      if (!several_devices_ || ++misses_ >= pending_.size()) time_out();
    }
  }

 private:
  /// Drops the points that are reached. With `any` the first of them ends the wait.
  std::optional<std::size_t> settle_pending() {
    unpromised_ = false;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const auto& point = points_[pending_[i]];
      const auto state = point.timeline->settle(point.value, false);
      if (state == Timeline::State::kReached) {
        if (!all_) return pending_[i];
        continue;
      }
      unpromised_ |= state == Timeline::State::kUnpromised;
      pending_[kept++] = pending_[i];
    }
    pending_.resize(kept);
    return std::nullopt;
  }

  /// Waits until a point of one device ends, or a while. True when one did.
  bool wait_some() {
    auto& device = points_[pending_[turn_++ % pending_.size()]].timeline->device();
    SmallVector<Point, 8> awaited;
    std::size_t mine = 0;
    for (const auto index : pending_.span()) {
      const auto& point = points_[index];
      if (&point.timeline->device() != &device) continue;
      awaited.push_back(point);
      ++mine;
      if (!unpromised_) continue;
      const auto promised = point.timeline->last_promise();
      if (promised != 0 && promised < point.value) awaited.push_back({point.timeline, promised});
    }
    several_devices_ = mine < pending_.size();
    auto deadline = deadline_;
    if (unpromised_) deadline = std::min(deadline, monotonic_ns() + kUnpromisedSlice);
    if (several_devices_) deadline = std::min(deadline, monotonic_ns() + kDeviceSlice);
    SmallVector<SyncPoint, 8> waits;
    for (const auto& point : awaited.span())
      waits.push_back(point.timeline->point(point.value));
    std::size_t reached = 0;
    if (!device.os().wait(waits.span(), false, deadline, &reached)) return false;
    static_cast<void>(awaited[reached].timeline->settle(awaited[reached].value, true));
    return true;
  }

  [[noreturn]] void time_out() const {
    const auto& point = points_[pending_[0]];
    ErrorDetails details;
    details.device = point.timeline->device().facts().path;
    throw Error(HALYARD_TIMEOUT,
                "the deadline passed before point " + std::to_string(point.value) +
                    (pending_.size() > 1
                         ? " and " + std::to_string(pending_.size() - 1) + " others were reached"
                         : " was reached"),
                details);
  }

  std::span<const Point> points_;
  const bool all_;
  const std::int64_t deadline_;
  SmallVector<std::size_t, 8> pending_;
  bool unpromised_ = false;
  bool several_devices_ = false;
  std::size_t turn_ = 0, misses_ = 0;
};

}  // namespace

std::size_t wait(std::span<const Point> points, bool all, std::int64_t deadline_ns) {
  return Wait(points, all, deadline_ns).run();
}

}  // namespace halyard::hal
