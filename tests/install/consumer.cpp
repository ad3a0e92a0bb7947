// SPDX-License-Identifier: MIT
// A program of somebody else's, built against what `make install` put there.
#include <cstdio>
#include <halyard/halyard.hpp>

int main() {
  auto graph = halyard::Graph{};
  std::puts("linked");
  return 0;
}
