// SPDX-License-Identifier: MIT
#include "coverage.hpp"

#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace halyard::fuzz {
namespace {

namespace fs = std::filesystem;

/// Words of a trace; the first says how many follow it.
constexpr std::size_t kWords = std::size_t{1} << 18U;

/// Code of a module that is in memory.
struct Section {
  std::string name;  ///< module and section
  std::uint64_t address;
};

std::vector<Section> code_sections() {
  std::vector<Section> sections;
  for (const auto& module : fs::directory_iterator("/sys/module")) {
    if (!module.path().filename().string().starts_with("halyard")) continue;
    for (const char* name : {".text", ".text.unlikely", ".exit.text"}) {
      std::ifstream file(module.path() / "sections" / name);
      std::string address;
      if (file >> address)
        sections.push_back(
            {module.path().filename().string() + " " + name, std::stoull(address, nullptr, 16)});
    }
  }
  std::ranges::sort(sections, {}, &Section::address);
  return sections;
}

}  // namespace

// ---- Trace ----

Trace::Trace() : file_(open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC)) {
  if (!available()) return;
  test::require(ioctl(file_.get(), KCOV_INIT_TRACE, kWords) == 0 ? 0 : errno, "KCOV_INIT_TRACE");
  memory_ = test::Mapping(kWords * sizeof(std::uint64_t), file_.get(), 0, PROT_READ | PROT_WRITE);
}

void Trace::start() {
  if (available())
    test::require(ioctl(file_.get(), KCOV_ENABLE, KCOV_TRACE_PC) == 0 ? 0 : errno, "KCOV_ENABLE");
  clear();
}

void Trace::clear() {
  if (available()) __atomic_store_n(memory_.as<std::uint64_t>().data(), 0, __ATOMIC_RELAXED);
}

std::span<const std::uint64_t> Trace::addresses() const {
  if (!available()) return {};
  const auto words = memory_.as<std::uint64_t>();
  const std::uint64_t count = __atomic_load_n(words.data(), __ATOMIC_RELAXED);
  return words.subspan(1, std::min<std::uint64_t>(count, kWords - 1));
}

// ---- Coverage ----

std::vector<std::uint64_t> features_of(std::span<const std::uint64_t> addresses) {
  std::vector<std::uint64_t> features;
  features.reserve(addresses.size());
  std::uint64_t previous = 0;
  for (const std::uint64_t address : addresses) {
    features.push_back(address ^ previous << 32U);
    previous = address;
  }
  std::ranges::sort(features);
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return features;
}

void Coverage::add_addresses(std::span<const std::uint64_t> addresses) {
  addresses_.insert(addresses.begin(), addresses.end());
}

std::vector<std::uint64_t> Coverage::add(std::span<const std::uint64_t> features) {
  std::vector<std::uint64_t> fresh;
  std::ranges::copy_if(features, std::back_inserter(fresh),
                       [&](std::uint64_t feature) { return features_.insert(feature).second; });
  return fresh;
}

std::string Coverage::report() const {
  const std::vector<Section> sections = code_sections();
  std::ostringstream text;
  text << std::hex;
  for (const std::uint64_t address : addresses_) {
    const auto after = std::ranges::upper_bound(sections, address, {}, &Section::address);
    if (after != sections.begin())
      text << std::prev(after)->name << ' ' << address - std::prev(after)->address << '\n';
  }
  return text.str();
}

}  // namespace halyard::fuzz
