// SPDX-License-Identifier: MIT
#include "chips/dory/interrupt.hpp"

namespace halyard::emu::dory {

void Interrupt::send() {
  if (muted_.load(std::memory_order_relaxed)) return;
  sent_.fetch_add(1, std::memory_order_relaxed);
  host_->raise(0);
}

void Interrupt::raise(std::uint32_t bits) {
  bool now = false;
  {
    const std::scoped_lock guard(mutex_);
    const bool before = pending();
    lost_ = false;
    status_ |= bits;
    now = !before && pending();
  }
  if (now) send();
}

void Interrupt::raise_lost(std::uint32_t bits) {
  const std::scoped_lock guard(mutex_);
  status_ |= bits;
  lost_ = true;
}

void Interrupt::send_spurious() {
  if (enabled() != 0) send();
}

void Interrupt::acknowledge(std::uint32_t bits) {
  bool again = false;
  {
    const std::scoped_lock guard(mutex_);
    status_ &= ~bits;
    again = pending();
  }
  if (again) send();
}

void Interrupt::set_enabled(std::uint32_t bits) {
  bool now = false;
  {
    const std::scoped_lock guard(mutex_);
    enabled_ = bits;
    now = pending();
  }
  if (now) send();
}

std::uint32_t Interrupt::status() const {
  const std::scoped_lock guard(mutex_);
  return status_;
}

std::uint32_t Interrupt::enabled() const {
  const std::scoped_lock guard(mutex_);
  return enabled_;
}

void Interrupt::reset() {
  const std::scoped_lock guard(mutex_);
  status_ = enabled_ = 0;
  lost_ = false;
  sent_.store(0, std::memory_order_relaxed);
}

}  // namespace halyard::emu::dory
