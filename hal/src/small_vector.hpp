// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace halyard::hal {

/// A vector of plain values whose first N need no allocation: for the short lists of a submit or a
/// wait.
template <class T, std::size_t N>
requires std::is_trivially_copyable_v<T>
class SmallVector {
 public:
  void push_back(const T& value) {
    if (size_ < N) {
      inline_[size_] = value;
    } else {
      if (size_ == N) heap_.assign(inline_.begin(), inline_.end());
      heap_.push_back(value);
    }
    ++size_;
  }
  /// Only to a smaller size.
  void resize(std::size_t size) {
    if (size_ > N) {
      if (size <= N) {
        for (std::size_t i = 0; i < size; ++i)
          inline_[i] = heap_[i];
      } else {
        heap_.resize(size);
      }
    }
    size_ = size;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* data() { return size_ > N ? heap_.data() : inline_.data(); }
  [[nodiscard]] const T* data() const { return size_ > N ? heap_.data() : inline_.data(); }
  T& operator[](std::size_t index) { return data()[index]; }
  const T& operator[](std::size_t index) const { return data()[index]; }
  [[nodiscard]] std::span<T> span() { return {data(), size_}; }
  [[nodiscard]] std::span<const T> span() const { return {data(), size_}; }

 private:
  std::array<T, N> inline_;
  std::vector<T> heap_;
  std::size_t size_ = 0;
};

}  // namespace halyard::hal
