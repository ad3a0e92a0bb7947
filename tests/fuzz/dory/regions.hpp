// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace dory_test {

struct RegionSpec {
  std::uint32_t size;
  bool write;
};
/// What a job brings along, from region 0 on.
using Regions = std::vector<RegionSpec>;

/// Seven regions of sizes that are borders of something, some only to be read. Valid streams read
/// the first and write the second.
inline Regions odd_regions() {
  return {{.size = 16384, .write = false}, {.size = 16384, .write = true},
          {.size = 4096, .write = true},   {.size = 100, .write = false},
          {.size = 1, .write = true},      {.size = 72, .write = true},
          {.size = 4097, .write = false}};
}

}  // namespace dory_test
