// SPDX-License-Identifier: MIT
// What runtime power management costs a job: one whose card may fall asleep when nobody needs it,
// against one whose card an administrator keeps awake, and one that wakes it up.

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "bench.hpp"

namespace halyard::bench {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kRounds = 9;
constexpr int kCalls = 100;

bool write(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return static_cast<bool>(file);
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

/// As it was, afterwards.
class Setting {
 public:
  explicit Setting(fs::path path) : path_(std::move(path)), before_(read(path_)) {}
  ~Setting() { write(path_, before_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  [[nodiscard]] bool set(const std::string& text) const { return write(path_, text); }

 private:
  fs::path path_;
  std::string before_;
};

double time_jobs(Queue& queue, int calls) {
  const auto start = Clock::now();
  for (int i = 0; i < calls; ++i)
    queue.barrier().wait();
  return microseconds(Clock::now() - start) / calls;
}

/// A job that finds the card asleep, or nothing when it does not fall asleep.
std::optional<double> time_wake(Queue& queue, const fs::path& power) {
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    for (int look = 0; read(power / "runtime_status") != "suspended"; ++look) {
      if (look == 1000) return std::nullopt;
      std::this_thread::sleep_for(10ms);
    }
    times.push_back(time_jobs(queue, 1));
  }
  return median(times);
}

}  // namespace

void run_power(const Device& device) {
  const auto info = device.info();
  const auto power = "/sys/class/accel" / fs::path(info.path).filename() / "device" / "power";
  print_section("runtime power management, empty job, sleeping waiter");
  if (!fs::exists(power / "control"))
    return print_section("  not measured: it is no card on a bus");
  const Setting control(power / "control"), delay(power / "autosuspend_delay_ms");
  if (!control.set("on")) return print_section("  not measured: only root may keep a card awake");

  auto queue = device.create_queue();
  static_cast<void>(time_jobs(queue, kCalls));
  // In turn: what else the machine does meets both.
  std::vector<double> awake, free, ratio;
  for (int round = 0; round < kRounds; ++round) {
    static_cast<void>(control.set("on"));
    awake.push_back(time_jobs(queue, kCalls));
    static_cast<void>(control.set("auto"));
    free.push_back(time_jobs(queue, kCalls));
    ratio.push_back(free.back() / awake.back());
  }
  print("submit to fence, control = on", median(awake), "us");
  print("submit to fence, control = auto", median(free), "us");
  print("auto against on", median(ratio), "x");
  static_cast<void>(delay.set("1"));
  if (const auto wake = time_wake(queue, power)) {
    print("submit to fence that wakes the card", *wake, "us");
  } else {
    print_section("  the card does not fall asleep");
  }
}

}  // namespace halyard::bench
