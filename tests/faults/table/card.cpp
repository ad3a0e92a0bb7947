// SPDX-License-Identifier: MIT
#include "card.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <halyard/halyard.hpp>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

namespace halyard::faults {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

/// A whole climb of the ladder takes less, and the host may be busy.
constexpr auto kRecovery = 120s;
constexpr auto kLook = 5ms;

/// 0 or the errno; one write, as debugfs and sysfs want it.
int write_once(const fs::path& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = write(fd, text.data(), text.size()) < 0 ? errno : 0;
  close(fd);
  return error;
}

template <class Done>
bool await(Done done) {
  const auto end = std::chrono::steady_clock::now() + kRecovery;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

}  // namespace

Card::Card() {
  const auto info = Device::open().info();
  chip_ = info.chip;
  node_ = info.path;
  // By the card's place on the bus: its number may change when it comes back.
  debugfs_ = "/sys/kernel/debug/accel/" + std::string(info.bus);
  if (!fs::exists(debugfs_ / "inject"))
    throw std::runtime_error((debugfs_ / "inject").string() +
                             " is missing: are the drivers built with error injection?");
}

std::string Card::read(const std::string& name) const {
  const int fd = open((debugfs_ / name).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t size = 0; (size = ::read(fd, part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(size));
  close(fd);
  return text;
}

std::vector<std::string> Card::kinds() const {
  constexpr std::string_view kHead = "kinds:";
  const std::string text = read("inject");
  const auto begin = text.find(kHead);
  if (begin == text.npos) throw std::runtime_error("the card does not say what it can inject");
  std::istringstream words(text.substr(begin + kHead.size()));
  std::vector<std::string> kinds{std::istream_iterator<std::string>(words), {}};
  std::erase(kinds, "none");
  return kinds;
}

bool Card::inject(const std::string& line) const {
  int error = EBUSY;
  const bool answered = await([&] {
    error = write_once(debugfs_ / "inject", line);
    return error != EBUSY;
  });
  if (!answered) throw std::runtime_error("a recovery does not end");
  if (error == 0) return true;
  if (error == ENODEV || error == ENOENT || error == EIO) return false;
  throw std::system_error(error, std::generic_category(), "\"" + line + "\" is not taken");
}

std::optional<unsigned> Card::fired() const {
  std::istringstream text(read("inject"));
  std::string word;
  unsigned count = 0;
  if (!(text >> word >> count) || word != "fired") return std::nullopt;
  return count;
}

Resets Card::resets() const {
  // "resets: queue 1, engine 2, device 3, function 4"
  std::istringstream text(read("queues"));
  std::string word;
  Resets resets{};
  text >> word;
  for (auto& count : resets) {
    text >> word >> count;
    text.ignore(1);
  }
  if (!text) throw std::runtime_error("debugfs does not tell of resets");
  return resets;
}

std::vector<std::string> Card::banned() const {
  std::istringstream lines(read("queues"));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream columns(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(columns), {}};
    if (std::find(words.begin(), words.end(), "banned") != words.end())
      names.push_back(words.back());
  }
  return names;
}

void Card::set_timeout(unsigned ms) const {
  test::write_file(debugfs_ / "timeout_ms", std::to_string(ms));
}

bool Card::exists() const {
  return fs::exists(node_);
}

bool Card::wait_gone() const {
  return await([&] { return !exists(); });
}

void Card::revive() const {
  slot_.unbind();
  slot_.reset_bus();
  slot_.bind();
  if (!await([&] { return exists(); })) throw std::runtime_error("the card does not come back");
}

}  // namespace halyard::faults
