// SPDX-License-Identifier: MIT
// Figures of the whole stack, from the library's side. In the VM the device is a card behind the
// kernel driver, on the host the same chip in the process.

#include <cstdio>
#include <cstdlib>

#include "bench.hpp"

namespace halyard::bench {

void print(const std::string& what, double value, const std::string& unit, const std::string& aim) {
  std::printf("  %-58s %12.2f %-6s%s%s\n", what.c_str(), value, unit.c_str(),
              aim.empty() ? "" : "  aim ", aim.c_str());
  std::fflush(stdout);
}

void print_section(const std::string& title) {
  std::printf("%s\n", title.c_str());
  std::fflush(stdout);
}

}  // namespace halyard::bench

int main() {
  using namespace halyard::bench;
  try {
    setenv("HALYARD_PLATFORM", BENCH_PLATFORM, 0);
    const auto device = halyard::Device::open();
    const auto info = device.info();
    print_section(std::string("stack on ") + info.path + " (" + info.name + ")");
    run_latency(device);
    run_power(device);
    run_throughput(device);
    run_syscalls(device);
    run_traffic(device);
    run_digits(device);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
