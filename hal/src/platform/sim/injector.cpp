// SPDX-License-Identifier: MIT
#include "platform/sim/injector.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace halyard::hal::sim {

namespace {

constexpr std::array<std::pair<std::string_view, halyard_status>, 6> kCauses = {{
    {"hang", HALYARD_HANG},
    {"fault", HALYARD_FAULT},
    {"illegal", HALYARD_ILLEGAL_COMMAND},
    {"memory", HALYARD_MEMORY_ERROR},
    {"device", HALYARD_DEVICE_ERROR},
    {"lost", HALYARD_DEVICE_LOST},
}};

template <class T>
bool read_number(std::string_view text, T& value) {
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

std::optional<Injection> parse(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  Injection injection;
  for (const auto& [name, status] : kCauses) {
    if (text.substr(0, at) == name) injection.status = status;
  }
  auto numbers = text.substr(at + 1);
  if (const auto colon = numbers.find(':'); colon != std::string_view::npos) {
    if (!read_number(numbers.substr(colon + 1), injection.command)) return std::nullopt;
    numbers = numbers.substr(0, colon);
  }
  if (!read_number(numbers, injection.job) || injection.job == 0) return std::nullopt;
  if (injection.status == HALYARD_OK) return std::nullopt;
  return injection;
}

}  // namespace

Injector::Injector(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto item = rest.substr(0, rest.find(','));
    const auto injection = parse(item);
    if (!injection) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  "HALYARD_SIM_INJECT: \"" + std::string(item) +
                      "\" is not <hang|fault|illegal|memory|device|lost>@<job>[:<command>]");
    }
    injections_.push_back(*injection);
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
  }
}

std::optional<Injection> Injector::find(std::uint64_t job) const {
  for (const auto& injection : injections_) {
    if (injection.job == job) return injection;
  }
  return std::nullopt;
}

}  // namespace halyard::hal::sim
