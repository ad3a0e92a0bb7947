// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What is the same in every card: registers behind one lock, the time since power-on, a link that
/// may be lost, and the block of registers by which tests ask for errors.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "chips/chip.hpp"
#include "chips/common/injector.hpp"
#include "chips/common/registers.hpp"
#include "chips/judge.hpp"
#include "chips/trace.hpp"

namespace halyard::emu {

/// A register of the injection block that describes an injection.
struct InjectField {
  std::uint16_t offset;  ///< in the block
  std::uint32_t Injection::*member;
};

/// `Block` is the chip's enumeration of its kinds of registers.
template <typename Block>
class RegisterCard : public Chip {
 public:
  RegisterCard(const RegisterCard&) = delete;
  RegisterCard& operator=(const RegisterCard&) = delete;

  void bar_read(unsigned bar, std::uint64_t offset, std::span<std::byte> data) final {
    std::ranges::fill(data, std::byte{0});
    if (bar != face_.bar) return;  // memory, MSI-X table and PBA: not served here
    const std::scoped_lock guard(mutex_);
    if (link_lost_ || asleep_) std::ranges::fill(data, std::byte{0xff});
    if (link_lost_) return;
    const auto ref = face_.find(offset);
    if (!accept(offset, data.size(), false, ref)) return;
    const std::uint32_t value = read_register(ref);
    std::memcpy(data.data(), &value, sizeof(value));
  }

  void bar_write(unsigned bar, std::uint64_t offset, std::span<const std::byte> data) final {
    if (bar != face_.bar) return;
    std::vector<std::function<void()>> actions;
    {
      const std::scoped_lock guard(mutex_);
      const auto ref = face_.find(offset);
      if (link_lost_ || !accept(offset, data.size(), true, ref)) return;
      std::uint32_t value = 0;
      std::memcpy(&value, data.data(), sizeof(value));
      write_register(ref, accept_value(value, face_.rules, ref, judge_));
      actions.swap(deferred_);
    }
    for (const auto& action : actions)
      action();
  }

 protected:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Lock = std::unique_lock<std::mutex>;

  /// The block after a reset.
  static constexpr Injection kNoInjection{.kind = 0, .target = 0, .skip = 0, .count = 0, .arg = 0};

  /// What a driver sees.
  struct Face {
    unsigned bar;  ///< that has the registers
    RegisterRef<Block> (*find)(std::uint64_t offset);
    RegisterRules rules;
    std::span<const InjectField> inject;
    std::uint16_t inject_arm, inject_fired;  ///< offsets in that block, too
  };

  RegisterCard(const Face& face, Judge& judge, Trace& trace)
      : judge_(judge), trace_(trace), face_(face) {}
  ~RegisterCard() override = default;

  // All with mutex_ held:
  [[nodiscard]] virtual std::uint32_t read_register(const RegisterRef<Block>& ref) = 0;
  /// `value` has no bits but those that may be written.
  virtual void write_register(const RegisterRef<Block>& ref, std::uint32_t value) = 0;
  /// Why only early registers may be accessed, or null.
  [[nodiscard]] virtual const char* not_ready() const = 0;
  /// The driver arms what the injection block describes.
  virtual void arm(Injection injection) = 0;

  /// For what a register access does without the lock.
  void after_unlock(std::function<void()> action) { deferred_.push_back(std::move(action)); }

  [[nodiscard]] std::uint32_t read_inject(std::uint16_t offset) const {
    if (offset == face_.inject_fired) return injector_.fired();
    const auto field = std::ranges::find(face_.inject, offset, &InjectField::offset);
    return field != face_.inject.end() ? injection_.*field->member : 0;
  }
  void write_inject(std::uint16_t offset, std::uint32_t value) {
    if (offset == face_.inject_arm) {
      if (value != 0) arm(injection_);
      return;
    }
    const auto field = std::ranges::find(face_.inject, offset, &InjectField::offset);
    if (field != face_.inject.end()) injection_.*field->member = value;
  }

  /// As after power-on; armed is what the command line asked for.
  void begin_power_on() {
    power_on_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    asleep_ = false;
    injector_.disarm_all();
    for (const Injection& injection : option_injections_)
      injector_.arm(injection);
  }

  /// Nanoseconds since power-on. Without the lock.
  [[nodiscard]] std::uint64_t timestamp() const {
    const auto now = Clock::now().time_since_epoch().count();
    const Clock::duration since{now - power_on_.load(std::memory_order_relaxed)};
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(since).count());
  }

  Judge& judge_;
  Trace& trace_;
  Injector injector_;
  std::vector<Injection> option_injections_;  ///< of the command line, set by the constructor
  std::function<std::uint64_t()> clock_ = [this] { return timestamp(); };

  mutable std::mutex mutex_;  ///< protects what the card's driver sees, and all below
  bool asleep_ = false;
  std::atomic<bool> link_lost_{false};
  Injection injection_ = kNoInjection;  ///< what the block describes
  std::uint32_t timestamp_high_ = 0;

 private:
  bool accept(std::uint64_t offset, std::size_t size, bool write, const RegisterRef<Block>& ref) {
    return accept_access({.offset = offset,
                          .size = size,
                          .write = write,
                          .asleep = asleep_,
                          .not_ready = not_ready()},
                         face_.rules, ref, judge_);
  }

  const Face face_;
  std::atomic<Clock::rep> power_on_{0};          ///< in Clock's ticks
  std::vector<std::function<void()>> deferred_;  ///< see after_unlock()
};

}  // namespace halyard::emu
