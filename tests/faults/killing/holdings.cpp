// SPDX-License-Identifier: MIT
#include "holdings.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace halyard::faults {

namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The number after a word.
std::uint64_t number_after(const std::string& text, const std::string& word) {
  const auto at = text.find(word);
  if (at == text.npos) throw std::runtime_error("there is no " + word);
  std::istringstream rest(text.substr(at + word.size()));
  std::uint64_t number = 0;
  rest >> number;
  return number;
}

/// What follows the line of headings.
std::string rows_of(const std::string& queues) {
  const auto heading = queues.find("queue class");
  const auto end = queues.find('\n', heading);
  return end == queues.npos ? queues : queues.substr(end + 1);
}

/// The core's own queues stay, and count.
std::string without_counts(const std::string& rows) {
  std::istringstream lines(rows);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, engine_class;
    words >> number >> engine_class;
    result += number + ' ' + engine_class + '\n';
  }
  return result;
}

std::uint64_t count_dmabufs() {
  const std::string path = "/sys/kernel/debug/dma_buf/bufinfo";
  return std::filesystem::exists(path) ? number_after(read(path), "\nTotal ") : 0;
}

}  // namespace

Holdings Holdings::now() {
  const std::string folder = "/sys/kernel/debug/accel/0/";
  const auto queues = read(folder + "queues");
  Holdings now;
  for (const char* file : {"bos", "vms", "limits"})
    now.objects += read(folder + file);
  now.objects += without_counts(rows_of(queues));
  now.dmabufs = count_dmabufs();
  now.files = number_after(read("/proc/sys/fs/file-nr"), "");
  now.slab_kib = number_after(read("/proc/meminfo"), "SUnreclaim:");
  now.resets = number_after(queues, "device ") + number_after(queues, "function ");
  return now;
}

}  // namespace halyard::faults
