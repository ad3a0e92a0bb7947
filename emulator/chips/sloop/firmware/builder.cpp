// SPDX-License-Identifier: MIT
#include "chips/sloop/firmware/builder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

namespace halyard::emu::sloop {

namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(const std::string& field, const std::string& reason) {
  throw std::runtime_error("description: " + field + " " + reason);
}

const Json& member(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) refuse(name, "is missing");
  return object.at(name);
}

std::uint32_t number(const Json& value, const char* name, std::uint32_t max) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > max)
    refuse(name, "is not a number up to " + std::to_string(max));
  return value.get<std::uint32_t>();
}

std::string text(const Json& value, const char* name) {
  if (!value.is_string()) refuse(name, "is not a string");
  return value.get<std::string>();
}

/// "major.minor.patch", as the header packs it.
std::uint32_t parse_version(const std::string& version) {
  constexpr std::array<std::uint32_t, 3> kMax = {255, 255, 65535};
  std::array<std::uint32_t, 3> parts{};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto [next, error] = std::from_chars(at, end, parts.at(i));
    const bool last = i + 1 == parts.size();
    if (error != std::errc{} || parts.at(i) > kMax.at(i) ||
        (last ? next != end : next == end || *next != '.'))
      refuse("version", "is not major.minor.patch");
    at = last ? next : next + 1;
  }
  return parts[0] << 24 | parts[1] << 16 | parts[2];
}

LogLevel parse_log(const std::string& level) {
  constexpr std::array<std::string_view, 3> kLevels = {"errors", "info", "debug"};
  const auto* found = std::ranges::find(kLevels, level);
  if (found == kLevels.end()) refuse("log", "is none of errors, info, debug");
  return static_cast<LogLevel>(found - kLevels.begin());
}

Program parse_program(const Json& json) {
  Program program;
  const Json& slices = member(json, "slice_us");
  if (!slices.is_array() || slices.size() != program.slice.size())
    refuse("slice_us", "is not an array of one number per priority");
  for (std::size_t i = 0; i < program.slice.size(); ++i)
    program.slice.at(i) = std::chrono::microseconds(number(slices.at(i), "slice_us", 1000000));
  program.watchdog =
      std::chrono::milliseconds(number(member(json, "watchdog_ms"), "watchdog_ms", 60000));
  program.log = parse_log(text(member(json, "log"), "log"));
  if (!decode_program(encode_program(program))) refuse("program", "has a value out of range");
  return program;
}

}  // namespace

Description parse_description(const std::string& source) {
  const Json json = Json::parse(source, nullptr, false);
  if (json.is_discarded()) refuse("the file", "is not JSON");
  Description description;
  description.name = text(member(json, "name"), "name");
  if (description.name.size() >= sizeof(slp_firmware_header::name))
    refuse("name", "is longer than 31 bytes");
  description.version = parse_version(text(member(json, "version"), "version"));
  const Json& protocol = member(json, "protocol");
  description.protocol_min =
      static_cast<std::uint16_t>(number(member(protocol, "min"), "min", 65535));
  description.protocol_max =
      static_cast<std::uint16_t>(number(member(protocol, "max"), "max", 65535));
  if (description.protocol_min > description.protocol_max) refuse("protocol", "is empty");
  description.security = number(member(json, "security"), "security", UINT32_MAX);
  description.program = parse_program(member(json, "program"));
  return description;
}

slp_firmware_header make_header(const Description& description,
                                std::span<const std::byte> payload) {
  slp_firmware_header header{};
  header.magic = SLP_FW_MAGIC;
  header.header_size = sizeof(header);
  header.chip = SLP_ID_VALUE;
  header.version = description.version;
  header.protocol_min = description.protocol_min;
  header.protocol_max = description.protocol_max;
  header.security = description.security;
  header.payload_size = static_cast<std::uint32_t>(payload.size());
  std::ranges::copy(description.name, header.name);
  return header;
}

std::vector<std::byte> seal_image(slp_firmware_header header, std::span<const std::byte> payload,
                                  const SigningKey& key) {
  std::ranges::copy(sha256(payload), header.sha256);
  std::vector<std::byte> image(sizeof(header) + payload.size());
  std::memcpy(image.data(), &header, sizeof(header));
  key.sign(std::span(image).first(kSignedBytes), header.signature);
  std::memcpy(image.data(), &header, sizeof(header));
  std::ranges::copy(payload, image.begin() + sizeof(header));
  return image;
}

std::vector<std::byte> build_image(const Description& description, const SigningKey& key) {
  const auto payload = encode_program(description.program);
  return seal_image(make_header(description, payload), payload, key);
}

}  // namespace halyard::emu::sloop
