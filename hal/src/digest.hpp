// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// SHA-256, by libmd.

#include <sha256.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace halyard::hal {

/// A SHA-256 under construction. One thread at a time.
class Digest {
 public:
  static constexpr std::size_t kSize = 32;
  using Value = std::array<std::byte, kSize>;

  Digest();

  void update(std::span<const std::byte> bytes);

  /// A number or enumerator as its bytes in memory: the library runs on little-endian machines
  /// only.
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void update_value(T value) { update(std::as_bytes(std::span<const T, 1>(&value, 1))); }

  /// Length first, so that neighbouring strings cannot run into one another.
  void update_string(std::string_view text);

  /// Ends the digest: nothing may be called after it.
  [[nodiscard]] Value finish();

  /// As finish(), in 64 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex();

 private:
  SHA2_CTX context_;
};

}  // namespace halyard::hal
