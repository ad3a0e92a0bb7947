// SPDX-License-Identifier: MIT
// halyard run digits: classifies the test split on the device and by the CPU reference, and
// compares.

#include <halyard/halyard.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <ranges>

#include "commands.hpp"
#include "digits_network.hpp"

namespace halyard::tools {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Both outputs for every image, in order.
struct Results {
  std::vector<std::byte> logits;
  std::vector<float> probabilities;
  double seconds = 0;

  [[nodiscard]] std::size_t prediction(std::size_t image) const {
    const auto first = probabilities.begin() + static_cast<std::ptrdiff_t>(image * kClasses);
    return static_cast<std::size_t>(std::max_element(first, first + kClasses) - first);
  }
};

/// What became of one network.
struct Score {
  std::string name;
  std::size_t images = 0, device_right = 0, cpu_right = 0, agree = 0;
  bool logits_equal = false;  ///< bit for bit
  std::uint64_t jobs = 0;     ///< completed, by the driver's count
  double device_us = 0, cpu_us = 0;
};

/// Buffers of one job under way.
struct Slot {
  Buffer pixels, logits, probabilities;
  Point done;
  std::size_t image = 0;
  bool busy = false;
};

class DeviceRun {
 public:
  DeviceRun(const Device& device, const Graph& graph, unsigned in_flight)
      : program_(device.compile(graph)), queue_(device.create_queue()), slots_(in_flight) {
    const auto bindings = program_.bindings();
    for (auto& slot : slots_) {
      slot.pixels = device.allocate(bindings[0].bytes);
      slot.logits = device.allocate(bindings[1].bytes);
      slot.probabilities = device.allocate(bindings[2].bytes);
    }
    logit_bytes_ = bindings[1].bytes;
  }

  Results run(const DigitImages& images) {
    Results results;
    results.logits.resize(images.count() * logit_bytes_);
    results.probabilities.resize(images.count() * kClasses);
    const auto start = Clock::now();
    for (std::size_t i = 0; i < images.count(); ++i) {
      auto& slot = slots_[i % slots_.size()];
      collect(slot, results);
      std::ranges::copy(images.image(i), slot.pixels.map<std::uint8_t>().begin());
      slot.done = queue_.submit(program_, {{"pixels", slot.pixels},
                                           {"logits", slot.logits},
                                           {"probabilities", slot.probabilities}});
      slot.image = i;
      slot.busy = true;
    }
    for (auto& slot : slots_)
      collect(slot, results);
    results.seconds = seconds_since(start);
    return results;
  }

 private:
  void collect(Slot& slot, Results& results) const {
    if (!slot.busy) return;
    slot.done.wait(std::chrono::seconds(60));
    slot.busy = false;
    std::memcpy(results.logits.data() + slot.image * logit_bytes_, slot.logits.map().data(),
                logit_bytes_);
    std::ranges::copy(
        slot.probabilities.map<float>().first(kClasses),
        results.probabilities.begin() + static_cast<std::ptrdiff_t>(slot.image * kClasses));
  }

