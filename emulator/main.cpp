// SPDX-License-Identifier: MIT

/// \file
/// halyard-emulator: a process that is a PCIe card.

#include <fcntl.h>
#include <getopt.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "chips/chip.hpp"
#include "chips/judge.hpp"
#include "chips/trace.hpp"
#include "vfio_user/log.hpp"
#include "vfio_user/pci_function.hpp"
#include "vfio_user/server.hpp"
#include "vfio_user/unique_fd.hpp"

namespace {

using namespace halyard::emu;

constexpr int kExitClean = 0;
constexpr int kExitError = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFindings = 4;

constexpr char kUsage[] =
    R"(usage: halyard-emulator --chip NAME (--socket-path PATH | --fd N) [options]
       halyard-emulator --list | --version | --help

A process that is a PCIe card. Attach it to a virtual machine (QEMU 10.1 or newer) with
  -device '{"driver":"vfio-user-pci","socket":{"path":"PATH","type":"unix"},"x-msg-timeout":60000}'
The machine's memory has to be shared: -object memory-backend-memfd,share=on,...

  --chip NAME         which chip the card carries; --list names them
  --socket-path PATH  listen here; the path appears when the card is ready
  --fd N              use this open socket, connected or listening
  --report FILE       write what the checker found, as JSON, when a machine leaves and at the end
  --trace FILE        record register accesses, DMA, interrupts and resets; read with halyard-trace
  --set NAME=VALUE    choose something of the card, as the chip's manual describes; may be repeated
  --inject SPEC       make an error happen, as the chip's manual describes; may be repeated
  --once              end when the first machine leaves
  --quiet             no log on stderr; findings are still printed

SIGTERM and SIGINT end it. Exit status: 0 clean, 1 the card could not be run, 2 usage,
4 the checker found that the driver broke a rule (each one is printed).
)";

struct Options {
  std::string chip;
  std::string socket_path;
  std::optional<int> fd;
  std::string report;
  std::string trace;
  ChipOptions chip_options;
  bool once = false;
};

class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

int parse_fd(const std::string& text) {
  int fd = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  if (error != std::errc{} || end != text.data() + text.size() || fd < 0) {
    throw UsageError("--fd takes the number of an open socket, not '" + text + "'");
  }
  return fd;
}

void list_chips() {
  for (const ChipKind& kind : chip_kinds()) {
    std::cout << kind.name << '\t' << kind.description << '\n';
  }
}

/// Nothing when an option answered already and the program ends.
std::optional<Options> parse_options(int argc, char** argv) {
  enum : int {
    kChip = 1,
    kSocketPath,
    kFd,
    kReport,
    kTrace,
    kInject,
    kSet,
    kOnce,
    kQuiet,
    kList,
    kVersion,
    kHelp
  };
  static const option kOptions[] = {{"chip", required_argument, nullptr, kChip},
                                    {"socket-path", required_argument, nullptr, kSocketPath},
                                    {"fd", required_argument, nullptr, kFd},
                                    {"report", required_argument, nullptr, kReport},
                                    {"trace", required_argument, nullptr, kTrace},
                                    {"inject", required_argument, nullptr, kInject},
                                    {"set", required_argument, nullptr, kSet},
                                    {"once", no_argument, nullptr, kOnce},
                                    {"quiet", no_argument, nullptr, kQuiet},
                                    {"list", no_argument, nullptr, kList},
                                    {"version", no_argument, nullptr, kVersion},
                                    {"help", no_argument, nullptr, kHelp},
                                    {nullptr, 0, nullptr, 0}};
  Options options;
  int which = 0;
  while ((which = getopt_long(argc, argv, "", kOptions, nullptr)) != -1) {
    switch (which) {
      case kChip:
        options.chip = optarg;
        break;
      case kSocketPath:
        options.socket_path = optarg;
        break;
      case kFd:
        options.fd = parse_fd(optarg);
        break;
      case kReport:
        options.report = optarg;
        break;
      case kTrace:
        options.trace = optarg;
        break;
      case kInject:
        options.chip_options.inject.emplace_back(optarg);
        break;
      case kSet:
        options.chip_options.settings.emplace_back(optarg);
        break;
      case kOnce:
        options.once = true;
        break;
      case kQuiet:
        vfio_user::set_quiet(true);
        break;
      case kList:
        list_chips();
        return std::nullopt;
      case kVersion:
        std::cout << "halyard-emulator " HALYARD_VERSION "\n";
        return std::nullopt;
      case kHelp:
        std::cout << kUsage;
        return std::nullopt;
      default:
        throw UsageError("");  // getopt has said what is wrong
    }
  }
  if (optind != argc) throw UsageError(std::string("unexpected argument '") + argv[optind] + "'");
  if (options.chip.empty()) throw UsageError("--chip is missing");
  if (options.socket_path.empty() == !options.fd) {
    throw UsageError("exactly one of --socket-path and --fd is needed");
  }
  return options;
}

