// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Where encoders write their streams.

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace halyard::hal::lowering {

class VectorSink {
 public:
  explicit VectorSink(std::vector<std::byte>& bytes) : bytes_(bytes) {}
  void append(std::span<const std::byte> data) {
    bytes_.insert(bytes_.end(), data.begin(), data.end());
  }

 private:
  std::vector<std::byte>& bytes_;
};

/// Memory of a fixed size, which must suffice: its owner computed it.
class SpanSink {
 public:
  explicit SpanSink(std::span<std::byte> bytes) : bytes_(bytes) {}
  void append(std::span<const std::byte> data) {
    std::memcpy(bytes_.subspan(used_, data.size()).data(), data.data(), data.size());
    used_ += data.size();
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::span<std::byte> bytes_;
  std::size_t used_ = 0;
};

}  // namespace halyard::hal::lowering