  Program program_;
  Queue queue_;
  std::vector<Slot> slots_;
  std::size_t logit_bytes_ = 0;
};

Results run_on_cpu(const Graph& graph, const DigitImages& images, std::size_t logit_bytes) {
  Results results;
  results.logits.resize(images.count() * logit_bytes);
  results.probabilities.resize(images.count() * kClasses);
  const auto start = Clock::now();
  for (std::size_t i = 0; i < images.count(); ++i) {
    std::array<std::uint8_t, kPixels> pixels{};
    std::ranges::copy(images.image(i), pixels.begin());
    const std::array<halyard_host_tensor, 3> tensors{
        {{"pixels", pixels.data(), pixels.size()},
         {"logits", results.logits.data() + i * logit_bytes, logit_bytes},
         {"probabilities", results.probabilities.data() + i * kClasses, kClasses * sizeof(float)}}};
    graph.evaluate(tensors);
  }
  results.seconds = seconds_since(start);
  return results;
}

void print_images(const DigitImages& images, const Results& results, unsigned count) {
  static constexpr std::string_view kInk = " .:-=+*#%@";
  for (std::size_t i = 0; i < std::min<std::size_t>(count, images.count()); ++i) {
    std::cout << "image " << i << ": label " << int{images.labels[i]} << ", predicted "
              << results.prediction(i) << " with probability " << std::fixed << std::setprecision(3)
              << results.probabilities[i * kClasses + results.prediction(i)] << '\n';
    for (std::size_t row = 0; row < 8; ++row) {
      std::cout << "    ";
      for (std::size_t column = 0; column < 8; ++column) {
        const char ink = kInk[images.image(i)[row * 8 + column] * (kInk.size() - 1) / 16];
        std::cout << ink << ink;
      }
      std::cout << '\n';
    }
  }
}

Score compare(const std::string& name, const DigitImages& images, const Results& device,
              const Results& cpu) {
  Score score{.name = name, .images = images.count()};
  for (std::size_t i = 0; i < images.count(); ++i) {
    score.device_right += device.prediction(i) == images.labels[i] ? 1U : 0U;
    score.cpu_right += cpu.prediction(i) == images.labels[i] ? 1U : 0U;
    score.agree += device.prediction(i) == cpu.prediction(i) ? 1U : 0U;
  }
  score.logits_equal = device.logits == cpu.logits;
  const auto per_image = 1e6 / static_cast<double>(images.count());
  score.device_us = device.seconds * per_image;
  score.cpu_us = cpu.seconds * per_image;
  return score;
}

std::string percent(std::size_t part, std::size_t whole) {
  std::ostringstream text;
  text << part << '/' << whole << " (" << std::fixed << std::setprecision(2)
       << 100.0 * static_cast<double>(part) / static_cast<double>(whole) << " %)";
  return text.str();
}

void print_score(const Score& score) {
  std::cout << score.name << '\n'
            << "  accuracy on the device         " << percent(score.device_right, score.images)
            << '\n'
            << "  accuracy by the CPU reference  " << percent(score.cpu_right, score.images) << '\n'
            << "  device and CPU agree           " << percent(score.agree, score.images)
            << (score.logits_equal ? ", logits equal bit for bit" : "") << '\n'
            << "  jobs completed (driver's own)  " << score.jobs << '\n'
            << "  time per image, device         " << std::fixed << std::setprecision(0)
            << score.device_us << " us\n"
            << "  time per image, CPU reference  " << score.cpu_us << " us\n";
}

nlohmann::json to_json(const Score& score) {
  return {{"network", score.name},
          {"images", score.images},
          {"device_right", score.device_right},
          {"cpu_right", score.cpu_right},
          {"agree", score.agree},
          {"logits_equal", score.logits_equal},
          {"jobs", score.jobs},
          {"device_us_per_image", score.device_us},
          {"cpu_us_per_image", score.cpu_us}};
}

/// True when every prediction agrees, a whole network's logits in every bit, and the driver saw
/// each job.
bool passed(const Score& score, bool whole) {
  return score.agree == score.images && score.jobs >= score.images &&
         (!whole || score.logits_equal);
}

}  // namespace

int run_digits(const Options& options) {
  const auto device = options.device.empty() ? Device::open() : Device::open(options.device);
  const auto info = device.info();
  const auto images = digit_images();
  if (!options.json) {
    std::cout << "device " << info.path << ": " << info.name << " (" << info.chip << ", "
              << info.platform << ")\n"
              << "classifying " << images.count() << " handwritten digits" << std::endl;
  }
  struct Network {
    std::string name;
    Graph graph;
    std::size_t logit_bytes;
    bool whole;
  };
  const std::array<Network, 2> networks{{{"float32", digits_f32(), kClasses * sizeof(float), false},
                                         {"int8", digits_int8(), kClasses, true}}};
  bool good = true;
  nlohmann::json scores = nlohmann::json::array();
  for (const auto& network : networks) {
    const auto before = device.jobs();
    const auto on_device = DeviceRun(device, network.graph, options.in_flight).run(images);
    const auto after = device.jobs();
    const auto on_cpu = run_on_cpu(network.graph, images, network.logit_bytes);
    auto score = compare(network.name, images, on_device, on_cpu);
    score.jobs = after.completed - before.completed;
    good = good && passed(score, network.whole);
    if (options.json) {
      scores.push_back(to_json(score));
      continue;
    }
    if (!network.whole) print_images(images, on_device, options.show);
    print_score(score);
    std::cout << std::flush;
  }
  if (options.json) {
    std::cout << nlohmann::json{{"device", info.path}, {"passed", good}, {"networks", scores}}.dump(
                     2)
              << '\n';
  } else {
    std::cout << (good ? "device and CPU reference agree" : "device and CPU reference DISAGREE")
              << '\n';
  }
  return good ? 0 : 1;
}

}  // namespace halyard::tools
