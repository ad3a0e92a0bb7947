// SPDX-License-Identifier: MIT
#include "chips/common/settings.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>

namespace halyard::emu {

std::vector<std::pair<std::string, std::string>> split_settings(
    const std::vector<std::string>& settings) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos)
      throw std::invalid_argument("setting \"" + setting + "\" is not NAME=VALUE");
    pairs.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return pairs;
}

std::uint64_t parse_size(const std::string& name, const std::string& value,
                         const SizeRange& range) {
  constexpr std::string_view kUnits = "KMG";
  std::uint64_t bytes = 0;
  const char* const last = value.data() + value.size();
  auto [end, error] = std::from_chars(value.data(), last, bytes);
  unsigned shift = 0;
  if (error == std::errc{} && end != last && kUnits.find(*end) != std::string_view::npos)
    shift = 10 * (static_cast<unsigned>(kUnits.find(*end++)) + 1);
  if (error != std::errc{} || end != last)
    throw std::invalid_argument("setting \"" + name + "\": \"" + value + "\" is no size");
  if (bytes > range.max >> shift || (bytes << shift) < range.min ||
      (bytes << shift) % range.step != 0)
    throw std::invalid_argument("setting \"" + name + "\": " + value + " is not from " +
                                std::to_string(range.min) + " to " + std::to_string(range.max) +
                                " bytes in steps of " + std::to_string(range.step));
  return bytes << shift;
}

void refuse_settings(const std::vector<std::string>& settings) {
  if (!settings.empty())
    throw std::invalid_argument("setting \"" + settings.front() + "\": this card has none");
}

}  // namespace halyard::emu
