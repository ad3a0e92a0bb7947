// SPDX-License-Identifier: MIT
#include "cases.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace halyard::faults {

namespace {

/// At most as many events pass as every batch of jobs has of each kind.
constexpr unsigned kMostSkipped = 3;
constexpr std::string_view kChurn = "+churn";

[[noreturn]] void refuse(const std::string& line, const std::string& reason) {
  throw std::invalid_argument("fault table: \"" + line + "\": " + reason);
}

void parse_outcome(const std::string& line, std::string word, Case& result) {
  if (word.ends_with(kChurn)) {
    result.churn = true;
    word.resize(word.size() - kChurn.size());
  }
  if (word == "harmless") {
    result.outcome = Outcome::kHarmless;
  } else if (word == "refused") {
    result.outcome = Outcome::kRefused;
  } else if (word == "lost") {
    result.outcome = Outcome::kLost;
  } else if (!word.empty() && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == word.npos) {
    result.outcome = Outcome::kGuilty;
    result.status = word;
  } else {
    refuse(line, "there is no outcome " + word);
  }
}

std::size_t parse_rung(const std::string& line, const std::string& word) {
  if (word == "-") return kNoRung;
  const auto* it = std::find(std::begin(kRungNames), std::end(kRungNames), word);
  if (it == std::end(kRungNames)) refuse(line, "there is no rung " + word);
  return static_cast<std::size_t>(it - std::begin(kRungNames));
}

Injection parse_injection(const std::string& line, const std::string& text) {
  std::istringstream words(text);
  Injection result;
  if (!(words >> result.kind)) refuse(line, "an injection is empty");
  result.early = result.kind.starts_with('?');
  if (result.early) result.kind.erase(0, 1);
  std::string count = "1";
  words >> result.target >> result.skip >> count >> result.argument;
  try {
    result.count = static_cast<unsigned>(std::stoul(count));
  } catch (const std::logic_error&) {
    refuse(line, count + " is no number of events");
  }
  if (std::string more; words >> more) refuse(line, "too many words before " + more);
  return result;
}

Case parse_case(const std::string& line) {
  std::istringstream words(line);
  Case result;
  std::string outcome, rung;
  if (!(words >> result.name >> outcome >> rung)) refuse(line, "too few words");
  parse_outcome(line, outcome, result);
  result.rung = parse_rung(line, rung);
  for (std::string text; std::getline(words, text, ';');)
    result.injections.push_back(parse_injection(line, text));
  if (result.injections.empty()) refuse(line, "nothing is injected");
  const auto about = [&](const Injection& injection) { return injection.kind == result.kind(); };
  if (std::none_of(result.injections.begin(), result.injections.end(), about))
    refuse(line, "it does not inject " + result.kind());
  return result;
}

}  // namespace

std::string Injection::line(std::mt19937& random) const {
  const std::string passed = skip == "*" ? std::to_string(random() % (kMostSkipped + 1)) : skip;
  return kind + ' ' + target + ' ' + passed + ' ' + std::to_string(count) + ' ' + argument;
}

unsigned Case::events() const {
  unsigned sum = 0;
  for (const auto& injection : injections)
    sum += injection.early ? 0 : injection.count;
  return sum;
}

std::vector<Case> parse_table(std::string_view text) {
  std::vector<Case> cases;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && !line.starts_with('#')) cases.push_back(parse_case(line));
  }
  return cases;
}

}  // namespace halyard::faults
