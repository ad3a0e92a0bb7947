// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A first-in first-out queue that allocates only to grow.

#include <cstddef>
#include <utility>
#include <vector>

namespace halyard::hal {

/// Slots are never destroyed but used again: push() and push_front() return a slot as it was left,
/// so that an element's own storage serves the next one, too. Whoever pops gives up beforehand what
/// the element must not hold on to. Not synchronised.
template <class T>
class Ring {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T& front() { return slots_[first_]; }
  [[nodiscard]] T& back() { return (*this)[size_ - 1]; }
  [[nodiscard]] T& operator[](std::size_t index) { return slots_[(first_ + index) & mask()]; }

  /// Makes sure that the next `count` push() do not allocate.
  void reserve(std::size_t count) {
    while (size_ + count > slots_.size())
      grow();
  }
  T& push() {
    if (size_ == slots_.size()) grow();
    ++size_;
    return back();
  }
  T& push_front() {
    if (size_ == slots_.size()) grow();
    first_ = (first_ - 1) & mask();
    ++size_;
    return front();
  }
  void pop_front() {
    first_ = (first_ + 1) & mask();
    --size_;
  }
  void pop_back() { --size_; }

 private:
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }

  void grow() {
    std::vector<T> larger(slots_.empty() ? 16 : 2 * slots_.size());
    for (std::size_t i = 0; i < slots_.size(); ++i)
      larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;
  std::size_t first_ = 0, size_ = 0;
};

}  // namespace halyard::hal
