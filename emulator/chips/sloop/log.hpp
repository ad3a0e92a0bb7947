// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The firmware's log: the newest bytes of a text that only grows.

#include <cstdint>
#include <string>
#include <string_view>

namespace halyard::emu::sloop {

/// Under the card's mutex.
class FirmwareLog {
 public:
  static constexpr std::size_t kKept = 64 << 10;

  void clear() {
    text_.clear();
    dropped_ = 0;
  }

  void append(std::string_view line) {
    text_ += line;
    if (text_.size() <= kKept) return;
    dropped_ += text_.size() - kKept;
    text_.erase(0, text_.size() - kKept);
  }

  struct Slice {
    std::uint64_t offset;  ///< of the first byte, counted from the start
    std::string_view text;
  };
  /// At most `size` bytes from `offset` on, or from the oldest that is kept.
  [[nodiscard]] Slice read(std::uint64_t offset, std::uint32_t size) const {
    if (offset < dropped_) offset = dropped_;
    if (offset - dropped_ > text_.size()) offset = dropped_ + text_.size();
    return {offset, std::string_view(text_).substr(offset - dropped_, size)};
  }

 private:
  std::string text_;
  std::uint64_t dropped_ = 0;  ///< bytes before `text_`
};

}  // namespace halyard::emu::sloop
