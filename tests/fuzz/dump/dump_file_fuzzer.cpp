// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "targets.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  halyard::test::fuzz_dump({data, size});
  return 0;
}

/// Begins with valid input: from nothing none would be found.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  if (size > 1 && seed % 4 != 0) return LLVMFuzzerMutate(data, size, max_size);
  std::minstd_rand random(seed);
  const auto bytes = halyard::test::mutated_dump(random);
  const std::size_t count = std::min(bytes.size(), max_size);
  std::copy_n(bytes.begin(), count, data);
  return count;
}
