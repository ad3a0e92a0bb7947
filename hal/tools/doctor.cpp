// SPDX-License-Identifier: MIT
// halyard doctor: one sentence per cause that keeps a device from being used.

#include <halyard/halyard.hpp>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "commands.hpp"

namespace halyard::tools {

int run_doctor(const Options& options) {
  std::vector<std::pair<std::string, std::string>> causes;
  halyard_diagnose(
      [](const char* code, const char* sentence, void* user) {
        static_cast<std::vector<std::pair<std::string, std::string>>*>(user)->emplace_back(
            code, sentence);
      },
      &causes);
  const auto devices = enumerate();
  const auto usable = std::ranges::count_if(
      devices, [](const halyard_device_info& device) { return device.usable != 0; });
  if (options.json) {
    nlohmann::json json{{"usable", usable}, {"causes", nlohmann::json::array()}};
    for (const auto& [code, sentence] : causes)
      json["causes"].push_back({{"code", code}, {"text", sentence}});
    std::cout << json.dump(2) << '\n';
  } else {
    for (const auto& [code, sentence] : causes)
      std::cout << code << ": " << sentence << '\n';
    std::cout << usable << (usable == 1 ? " device is" : " devices are") << " usable\n";
  }
  return usable != 0 ? 0 : 1;
}

}  // namespace halyard::tools
