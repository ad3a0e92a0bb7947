// SPDX-License-Identifier: MIT
// halyard list, halyard info.

#include <halyard/halyard.hpp>

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.hpp"

namespace halyard::tools {
namespace {

nlohmann::json to_json(const halyard_device_info& info) {
  return {{"path", info.path},
          {"chip", info.chip},
          {"name", info.name},
          {"platform", info.platform},
          {"bus", info.bus},
          {"driver_version", info.driver_version},
          {"firmware", info.firmware},
          {"chip_revision", {info.chip_revision >> 16, info.chip_revision & 0xffff}},
          {"memory_size", info.memory_size},
          {"memory_used", info.memory_used},
          {"usable", info.usable != 0},
          {"problem", info.problem}};
}

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

void print_row(std::string_view key, const std::string& value) {
  std::cout << "  " << std::left << std::setw(12) << key << value << '\n';
}

std::string describe(const halyard_memory_info& region) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << mebibytes(region.used) << " of "
       << mebibytes(region.bytes) << " MiB in use, " << region.name
       << (region.is_host != 0 ? " (the host's)" : "");
  return text.str();
}

void print_info(const Device& device) {
  const auto info = device.info();
  std::cout << info.path << ": " << info.name << '\n';
  print_row("chip", std::string(info.chip) + ", revision " +
                        std::to_string(info.chip_revision >> 16) + "." +
                        std::to_string(info.chip_revision & 0xffff));
  print_row("platform", info.platform);
  if (info.bus[0] != '\0') print_row("bus", info.bus);
  if (info.driver_version[0] != '\0') print_row("driver", info.driver_version);
  print_row("firmware", info.firmware[0] != '\0' ? info.firmware : "none");
  std::string text;
  for (const auto& engine : device.engines()) {
    text += (text.empty() ? "" : ", ") + std::to_string(engine.count) + " x " + engine.name;
  }
  print_row("engines", text);
  for (const auto& region : device.memory())
    print_row("memory", describe(region));
}

}  // namespace

int run_list(const Options& options) {
  const auto devices = enumerate();
  if (options.json) {
    auto list = nlohmann::json::array();
    for (const auto& device : devices)
      list.push_back(to_json(device));
    std::cout << list.dump(2) << '\n';
    return 0;
  }
  if (devices.empty()) {
    std::cout << "no devices; \"halyard doctor\" says why\n";
    return 0;
  }
  for (const auto& device : devices) {
    std::cout << std::left << std::setw(20) << device.path << std::setw(12) << device.chip
              << std::setw(5) << device.platform << std::setw(14) << device.bus
              << (device.usable != 0 ? device.name : device.problem) << '\n';
  }
  return 0;
}

int run_info(const Options& options) {
  const auto device = options.device.empty() ? Device::open() : Device::open(options.device);
  if (options.json) {
    auto json = to_json(device.info());
    for (const auto& engine : device.engines()) {
      json["engines"].push_back(
          {{"name", engine.name}, {"class", engine.engine_class}, {"count", engine.count}});
    }
    for (const auto& region : device.memory()) {
      json["memory"].push_back({{"name", region.name},
                                {"host", region.is_host != 0},
                                {"size", region.bytes},
                                {"used", region.used}});
    }
    std::cout << json.dump(2) << '\n';
    return 0;
  }
  print_info(device);
  return 0;
}

}  // namespace halyard::tools
