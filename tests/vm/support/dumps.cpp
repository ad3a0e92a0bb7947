// SPDX-License-Identifier: MIT
#include "dumps.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "client.hpp"
#include "lost.hpp"

namespace halyard::test {

namespace fs = std::filesystem;

namespace {

/// A dump that there is; empty when there is none.
fs::path find_dump() {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/sys/class/devcoredump", error)) {
    if (entry.path().filename().string().starts_with("devcd")) {
      return entry.path() / "data";
    }
  }
  return {};
}

fs::path wait_for_dump() {
  for (int i = 0; i < 400; ++i) {
    if (fs::path dump = find_dump(); !dump.empty()) {
      return dump;
    }
    sleep_ms(50);
  }
  throw std::runtime_error("there is no dump");
}

/// The output of the tool; throws when it fails.
std::string print(const fs::path& dump) {
  const std::string command = std::string(HALYARD_TOOL) + " dump " + dump.string() + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    throw std::runtime_error("can't run " + command);
  }
  std::string text;
  std::array<char, 4096> piece{};
  for (std::size_t size = 0; (size = fread(piece.data(), 1, piece.size(), pipe)) > 0;) {
    text.append(piece.data(), size);
  }
  if (pclose(pipe) != 0) {
    throw std::runtime_error(text);
  }
  return text;
}

}  // namespace

void drop_dumps() {
  // One that is on its way out is listed still, and not to be opened any more.
  for (int i = 0; i < 400; ++i) {
    const fs::path dump = find_dump();
    if (dump.empty()) return;
    std::ofstream(dump) << "0";
    sleep_ms(10);
  }
  throw std::runtime_error("dumps do not go");
}

TakenDump::TakenDump() {
  const fs::path dump = wait_for_dump();
  text_ = print(dump);
  write_file(dump, "0");
}

std::string TakenDump::head(const std::string& section) const {
  std::istringstream lines(text_);
  for (std::string line; std::getline(lines, line);) {
    if (line == section || line.starts_with(section + " (")) {
      return line;
    }
  }
  return {};
}

bool TakenDump::has(const std::string& section) const {
  return !head(section).empty();
}

std::string TakenDump::body(const std::string& section) const {
  std::istringstream lines(text_);
  std::string body;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ")) {
      inside = line == section || line.starts_with(section + " (");
    } else if (inside) {
      body += line.substr(2) + '\n';
    }
  }
  return body;
}

std::string TakenDump::line(const std::string& section, const std::string& name) const {
  std::istringstream lines(body(section));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ": ")) {
      return line.substr(name.size() + 2);
    }
  }
  return {};
}

std::uint64_t TakenDump::value(const std::string& section, const std::string& name) const {
  std::istringstream lines(body(section));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t number = line.rfind(" 0x");
    if (number != std::string::npos && line.starts_with(name + ' ') &&
        line.find_first_not_of(' ', name.size()) == number + 1) {
      return std::stoull(line.substr(number + 1), nullptr, 16);
    }
  }
  throw std::runtime_error("section '" + section + "' has no '" + name + "'");
}

std::uint64_t TakenDump::size(const std::string& section) const {
  const std::string line = head(section);
  std::smatch match;
  if (!std::regex_search(line, match, std::regex("\\((\\d+) bytes"))) {
    throw std::runtime_error("section '" + section + "' is no memory");
  }
  return std::stoull(match[1]);
}

std::uint32_t TakenDump::word(const std::string& section, std::uint64_t offset) const {
  // Lines are of 16 bytes; those that repeat the one before are left out.
  const std::string line_head = head(section);
  std::smatch match;
  const std::uint64_t base = std::regex_search(line_head, match, std::regex("at (0x[0-9a-f]+)\\)"))
                                 ? std::stoull(match[1], nullptr, 16)
                                 : 0;
  std::istringstream lines(body(section));
  std::string wanted;
  for (std::string line; std::getline(lines, line);) {
    if (line != "*" && std::stoull(line, nullptr, 16) - base > offset) {
      break;
    }
    wanted = line == "*" ? wanted : line;
  }
  std::istringstream bytes(wanted.substr(0, wanted.find('|')));
  std::string byte;
  bytes >> byte;  // the address
  std::uint32_t word = 0;
  for (std::uint64_t i = 0; i < offset % 16 + 4 && bytes >> byte; ++i) {
    word = word >> 8U | static_cast<std::uint32_t>(std::stoul(byte, nullptr, 16)) << 24U;
  }
  return word;
}

}  // namespace halyard::test
