// SPDX-License-Identifier: MIT
#include "chips/sloop/firmware.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace halyard::emu::sloop {

namespace {

/// The public half of firmware/test-key.pem.
constexpr PublicKey kTestKey = {0xe1, 0xb0, 0xb5, 0xc4, 0xa0, 0xd7, 0x88, 0x7c, 0xe6, 0x36, 0x3b,
                                0x76, 0x65, 0x5c, 0x99, 0xcd, 0xaf, 0x7c, 0x22, 0x34, 0x3c, 0xf7,
                                0xbe, 0xe3, 0x03, 0xa1, 0x9e, 0xc9, 0x29, 0xf7, 0xe3, 0xac};

// ---- The program's table
// -------------------------------------------------------------------------

struct Setting {
  std::uint32_t key;
  std::uint32_t value;
};

enum Key : std::uint32_t { kSliceUs = 1, kWatchdogMs = kSliceUs + SLP_NUM_PRIORITIES, kLog, kEnd };
constexpr unsigned kSettings = kEnd - kSliceUs;

struct Range {
  std::uint32_t min, max;
};

Range range_of(std::uint32_t key) {
  if (key == kWatchdogMs) return {10, 60000};
  if (key == kLog) return {0, static_cast<std::uint32_t>(LogLevel::kDebug)};
  return {50, 1000000};
}

void apply(const Setting& setting, Program& program) {
  if (setting.key == kWatchdogMs) {
    program.watchdog = std::chrono::milliseconds(setting.value);
  } else if (setting.key == kLog) {
    program.log = static_cast<LogLevel>(setting.value);
  } else {
    program.slice.at(setting.key - kSliceUs) = std::chrono::microseconds(setting.value);
  }
}

// ---- Cryptography
// --------------------------------------------------------------------------------

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

bool signature_holds(std::span<const std::byte> text, const slp_firmware_header& header,
                     const PublicKey& key) {
  const std::unique_ptr<EVP_PKEY, FreeKey> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return pkey && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), header.signature, sizeof(header.signature),
                          raw(text.data()), text.size()) == 1;
}

// ---- The header
// ----------------------------------------------------------------------------------

std::uint32_t check_header(const slp_firmware_header& header, std::size_t image_size) {
  if (header.magic != SLP_FW_MAGIC) return SLP_BOOT_BAD_MAGIC;
  const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
  if (header.header_size != sizeof(header) || header.reserved != 0 || header.payload_size == 0 ||
      !std::ranges::all_of(header.reserved2, is_zero) ||
      std::ranges::find(header.name, '\0') == std::end(header.name))
    return SLP_BOOT_BAD_HEADER;
  if (header.chip != SLP_ID_VALUE) return SLP_BOOT_WRONG_CHIP;
  const std::size_t behind = image_size - sizeof(header);
  if (behind < header.payload_size) return SLP_BOOT_TRUNCATED;
  return behind > header.payload_size ? SLP_BOOT_WRONG_SIZE : SLP_BOOT_OK;
}

std::uint32_t check_age(const slp_firmware_header& header, std::uint32_t protocol,
                        std::uint32_t security) {
  if (header.security < security) return SLP_BOOT_ROLLBACK;
  if (header.protocol_max < protocol) return SLP_BOOT_TOO_OLD;
  return header.protocol_min > protocol ? SLP_BOOT_TOO_NEW : SLP_BOOT_OK;
}

}  // namespace

const BootRom& boot_rom() {
  static constexpr BootRom kRom{.key = kTestKey, .security = 2};
  return kRom;
}

std::uint32_t verify_image(std::span<const std::byte> image, std::uint32_t protocol,
                           const BootRom& rom, Firmware& firmware) {
  slp_firmware_header header;
  if (image.size() < sizeof(header)) return SLP_BOOT_TRUNCATED;
  std::memcpy(&header, image.data(), sizeof(header));
  if (const auto status = check_header(header, image.size()); status != SLP_BOOT_OK) return status;
  const auto payload = image.subspan(sizeof(header));
  if (!std::ranges::equal(sha256(payload), header.sha256)) return SLP_BOOT_BAD_HASH;
  if (!signature_holds(image.first(kSignedBytes), header, rom.key)) return SLP_BOOT_BAD_SIGNATURE;
  if (const auto status = check_age(header, protocol, rom.security); status != SLP_BOOT_OK)
    return status;
  const auto program = decode_program(payload);
  if (!program) return SLP_BOOT_BAD_PAYLOAD;
  firmware = {.name = header.name, .version = header.version, .program = *program};
  return SLP_BOOT_OK;
}

const char* boot_status_text(std::uint32_t status) {
  static constexpr std::array<const char*, SLP_NUM_BOOT_STATUS> kTexts = {
      "accepted",
      "the image is truncated",
      "not a firmware image",
      "the header is malformed",
      "the image is for another chip",
      "the image is longer than its header says",
      "the payload's hash is wrong",
      "the signature is wrong",
      "the image's security number is below the card's",
      "the firmware is too old for the driver",
      "the firmware is too new for the driver",
      "the payload is no program for this controller",
      "an admin or event ring is not usable"};
  return status < kTexts.size() ? kTexts.at(status) : "unknown";
}

std::vector<std::byte> encode_program(const Program& program) {
  std::vector<Setting> table;
  for (std::uint32_t i = 0; i < SLP_NUM_PRIORITIES; ++i)
    table.push_back({kSliceUs + i, static_cast<std::uint32_t>(program.slice.at(i).count())});
  table.push_back({kWatchdogMs, static_cast<std::uint32_t>(program.watchdog.count())});
  table.push_back({kLog, static_cast<std::uint32_t>(program.log)});
  const auto bytes = std::as_bytes(std::span(table));
  return {bytes.begin(), bytes.end()};
}

std::optional<Program> decode_program(std::span<const std::byte> payload) {
  if (payload.size() != kSettings * sizeof(Setting)) return std::nullopt;
  Program program;
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < kSettings; ++i) {
    Setting setting;
    std::memcpy(&setting, payload.data() + i * sizeof(Setting), sizeof(Setting));
    if (setting.key < kSliceUs || setting.key >= kEnd) return std::nullopt;
    const Range range = range_of(setting.key);
    if (setting.value < range.min || setting.value > range.max) return std::nullopt;
    seen |= 1U << setting.key;
    apply(setting, program);
  }
  // As many settings as there are keys, each seen: none came twice.
  return seen == ((1U << kEnd) - (1U << kSliceUs)) ? std::optional(program) : std::nullopt;
}

Sha256 sha256(std::span<const std::byte> bytes) {
  Sha256 digest;
  unsigned size = digest.size();
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 is not available");
  return digest;
}

}  // namespace halyard::emu::sloop