/// SIGTERM and SIGINT as a file descriptor. Before any thread is started: threads inherit the mask.
vfio_user::UniqueFd block_stop_signals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  // A client may hand over a pipe for an eventfd and close its other end.
  ::signal(SIGPIPE, SIG_IGN);
  vfio_user::UniqueFd fd(::signalfd(-1, &stop, SFD_CLOEXEC));
  if (!fd) throw std::system_error(errno, std::generic_category(), "signalfd");
  return fd;
}

/// Readers see the old report or the new one, never a part.
void write_report(const std::string& path, const Judge& judge) {
  const std::string unfinished = path + ".new";
  std::ofstream file(unfinished, std::ios::trunc);
  file << judge.to_json() << '\n';
  file.close();
  if (!file || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    throw std::system_error(errno, std::generic_category(), "report " + path);
  }
}

bool is_listening(int fd) {
  int listening = 0;
  socklen_t size = sizeof(listening);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "--fd " + std::to_string(fd));
  }
  return listening != 0;
}

void serve(const Options& options, vfio_user::Server& server) {
  if (!options.fd) {
    const vfio_user::ListeningSocket socket(options.socket_path);
    vfio_user::log_line("listening on " + options.socket_path);
    server.run(socket.fd(), options.once);
    return;
  }
  vfio_user::UniqueFd socket(*options.fd);
  if (is_listening(socket.get())) {
    server.run(socket.get(), options.once);
  } else {
    server.run_connected(std::move(socket));
  }
}

int run(const Options& options) {
  const ChipKind* kind = find_chip_kind(options.chip);
  if (kind == nullptr)
    throw UsageError("no chip '" + options.chip + "' in this build; --list names those there are");

  const vfio_user::UniqueFd stop = block_stop_signals();
  Judge judge;
  const auto trace =
      options.trace.empty() ? std::make_unique<Trace>() : std::make_unique<Trace>(options.trace);
  std::unique_ptr<Chip> chip;
  try {
    chip = kind->make(options.chip_options, judge, *trace);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  const auto report = [&] {
    trace->flush();
    if (!options.report.empty()) write_report(options.report, judge);
  };
  report();  // a report that cannot be written is an error now, not after the machine has run
  {
    vfio_user::PciFunction function(*chip, *trace);
    vfio_user::Server server(function, stop.get(), report);
    serve(options, server);
  }
  report();
  const auto findings = judge.findings();
  for (const Finding& finding : findings) {
    std::cerr << "halyard-emulator: rule " << finding.rule << " broken " << finding.count
              << (finding.count == 1 ? " time: " : " times: ") << finding.text << '\n';
  }
  return findings.empty() ? kExitClean : kExitFindings;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto options = parse_options(argc, argv);
    return options ? run(*options) : kExitClean;
  } catch (const UsageError& error) {
    if (error.what()[0] != '\0') std::cerr << "halyard-emulator: " << error.what() << '\n';
    std::cerr << "Try 'halyard-emulator --help'.\n";
    return kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "halyard-emulator: " << error.what() << '\n';
    return kExitError;
  }
}
