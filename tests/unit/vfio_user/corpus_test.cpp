// SPDX-License-Identifier: MIT

/// \file
/// The fuzzers' corpus, every input once: seeds, and whatever a fuzzer once found.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "targets.hpp"

namespace halyard::emu::vfio_user::test {
namespace {

std::vector<std::string> inputs() {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(HALYARD_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST(Corpus, PassesTheParser) {
  const auto all = inputs();
  ASSERT_FALSE(all.empty());
  for (const std::string& input : all)
    fuzz::protocol(std::as_bytes(std::span(input)));
}

TEST(Corpus, PassesAsAConnection) {
  const auto all = inputs();
  ASSERT_FALSE(all.empty());
  for (const std::string& input : all)
    fuzz::stream(std::as_bytes(std::span(input)));
}

TEST(Corpus, PassesCutAnywhere) {
  for (const std::string& input : inputs()) {
    const auto bytes = std::as_bytes(std::span(input));
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 64)
      fuzz::stream(bytes.first(size));
  }
}

TEST(Corpus, PassesWithAnyByteChanged) {
  for (std::string input : inputs()) {
    for (std::size_t i = 0; i < input.size(); i += 1 + i / 256) {
      const char old = input[i];
      for (const char bits : {'\x01', '\x80', '\xff'}) {
        input[i] = static_cast<char>(old ^ bits);
        fuzz::stream(std::as_bytes(std::span(input)));
      }
      input[i] = old;
    }
  }
}

}  // namespace
}  // namespace halyard::emu::vfio_user::test
