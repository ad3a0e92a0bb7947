// SPDX-License-Identifier: MIT
#include "digest.hpp"

#include <bit>

namespace halyard::hal {

static_assert(std::endian::native == std::endian::little);
static_assert(Digest::kSize == SHA256_DIGEST_LENGTH);

Digest::Digest() {
  SHA256Init(&context_);
}

void Digest::update(std::span<const std::byte> bytes) {
  SHA256Update(&context_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

void Digest::update_string(std::string_view text) {
  update_value(static_cast<std::uint64_t>(text.size()));
  update(std::as_bytes(std::span(text)));
}

Digest::Value Digest::finish() {
  Value value;
  SHA256Final(reinterpret_cast<std::uint8_t*>(value.data()), &context_);
  return value;
}

std::string Digest::hex() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * kSize);
  for (const auto byte : finish()) {
    const auto value = std::to_integer<unsigned>(byte);
    text += kDigits[value >> 4U];
    text += kDigits[value & 15U];
  }
  return text;
}

}  // namespace halyard::hal
