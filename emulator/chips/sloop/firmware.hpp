// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Firmware images: what the boot ROM checks, and what the controller obeys. The payload is the
/// scheduler's program: a table of settings.

#include <sloop/sloop_regs.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace halyard::emu::sloop {

static_assert(sizeof(slp_firmware_header) == 192);

/// An Ed25519 public key.
using PublicKey = std::array<std::uint8_t, 32>;
using Sha256 = std::array<std::uint8_t, 32>;

/// Bytes of the header that the signature covers.
inline constexpr std::size_t kSignedBytes = offsetof(slp_firmware_header, signature);

enum class LogLevel : std::uint8_t { kErrors, kInfo, kDebug };

/// What the firmware makes the controller do.
struct Program {
  /// By priority: for how long a queue may keep an engine from others of its priority.
  std::array<std::chrono::microseconds, SLP_NUM_PRIORITIES> slice{};
  std::chrono::milliseconds watchdog{};  ///< an engine without progress is reported after this
  LogLevel log = LogLevel::kInfo;
};

struct Firmware {
  std::string name;
  std::uint32_t version = 0;
  Program program;
};

struct BootRom {
  PublicKey key;
  std::uint32_t security = 0;  ///< lowest security number accepted
};

/// The ROM of the cards made here: it trusts the test key.
const BootRom& boot_rom();

/// SLP_BOOT_*: the checks in the order of their numbers' description in the manual. `firmware` is
/// filled in when the answer is SLP_BOOT_OK.
std::uint32_t verify_image(std::span<const std::byte> image, std::uint32_t protocol,
                           const BootRom& rom, Firmware& firmware);

/// One sentence per SLP_BOOT_*.
const char* boot_status_text(std::uint32_t status);

std::vector<std::byte> encode_program(const Program& program);
/// Nothing when it is not a table that this controller understands.
std::optional<Program> decode_program(std::span<const std::byte> payload);

Sha256 sha256(std::span<const std::byte> bytes);

}  // namespace halyard::emu::sloop
