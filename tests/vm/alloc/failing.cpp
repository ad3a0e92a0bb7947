// SPDX-License-Identifier: MIT
#include "failing.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "client.hpp"
#include "lost.hpp"

namespace halyard::test {
namespace {

constexpr const char* kFile = "/proc/thread-self/fail-nth";

/// Open as long as the program runs: opening it would be counted.
int fail_nth() {
  static thread_local const File file(open(kFile, O_RDWR | O_CLOEXEC));
  return file.get();
}

/// What is left from before may let the write itself fail, once.
void write_nth(unsigned n) {
  const std::string text = std::to_string(n);
  const auto write_once = [&] { return pwrite(fail_nth(), text.data(), text.size(), 0) >= 0; };
  require(write_once() || write_once() ? 0 : errno, kFile);
}

/// Allocations left to pass, 0 when one has failed. Reading copies to user space, which fails when
/// exactly that one is left.
bool has_failed() {
  std::array<char, 16> text{};
  const ssize_t size = pread(fail_nth(), text.data(), text.size() - 1, 0);
  return size > 0 && std::atoi(text.data()) == 0;
}

}  // namespace

bool can_fail_allocations() {
  return std::filesystem::exists(kFile);
}

void prepare_failures() {
  const std::filesystem::path debugfs = "/sys/kernel/debug";
  const char* verbose = std::getenv("HALYARD_ALLOC_VERBOSE") != nullptr ? "2" : "0";
  for (const char* kind : {"failslab", "fail_page_alloc", "fail_usercopy"})
    write_file(debugfs / kind / "verbose", verbose);
  write_file(debugfs / "failslab/ignore-gfp-wait", "N");
  write_file(debugfs / "fail_page_alloc/ignore-gfp-wait", "N");
  write_file(debugfs / "fail_page_alloc/ignore-gfp-highmem", "N");
  write_file(debugfs / "fail_page_alloc/min-order", "0");
}

Attempt with_failure(unsigned n, const std::function<int()>& call) {
  write_nth(n);
  const int error = call();
  const bool failed = has_failed();
  write_nth(0);
  return {failed, error};
}

}  // namespace halyard::test
