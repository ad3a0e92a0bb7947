// SPDX-License-Identifier: MIT
#include "fuzzer.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <utility>

#include "device_state.hpp"

namespace halyard::fuzz {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// Programs in the ring file, and bytes of each.
constexpr std::uint64_t kRing = 16;
constexpr std::uint64_t kRingEntry = 4096;
/// A program that takes longer has a call that waits: it is interrupted.
constexpr seconds kPatience{8};
/// Looking whether all objects are gone takes longer than most programs.
constexpr std::uint64_t kCheckEvery = 64;

/// No addresses: they would be as different for each build.
std::uint64_t result_feature(std::size_t op, int error) {
  return std::uint64_t{1} << 63U | op << 16U | static_cast<std::uint64_t>(error);
}

bool includes(const std::vector<std::uint64_t>& all, const std::vector<std::uint64_t>& some) {
  return std::ranges::includes(all, some);
}

void merge(std::vector<std::uint64_t>& all, const std::vector<std::uint64_t>& more) {
  all.insert(all.end(), more.begin(), more.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

}  // namespace

Fuzzer::Fuzzer(const Chip& chip, Options options)
    : chip_(chip),
      options_(std::move(options)),
      random_(options_.seed),
      runner_(chip_),
      nothing_(device_objects()),
      ring_(open((options_.out / "ring").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  test::require(ring_.get() < 0 ? errno : 0, "the ring file");
  // Interrupts a call, and nothing else.
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  traces_[0].start();
  for (std::size_t i = 0; i < workers_.size(); ++i)
    workers_.at(i) = std::thread([this, i] { work(i + 1); });
  watcher_ = std::thread([this, main = pthread_self()] {
    std::uint64_t seen = 0;
    auto since = steady_clock::now();
    while (!stop_) {
      test::sleep_ms(200);
      if (std::exchange(seen, ticket_.load()) != ticket_) since = steady_clock::now();
      if (steady_clock::now() - since < kPatience) continue;
      pthread_kill(main, SIGUSR1);
      for (std::thread& worker : workers_)
        pthread_kill(worker.native_handle(), SIGUSR1);
    }
  });
}

Fuzzer::~Fuzzer() {
  stop_ = true;
  watcher_.join();
  start_.arrive_and_wait();
  for (std::thread& worker : workers_)
    worker.join();
}

// ---- running ----

/// Before it runs, where it can be found when the machine does not survive it.
void Fuzzer::record(const Program& program) {
  std::string text = "# program " + std::to_string(programs_) + "\n" + to_text(program);
  text.resize(kRingEntry - 1, ' ');
  text += '\n';
  [[maybe_unused]] const auto size = pwrite(ring_.get(), text.data(), text.size(),
                                            static_cast<off_t>(programs_ % kRing * kRingEntry));
}

/// Call by call: what was reached.
std::vector<std::uint64_t> Fuzzer::execute(const Program& program) {
  ++ticket_;
  traces_[0].clear();
  std::vector<std::uint64_t> results;
  for (const Call& call : program) {
    const int error = runner_.call(call);
    results.push_back(result_feature(static_cast<std::size_t>(call.op), error));
  }
  calls_ += program.size();
  runner_.reset();
  coverage_.add_addresses(traces_[0].addresses());
  std::vector<std::uint64_t> features = features_of(traces_[0].addresses());
  merge(features, results);
  return features;
}

/// Its calls by turns from several threads, after its beginning, which makes what they meet at.
void Fuzzer::execute_together(const Program& program) {
  ++ticket_;
  shared_ = &program;
  for (std::size_t i = 0; i < program.size() / 2; ++i)
    runner_.call(program[i]);
  for (Trace& trace : traces_)
    trace.clear();
  start_.arrive_and_wait();
  for (std::size_t i = program.size() / 2; i < program.size(); i += kThreads)
    runner_.call(program[i]);
  end_.arrive_and_wait();
  calls_ += program.size();
  runner_.reset();
  for (const Trace& trace : traces_)
    coverage_.add_addresses(trace.addresses());
}

void Fuzzer::work(std::size_t thread) {
  traces_.at(thread).start();
  while (true) {
    start_.arrive_and_wait();
    if (stop_) return;
    const Program& program = *shared_;
    for (std::size_t i = program.size() / 2 + thread; i < program.size(); i += kThreads)
      runner_.call(program[i]);
    end_.arrive_and_wait();
  }
}

// ---- judging ----

void Fuzzer::fail(const std::string& reason) {
  failed_ = true;
  std::cout << "FAILED at program " << programs_ << ": " << reason
            << "\nThe last programs are in the file ring.\n"
            << std::flush;
}

bool Fuzzer::healthy() {
  if (const auto line = kernel_log_.complaint()) fail(*line);
  if (failed_ || programs_ % kCheckEvery != 0) return !failed_;
  revive_device(slot_);
  std::string now;
  if (!wait_for_objects(nothing_, now))
    fail("objects are left when all files are closed; there were\n" + nothing_ + "there are\n" +
         now);
  return !failed_;
}

/// Without what is not needed to reach `wanted`.
Program Fuzzer::shorten(Program program, const std::vector<std::uint64_t>& wanted) {
  for (std::size_t i = program.size(); i-- > 0;) {
    Program shorter = program;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    if (includes(execute(shorter), wanted)) program = std::move(shorter);
  }
  return program;
}

void Fuzzer::try_program(const Program& program) {
  ++programs_;
  record(program);
  if (random_.one_in(4)) {
    execute_together(program);
    return;
  }
  const std::vector<std::uint64_t> fresh = coverage_.add(execute(program));
  if (fresh.empty()) return;
  // What does not come again was a matter of time, and no reason to keep a program.
  if (!includes(execute(program), fresh)) return;
  corpus_.push_back(shorten(program, fresh));
}

Program Fuzzer::next_program() {
  if (corpus_.empty() || random_.one_in(8)) return generate(random_);
  // The newer, the more often.
  const std::size_t size = corpus_.size();
  const std::size_t which = random_.one_in(2)
                                ? size - 1 - random_.below(std::min<std::size_t>(size, 20))
                                : random_.below(size);
  Program program = corpus_[which];
  mutate(program, random_, corpus_[random_.below(size)]);
  return program;
}

// ---- the loops ----

void Fuzzer::show(bool last) {
  const auto now = steady_clock::now();
  if (!last && now - shown_ < seconds(20)) return;
  shown_ = now;
  std::cout << duration_cast<seconds>(now - started_).count() << " s: " << programs_
            << " programs, " << calls_ << " calls, " << coverage_.addresses() << " addresses, "
            << coverage_.features() << " features, " << corpus_.size() << " kept\n"
            << std::flush;
  save();
}

void Fuzzer::save() {
  std::ofstream corpus(options_.out / "corpus");
  for (const Program& program : corpus_)
    corpus << to_text(program) << '\n';
  std::ofstream(options_.out / "addresses") << coverage_.report();
}

bool Fuzzer::run() {
  if (!traces_[0].available()) std::cout << "This kernel has no KCOV: all is tried blindly.\n";
  const auto end = started_ + options_.time;
  for (const Program& program : options_.corpus) {
    if (!healthy() || steady_clock::now() > end) break;
    ++programs_;
    record(program);
    coverage_.add(execute(program));
    corpus_.push_back(program);
    show(false);
  }
  std::cout << "The corpus reaches " << coverage_.addresses() << " addresses.\n";
  while (steady_clock::now() < end && healthy()) {
    try_program(next_program());
    show(false);
  }
  programs_ += kCheckEvery - programs_ % kCheckEvery;
  const bool good = healthy();
  show(true);
  return good;
}

bool Fuzzer::replay(unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    for (const Program& program : options_.corpus) {
      ++programs_;
      record(program);
      execute(program);
      execute_together(program);
      if (!healthy()) return false;
      show(false);
    }
  }
  programs_ += kCheckEvery - programs_ % kCheckEvery;
  const bool good = healthy();
  show(true);
  return good;
}

bool Fuzzer::minimise() {
  // The shortest first, so that a long one is kept only for what it alone reaches. Addresses, not
  // pairs of them: there are too many of those.
  std::ranges::stable_sort(options_.corpus, {}, &Program::size);
  Coverage reached;
  for (const Program& program : options_.corpus) {
    ++programs_;
    record(program);
    execute(program);
    const auto trace = traces_[0].addresses();
    std::vector<std::uint64_t> addresses(trace.begin(), trace.end());
    merge(addresses, {});
    if (!reached.add(addresses).empty()) corpus_.push_back(program);
    if (!healthy()) return false;
    show(false);
  }
  show(true);
  return true;
}

}  // namespace halyard::fuzz
