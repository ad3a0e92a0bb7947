// SPDX-License-Identifier: MIT
#include "device_state.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "client.hpp"

namespace halyard::fuzz {
namespace {

std::string text_of(const std::string& name) {
  const std::ifstream file(test::debugfs_folder() + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Hardware number, class and priority of each queue: the columns that do not count.
std::string queues() {
  std::istringstream lines(text_of("queues"));
  std::string queues;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number;
    std::string engine;
    if (words >> number >> engine && std::ranges::all_of(number, [](unsigned char digit) {
          return digit >= '0' && digit <= '9';
        }))
      queues += "queue " + number + ' ' + engine + '\n';
  }
  return queues;
}

/// What drivers have pinned of this process's memory.
std::string pinned() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmPin:")) return line + '\n';
  return "";
}

bool works() {
  try {
    const test::Client client;
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

std::string device_objects() {
  return text_of("bos") + text_of("vms") + queues() + text_of("limits") + pinned();
}

bool wait_for_objects(const std::string& expected, std::string& now) {
  for (int i = 0; i < 600; ++i) {
    now = device_objects();
    if (now == expected) return true;
    test::sleep_ms(50);
  }
  return false;
}

void settle() {
  constexpr int kQuiet = 10, kMost = 600;
  std::string last = device_objects();
  for (int quiet = 0, i = 0; quiet < kQuiet && i < kMost; ++i) {
    test::sleep_ms(50);
    auto now = device_objects();
    quiet = now == last ? quiet + 1 : 0;
    last = std::move(now);
  }
}

void revive_device(const test::Slot& slot) {
  if (works()) return;
  slot.unbind();
  slot.bind();
  if (!test::wait_for_device() || !works())
    throw std::runtime_error("the device is lost and does not come back");
}

}  // namespace halyard::fuzz
