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

void print_info(const halyard_device_info& info, const std::vector<halyard_engine_info>& engines) {
  std::cout << info.path << ": " << info.name << '\n';
  print_row("chip", std::string(info.chip) + ", revision " +
                        std::to_string(info.chip_revision >> 16) + "." +
                        std::to_string(info.chip_revision & 0xffff));
  print_row("platform", info.platform);
  if (info.bus[0] != '\0') print_row("bus", info.bus);
  if (info.driver_version[0] != '\0') print_row("driver", info.driver_version);
  print_row("firmware", info.firmware[0] != '\0' ? info.firmware : "none");
  std::string text;
  for (const auto& engine : engines) {
    text += (text.empty() ? "" : ", ") + std::to_string(engine.count) + " x " + engine.name;
  }
  print_row("engines", text);
  std::ostringstream memory;
  memory << std::fixed << std::setprecision(1) << mebibytes(info.memory_used) << " of "
         << mebibytes(info.memory_size) << " MiB in use";
  print_row("memory", memory.str());
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
  const auto info = device.info();
  const auto engines = device.engines();
  if (options.json) {
    auto json = to_json(info);
    for (const auto& engine : engines) {
      json["engines"].push_back(
          {{"name", engine.name}, {"class", engine.engine_class}, {"count", engine.count}});
    }
    std::cout << json.dump(2) << '\n';
    return 0;
  }
  print_info(info, engines);
  return 0;
}

}  // namespace halyard::tools
