// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The loop: takes a program, changes it, runs it, and keeps it when the kernel did something new.

#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "chip.hpp"
#include "client.hpp"
#include "coverage.hpp"
#include "kernel_log.hpp"
#include "lost.hpp"
#include "program.hpp"
#include "runner.hpp"

namespace halyard::fuzz {

struct Options {
  std::uint64_t seed = 1;
  std::chrono::seconds time{60};
  std::filesystem::path out = "/out";
  std::vector<Program> corpus;
};

class Fuzzer {
 public:
  Fuzzer(const Chip& chip, Options options);
  Fuzzer(const Fuzzer&) = delete;
  Fuzzer& operator=(const Fuzzer&) = delete;
  ~Fuzzer();

  /// Until the time is over: true, or false when the kernel complained or something was lost.
  bool run();
  /// Each program of the corpus, in order and by several threads, `times` times.
  bool replay(unsigned times);
  /// Leaves in out/corpus what of the corpus is needed for what all of it reaches.
  bool minimise();

 private:
  static constexpr std::size_t kThreads = 3;

  std::vector<std::uint64_t> execute(const Program& program);
  void execute_together(const Program& program);
  void try_program(const Program& program);
  Program shorten(Program program, const std::vector<std::uint64_t>& wanted);
  Program next_program();
  bool healthy();
  void fail(const std::string& reason);
  void record(const Program& program);
  void work(std::size_t thread);
  void watch();
  void show(bool last);
  void save();

  const Chip& chip_;
  Options options_;
  Random random_;
  Runner runner_;
  KernelLog kernel_log_;
  Coverage coverage_;
  std::array<Trace, kThreads> traces_;
  std::vector<Program> corpus_;
  const test::Slot slot_;
  std::string nothing_;  ///< device_objects() when no program runs
  test::File ring_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_ = started_;
  std::uint64_t programs_ = 0;
  std::atomic<std::uint64_t> calls_{0};
  bool failed_ = false;

  // Threads: those that run a program together, and one that ends calls that take too long.
  const Program* shared_ = nullptr;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> ticket_{0};  ///< changes with each program
  std::barrier<> start_{kThreads};
  std::barrier<> end_{kThreads};
  std::array<std::thread, kThreads - 1> workers_;
  std::thread watcher_;
};

}  // namespace halyard::fuzz
