// SPDX-License-Identifier: MIT
#include "chips/common/injector.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string>

namespace halyard::emu {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& reason) {
  throw std::invalid_argument("injection \"" + std::string(text) + "\": " + reason);
}

std::uint32_t parse_number(std::string_view text, std::string_view number) {
  if (number == "any") return kAnyTarget;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size())
    refuse(text, "\"" + std::string(number) + "\" is not a number of 32 bits");
  return value;
}

[[noreturn]] void refuse_key(std::string_view text, std::string_view key,
                             const InjectionWords& words) {
  std::string known;
  for (const std::string_view target : words.targets)
    known += std::string(target) + ", ";
  refuse(text, "\"" + std::string(key) + "\" is none of " + known + "skip, count, arg");
}

void parse_option(std::string_view text, std::string_view option, const InjectionWords& words,
                  Injection& injection) {
  const auto equals = option.find('=');
  if (equals == std::string_view::npos)
    refuse(text, "\"" + std::string(option) + "\" has no value");
  const auto key = option.substr(0, equals);
  const auto value = parse_number(text, option.substr(equals + 1));
  if (std::ranges::find(words.targets, key) != words.targets.end()) {
    injection.target = value;
  } else if (key == "skip") {
    injection.skip = value;
  } else if (key == "count") {
    injection.count = value;
  } else if (key == "arg") {
    injection.arg = value;
  } else {
    refuse_key(text, key, words);
  }
}

}  // namespace

Injection parse_injection(std::string_view text, const InjectionWords& words) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const auto found = std::ranges::find(words.kinds, name);
  if (found == words.kinds.end() || found == words.kinds.begin())
    refuse(text, "\"" + std::string(name) + "\" is no kind of injection");
  Injection injection{.kind = static_cast<std::uint32_t>(found - words.kinds.begin())};
  if (colon == std::string_view::npos) return injection;
  auto rest = text.substr(colon + 1);
  for (;;) {
    const auto comma = rest.find(',');
    parse_option(text, rest.substr(0, comma), words, injection);
    if (comma == std::string_view::npos) return injection;
    rest.remove_prefix(comma + 1);
  }
}

void Injector::arm(const Injection& injection) {
  const std::scoped_lock guard(mutex_);
  fired_.store(0, std::memory_order_relaxed);
  if (armed_.size() == kMaxArmed) armed_.erase(armed_.begin());
  if (injection.count > 0) armed_.push_back(injection);
  update_kinds();
}

void Injector::disarm_all() {
  const std::scoped_lock guard(mutex_);
  armed_.clear();
  update_kinds();
}

std::optional<std::uint32_t> Injector::search(std::uint32_t kind, std::uint32_t target) {
  const std::scoped_lock guard(mutex_);
  for (auto it = armed_.begin(); it != armed_.end(); ++it) {
    if (it->kind != kind || (it->target != kAnyTarget && it->target != target)) continue;
    if (it->skip > 0) {
      --it->skip;
      continue;
    }
    const std::uint32_t arg = it->arg;
    if (--it->count == 0) {
      armed_.erase(it);
      update_kinds();
    }
    fired_.fetch_add(1, std::memory_order_relaxed);
    return arg;
  }
  return std::nullopt;
}

void Injector::update_kinds() {
  std::uint32_t kinds = 0;
  for (const Injection& injection : armed_)
    kinds |= 1U << injection.kind;
  armed_kinds_.store(kinds, std::memory_order_relaxed);
}

}  // namespace halyard::emu
