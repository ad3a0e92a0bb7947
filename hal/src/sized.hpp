// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Structs that say their size: the caller may have been built with an older or a newer header.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "error.hpp"

namespace halyard::hal {

/// A C struct whose first member is `size`.
template <class T>
concept Sized = std::is_trivially_copyable_v<T> && std::is_same_v<decltype(T::size), std::size_t>;

/// Cuts where a UTF-8 character ends.
template <std::size_t N>
void copy_string(char (&out)[N], std::string_view text) noexcept {
  auto length = std::min(text.size(), N - 1);
  if (length < text.size()) {
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U)
      --length;
  }
  std::memcpy(out, text.data(), length);
  std::memset(out + length, 0, N - length);
}

/// Throws Error(HALYARD_INVALID_ARGUMENT) when `size` was not set.
inline void check_size(std::size_t size, const char* what) {
  if (size < sizeof(std::size_t)) {
    throw Error(HALYARD_INVALID_ARGUMENT, std::string(what) + ": size is not set");
  }
}

/// The number in an enumerator that came across the C interface: it may be none of the
/// enumeration's.
template <class T>
requires(std::is_enum_v<T> && sizeof(T) == sizeof(std::uint32_t)) std::uint32_t
    raw_value(const T& value)
noexcept {
  std::uint32_t raw = 0;
  std::memcpy(&raw, &value, sizeof(raw));
  return raw;
}

/// What the caller gave, with what its version lacks zero. Throws Error(HALYARD_INVALID_ARGUMENT)
/// when a member that this library does not know is in use.
template <Sized T>
T read_sized(const T* in, const char* what) {
  check_size(in->size, what);
  const auto* bytes = reinterpret_cast<const std::byte*>(in);
  for (std::size_t i = sizeof(T); i < in->size; ++i) {
    if (bytes[i] != std::byte{0}) {
      throw Error(HALYARD_INVALID_ARGUMENT, std::string(what) + ": byte " + std::to_string(i) +
                                                " is set, which this library does not know");
    }
  }
  T value{};
  std::memcpy(&value, in, std::min(in->size, sizeof(T)));
  value.size = sizeof(T);
  return value;
}

/// Fills in as much as the caller's struct has room for; its own `size`, already checked, stays.
template <Sized T>
void write_sized(T* out, const T& value) noexcept {
  const auto size = out->size;
  const auto known = std::min(size, sizeof(T));
  std::memcpy(out, &value, known);
  out->size = size;
  if (size > known) std::memset(reinterpret_cast<std::byte*>(out) + known, 0, size - known);
}

/// For functions that list: `*count` is how many elements `out` has room for and returns how many
/// there are. `out` may be null; else its first element's size is the stride.
template <Sized T, class Range>
void write_list(T* out, std::size_t* count, const Range& values, const char* what) {
  if (count == nullptr) throw Error(HALYARD_INVALID_ARGUMENT, "count is NULL");
  if (out != nullptr && *count > 0) {
    const auto stride = out->size;
    check_size(stride, what);
    if (stride % alignof(T) != 0) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  std::string(what) + ": size is not a multiple of " + std::to_string(alignof(T)));
    }
    auto* bytes = reinterpret_cast<std::byte*>(out);
    std::size_t room = *count;
    for (const T& value : values) {
      if (room-- == 0) break;
      auto* element = reinterpret_cast<T*>(bytes);
      element->size = stride;
      write_sized(element, value);
      bytes += stride;
    }
  }
  *count = std::size(values);
}

}  // namespace halyard::hal
