// SPDX-License-Identifier: MIT
#include "vfio_user/log.hpp"

#include <unistd.h>

#include <atomic>
#include <charconv>

namespace halyard::emu::vfio_user {

namespace {

std::atomic<bool> quiet_log{false};

void write_line(std::string_view prefix, std::string_view text) {
  std::string line(prefix);
  line += text;
  line += '\n';
  // One write keeps lines of several threads and processes whole; a log that cannot be written is
  // nobody's error.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void log_line(std::string_view text) {
  if (!quiet_log.load(std::memory_order_relaxed)) write_line("halyard-emulator: ", text);
}

void log_error(std::string_view text) {
  write_line("halyard-emulator: error: ", text);
}

void set_quiet(bool quiet) {
  quiet_log.store(quiet, std::memory_order_relaxed);
}

std::string hex(std::uint64_t value) {
  char digits[16];
  const auto result = std::to_chars(digits, digits + sizeof(digits), value, 16);
  return "0x" + std::string(digits, result.ptr);
}

}  // namespace halyard::emu::vfio_user
