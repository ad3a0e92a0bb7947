// SPDX-License-Identifier: MIT
#include "chips/common/interrupts.hpp"

namespace halyard::emu {

void Interrupts::send(std::uint32_t vectors) {
  if (muted_.load(std::memory_order_relaxed)) return;
  for (unsigned vector = 0; vector < vectors_; ++vector) {
    if ((vectors >> vector & 1U) == 0) continue;
    sent_.fetch_add(1, std::memory_order_relaxed);
    host_->raise(vector);
  }
}

void Interrupts::raise(unsigned vector) {
  std::uint32_t vectors = 1U << vector;
  {
    const std::scoped_lock guard(mutex_);
    status_ |= vectors;
    vectors &= enabled_;
  }
  send(vectors);
}

void Interrupts::raise_lost(unsigned vector) {
  const std::scoped_lock guard(mutex_);
  status_ |= 1U << vector;
}

void Interrupts::send_spurious(unsigned vector) {
  if (vector < vectors_) send(1U << vector & enabled());
}

std::uint32_t Interrupts::status() const {
  const std::scoped_lock guard(mutex_);
  return status_;
}

void Interrupts::acknowledge(std::uint32_t bits) {
  const std::scoped_lock guard(mutex_);
  status_ &= ~bits;
}

std::uint32_t Interrupts::enabled() const {
  const std::scoped_lock guard(mutex_);
  return enabled_;
}

void Interrupts::set_enabled(std::uint32_t bits) {
  std::uint32_t pending = 0;
  {
    const std::scoped_lock guard(mutex_);
    pending = status_ & bits & ~enabled_;
    enabled_ = bits;
  }
  send(pending);
}

void Interrupts::reset() {
  const std::scoped_lock guard(mutex_);
  status_ = enabled_ = 0;
}

}  // namespace halyard::emu
