// SPDX-License-Identifier: MIT
#include "chips/clipper/injector.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string>

namespace halyard::emu::clipper {

namespace {

constexpr std::array<std::string_view, CLP_NUM_INJECT> kNames = {"none",
                                                                 "hang",
                                                                 "page_fault",
                                                                 "illegal",
                                                                 "ecc",
                                                                 "irq_lost",
                                                                 "irq_late",
                                                                 "irq_spurious",
                                                                 "completion_torn",
                                                                 "completion_early",
                                                                 "queue_reset_fails",
                                                                 "engine_reset_fails",
                                                                 "function_reset_fails",
                                                                 "link_loss",
                                                                 "slow"};

[[noreturn]] void refuse(std::string_view text, const std::string& reason) {
  throw std::invalid_argument("injection \"" + std::string(text) + "\": " + reason);
}

std::uint32_t parse_number(std::string_view text, std::string_view number) {
  if (number == "any") return CLP_INJECT_ANY;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size())
    refuse(text, "\"" + std::string(number) + "\" is not a number of 32 bits");
  return value;
}

void parse_option(std::string_view text, std::string_view option, Injection& injection) {
  const auto equals = option.find('=');
  if (equals == std::string_view::npos)
    refuse(text, "\"" + std::string(option) + "\" has no value");
  const auto key = option.substr(0, equals);
  const auto value = parse_number(text, option.substr(equals + 1));
  if (key == "queue" || key == "engine" || key == "target") {
    injection.target = value;
  } else if (key == "skip") {
    injection.skip = value;
  } else if (key == "count") {
    injection.count = value;
  } else if (key == "arg") {
    injection.arg = value;
  } else {
    refuse(text, "\"" + std::string(key) + "\" is none of queue, engine, target, skip, count, arg");
  }
}

}  // namespace

Injection parse_injection(std::string_view text) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const auto* found = std::ranges::find(kNames, name);
  if (found == kNames.end() || name == kNames[CLP_INJECT_NONE])
    refuse(text, "\"" + std::string(name) + "\" is no kind of injection");
  Injection injection{.kind = static_cast<std::uint32_t>(found - kNames.begin())};
  if (colon == std::string_view::npos) return injection;
  auto rest = text.substr(colon + 1);
  for (;;) {
    const auto comma = rest.find(',');
    parse_option(text, rest.substr(0, comma), injection);
    if (comma == std::string_view::npos) return injection;
    rest.remove_prefix(comma + 1);
  }
}

void Injector::arm(const Injection& injection) {
  Injection normal = injection;
  if (normal.kind == CLP_INJECT_IRQ_SPURIOUS) {
    normal.skip = 0;
    normal.count = 1;
  }
  if (normal.kind == CLP_INJECT_IRQ_SPURIOUS || normal.kind == CLP_INJECT_FUNCTION_RESET_FAILS)
    normal.target = CLP_INJECT_ANY;
  const std::scoped_lock guard(mutex_);
  fired_.store(0, std::memory_order_relaxed);
  if (armed_.size() == kMaxArmed) armed_.erase(armed_.begin());
  if (normal.count > 0) armed_.push_back(normal);
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
    if (it->kind != kind || (it->target != CLP_INJECT_ANY && it->target != target)) continue;
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

}  // namespace halyard::emu::clipper
