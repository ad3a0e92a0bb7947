// SPDX-License-Identifier: MIT
/// \file
/// The kernel's check and the card against whatever libFuzzer comes up with.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "containment.hpp"
#include "mutator.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

dory_test::Words words_of(const std::uint8_t* data, std::size_t size) {
  dory_test::Words words(size / sizeof(std::uint32_t));
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof(std::uint32_t));
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dory_test::Containment containment;
  const dory_test::Words words = words_of(data, size);
  if (words.empty()) return 0;
  const dory_test::Verdict verdict = containment.run(words);
  if (verdict.wrong.empty()) return 0;
  std::fprintf(stderr, "%s\n", verdict.wrong.c_str());
  std::abort();
}

/// Begins with valid streams: from nothing none would be found.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  dory_test::Random random(seed);
  if (size >= sizeof(std::uint32_t) && seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  dory_test::Words words = words_of(data, size);
  if (words.size() < 2) words = dory_test::valid_stream(random);
  dory_test::mutate(words, dory_test::odd_regions(), random);
  words.resize(std::min(words.size(), max_size / sizeof(std::uint32_t)));
  if (!words.empty()) std::memcpy(data, words.data(), words.size() * sizeof(std::uint32_t));
  return words.size() * sizeof(std::uint32_t);
}
