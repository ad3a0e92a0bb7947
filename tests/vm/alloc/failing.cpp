// SPDX-License-Identifier: MIT
#include "failing.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

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

/// Where a function of the kernel begins and ends; 0 and 0 when there is none of that name.
std::pair<std::uint64_t, std::uint64_t> function(const std::string& name) {
  std::ifstream symbols("/proc/kallsyms");
  std::vector<std::uint64_t> text;
  std::uint64_t begin = 0;
  std::string address;
  std::string kind;
  std::string symbol;
  for (std::string line; std::getline(symbols, line);) {
    std::istringstream words(line);
    words >> address >> kind >> symbol;
    if (kind != "t" && kind != "T") continue;
    text.push_back(std::stoull(address, nullptr, 16));
    if (symbol == name) begin = text.back();
  }
  std::ranges::sort(text);
  const auto end = std::ranges::upper_bound(text, begin);
  return begin == 0 || end == text.end() ? std::pair<std::uint64_t, std::uint64_t>{0, 0}
                                         : std::pair{begin, *end};
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
  // The DMA API's checker has an allocation for each page, and gives up checking when one fails.
  const auto [begin, end] = function("add_dma_entry");
  for (const char* kind : {"failslab", "fail_page_alloc"}) {
    write_file(debugfs / kind / "stacktrace-depth", "32");
    write_file(debugfs / kind / "reject-start", std::to_string(begin));
    write_file(debugfs / kind / "reject-end", std::to_string(end));
  }
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
