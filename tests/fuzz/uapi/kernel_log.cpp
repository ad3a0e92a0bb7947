// SPDX-License-Identifier: MIT
#include "kernel_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace halyard::fuzz {
namespace {

/// As scripts/halyard_vm/console.py, which has the last word; this is to stop soon behind the
/// program that caused it.
constexpr std::array<std::string_view, 16> kComplaints = {
    "WARNING: ",
    "BUG: ",
    "kernel BUG at",
    "Oops:",
    "general protection fault",
    "unable to handle ",
    "KASAN: ",
    "UBSAN: ",
    "possible recursive locking",
    "possible circular locking",
    "suspicious RCU usage",
    "inconsistent lock state",
    "held lock freed",
    "refcount_t:",
    "list_add corruption",
    "list_del corruption",
};

}  // namespace

KernelLog::KernelLog() : file_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  test::require(file_.get() < 0 || lseek(file_.get(), 0, SEEK_END) < 0 ? errno : 0, "/dev/kmsg");
}

std::optional<std::string> KernelLog::complaint() {
  std::optional<std::string> first;
  std::array<char, 8192> record{};
  while (true) {
    const ssize_t size = read(file_.get(), record.data(), record.size());
    if (size < 0 && errno == EPIPE) continue;  // some were overwritten
    if (size <= 0) return first;
    const std::string_view line(record.data(), static_cast<std::size_t>(size));
    const bool bad = std::ranges::any_of(kComplaints, [line](std::string_view words) {
      return line.find(words) != std::string_view::npos;
    });
    if (bad && !first) first = line.substr(0, line.find('\n'));
  }
}

}  // namespace halyard::fuzz
