// SPDX-License-Identifier: MIT
// Digits per second on the card, and the same network by the same arithmetic on this machine's own
// CPU: the chip in the process.

#include <algorithm>

#include "bench.hpp"
#include "digits_network.hpp"

namespace halyard::bench {
namespace {

double digits_per_second(const Device& device, const Graph& graph) {
  constexpr std::size_t kUnderWay = 8;
  const auto images = tools::digit_images();
  const auto program = device.compile(graph);
  const auto slots = program.bindings();
  auto queue = device.create_queue();
  struct Slot {
    Buffer pixels, logits, probabilities;
    std::optional<Point> done;
  };
  std::vector<Slot> ring(kUnderWay);
  for (auto& slot : ring) {
    slot.pixels = device.allocate(slots[0].bytes);
    slot.logits = device.allocate(slots[1].bytes);
    slot.probabilities = device.allocate(slots[2].bytes);
  }
  std::vector<double> times;
  for (int round = 0; round < 3; ++round) {
    const auto start = Clock::now();
    for (std::size_t i = 0; i < images.count(); ++i) {
      auto& slot = ring[i % kUnderWay];
      if (slot.done) slot.done->wait();
      std::ranges::copy(images.image(i), slot.pixels.map<std::uint8_t>().begin());
      slot.done = queue.submit(program, {{"pixels", slot.pixels},
                                         {"logits", slot.logits},
                                         {"probabilities", slot.probabilities}});
    }
    for (auto& slot : ring)
      slot.done->wait();
    times.push_back(microseconds(Clock::now() - start) / static_cast<double>(images.count()));
  }
  return 1e6 / median(times);
}

}  // namespace

void run_digits(const Device& device) {
  print_section("handwritten digits, one image a job, 8 under way");
  const auto info = device.info();
  const bool sim = std::string(info.platform) == "sim";
  const struct {
    const char* name;
    Graph graph;
  } networks[] = {{"float32", tools::digits_f32()}, {"int8", tools::digits_int8()}};
  for (const auto& network : networks) {
    const double card = digits_per_second(device, network.graph);
    print(std::string(network.name) + " on the device", card, "1/s");
    if (sim) continue;
    try {
      const auto own = Device::open(std::string("sim:") + info.chip);
      const double cpu = digits_per_second(own, network.graph);
      print(std::string(network.name) + " on this machine's own CPU (sim)", cpu, "1/s");
      print(std::string(network.name) + ": device against own CPU", card / cpu, "x");
    } catch (const Error& error) {
      print_section(std::string("  own CPU not measured: ") + error.what());
    }
  }
}

}  // namespace halyard::bench
