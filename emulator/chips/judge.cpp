// SPDX-License-Identifier: MIT
#include "chips/judge.hpp"

#include <cstdio>
#include <utility>

namespace halyard::emu {

namespace {

/// A JSON string. Bytes of 0x80 and above are taken for UTF-8.
void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", unsigned{byte});
      out += escape;
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

void Judge::report(std::string_view rule, std::string text) {
  const std::scoped_lock guard(mutex_);
  auto found = findings_.find(rule);
  if (found == findings_.end()) {
    found =
        findings_.emplace(std::string(rule), Finding{std::string(rule), std::move(text), 0}).first;
  }
  ++found->second.count;
}

std::vector<Finding> Judge::findings() const {
  const std::scoped_lock guard(mutex_);
  std::vector<Finding> all;
  all.reserve(findings_.size());
  for (const auto& [rule, finding] : findings_)
    all.push_back(finding);
  return all;
}

std::string Judge::to_json() const {
  std::string out = "{\"findings\": [";
  const char* separator = "";
  for (const Finding& finding : findings()) {
    out += separator;
    out += "{\"rule\": ";
    append_json(out, finding.rule);
    out += ", \"text\": ";
    append_json(out, finding.text);
    out += ", \"count\": " + std::to_string(finding.count) + "}";
    separator = ", ";
  }
  return out + "]}";
}

}  // namespace halyard::emu
