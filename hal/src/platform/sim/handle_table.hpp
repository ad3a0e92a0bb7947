// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "platform/platform.hpp"

namespace halyard::hal::sim {

/// Objects by small integers, from 1. A Value is default-made when free and true when in use. Not
/// synchronised.
template <class Value>
class HandleTable {
 public:
  explicit HandleTable(const char* what) : what_(what) {}

  Handle add(Value value) {
    if (!free_.empty()) {
      const auto handle = free_.back();
      values_[handle - 1] = std::move(value);
      free_.pop_back();
      return handle;
    }
    // remove() must not fail: there is room for every handle that it may give back.
    free_.reserve(values_.size() + 1);
    values_.push_back(std::move(value));
    return static_cast<Handle>(values_.size());
  }
  /// Throws Error(HALYARD_INVALID_ARGUMENT) for a stale or unknown handle, like the kernel's
  /// ENOENT.
  Value& at(Handle handle) {
    if (handle == 0 || handle > values_.size() || !values_[handle - 1]) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  "there is no " + std::string(what_) + " " + std::to_string(handle));
    }
    return values_[handle - 1];
  }
  /// An empty value when there is none.
  Value remove(Handle handle) noexcept {
    if (handle == 0 || handle > values_.size() || !values_[handle - 1]) return {};
    free_.push_back(handle);
    return std::exchange(values_[handle - 1], Value{});
  }
  template <class Body>
  void for_each(Body body) {
    for (auto& value : values_) {
      if (value) body(value);
    }
  }

 private:
  const char* what_;
  std::vector<Value> values_;
  std::vector<Handle> free_;
};

}  // namespace halyard::hal::sim
