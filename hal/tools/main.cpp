// SPDX-License-Identifier: MIT
// The halyard command.

#include <getopt.h>
#include <halyard/halyard.hpp>

#include <array>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string_view>

#include "commands.hpp"

namespace {

using halyard::tools::Options;

constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    R"(usage: halyard COMMAND [OPTIONS]

commands:
  list            devices, also those that cannot be used
  info            one device in full
  doctor          why no device is usable, one sentence per cause; exit status 0 when one is
  dump FILE       what the kernel kept of a failure, /sys/class/devcoredump/devcd*/data, in words
  run digits      classify handwritten digits on the device and on the CPU, and compare

options:
  --device D      "/dev/accel/accel0", "sim:CHIP" or a kind of chip; default: the first usable one
  --json          for scripts (list, info, doctor, run digits)
  --show N        run digits: images to print, default 3
  --in-flight N   run digits: jobs under way at once, 1 to 64, default 8
  --version       version of the tool and of the library
  --help          this text

environment:
  HALYARD_PLATFORM=drm|sim    which platform to use
)";

struct Command {
  std::string_view words;
  int (*run)(const Options&);
  bool takes_file = false;  ///< after the words
};

constexpr std::array<Command, 5> kCommands{{{"list", halyard::tools::run_list},
                                            {"info", halyard::tools::run_info},
                                            {"doctor", halyard::tools::run_doctor},
                                            {"dump", halyard::tools::run_dump, true},
                                            {"run digits", halyard::tools::run_digits}}};

unsigned parse_number(std::string_view name, std::string_view text, unsigned from, unsigned to) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < from || value > to) {
    throw std::invalid_argument(std::string(name) + " takes a number from " + std::to_string(from) +
                                " to " + std::to_string(to) + ", not \"" + std::string(text) +
                                "\"");
  }
  return value;
}

std::string version_text(std::uint32_t version) {
  return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 0xff) + "." +
         std::to_string(version & 0xff);
}

void print_version() {
  std::cout << "halyard " << HALYARD_VERSION_MAJOR << '.' << HALYARD_VERSION_MINOR << '.'
            << HALYARD_VERSION_PATCH << ", libhalyard " << version_text(halyard_version()) << '\n';
}

int run(int argc, char** argv) {
  enum : int { kDevice = 256, kJson, kShow, kInFlight, kVersion, kHelpOption };
  static constexpr std::array<option, 7> kOptions{
      {{"device", required_argument, nullptr, kDevice},
       {"json", no_argument, nullptr, kJson},
       {"show", required_argument, nullptr, kShow},
       {"in-flight", required_argument, nullptr, kInFlight},
       {"version", no_argument, nullptr, kVersion},
       {"help", no_argument, nullptr, kHelpOption},
       {nullptr, 0, nullptr, 0}}};
  Options options;
  for (int option = 0; (option = getopt_long(argc, argv, "", kOptions.data(), nullptr)) != -1;) {
    switch (option) {
      case kDevice:
        options.device = optarg;
        break;
      case kJson:
        options.json = true;
        break;
      case kShow:
        options.show = parse_number("--show", optarg, 0, 10'000);
        break;
      case kInFlight:
        options.in_flight = parse_number("--in-flight", optarg, 1, 64);
        break;
      case kVersion:
        print_version();
        return 0;
      case kHelpOption:
        std::cout << kHelp;
        return 0;
      default:
        return kUsage;  // getopt has said why
    }
  }
  std::string words, before;
  for (const char* word :
       std::span(argv, static_cast<std::size_t>(argc)).subspan(static_cast<std::size_t>(optind))) {
    before = words;
    options.file = word;
    words += (words.empty() ? "" : " ") + std::string(word);
  }
  for (const auto& command : kCommands) {
    if (command.words == (command.takes_file ? before : words)) return command.run(options);
  }
  if (!words.empty()) std::cerr << "halyard: unknown command \"" << words << "\"\n";
  std::cerr << kHelp;
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "halyard: %s\n", error.what());
    return kUsage;
  } catch (const halyard::Error& error) {
    std::fprintf(stderr, "halyard: %s (%s)\n", error.what(), halyard_status_name(error.code()));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "halyard: %s\n", error.what());
  }
  return 1;
}
