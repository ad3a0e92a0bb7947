// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Makes and signs firmware images.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chips/sloop/firmware.hpp"

namespace halyard::emu::sloop {

/// An Ed25519 key that signs.
class SigningKey {
 public:
  /// From PEM text. Throws std::runtime_error when there is no such key in it.
  explicit SigningKey(const std::string& pem);
  ~SigningKey();
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;

  [[nodiscard]] PublicKey public_key() const;
  void sign(std::span<const std::byte> text, std::span<std::uint8_t, 64> signature) const;

 private:
  struct Key;
  std::unique_ptr<Key> key_;
};

/// What an image is built from.
struct Description {
  std::string name;
  std::uint32_t version = 0;
  std::uint16_t protocol_min = 0, protocol_max = 0;
  std::uint32_t security = 0;
  Program program;
};

/// From JSON as firmware.json has it. Throws std::runtime_error that names the field in question.
Description parse_description(const std::string& json);

/// The header without hash and signature.
slp_firmware_header make_header(const Description& description, std::span<const std::byte> payload);

/// Header and payload, hashed and signed.
std::vector<std::byte> seal_image(slp_firmware_header header, std::span<const std::byte> payload,
                                  const SigningKey& key);

std::vector<std::byte> build_image(const Description& description, const SigningKey& key);

}  // namespace halyard::emu::sloop
