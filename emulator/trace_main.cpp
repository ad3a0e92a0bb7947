// SPDX-License-Identifier: MIT

/// \file
/// halyard-trace: prints a card's trace as text, or checks that it is whole.

#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "chips/trace.hpp"

namespace {

using namespace halyard::emu;

constexpr char kUsage[] = R"(usage: halyard-trace [--check] FILE

Prints a trace that halyard-emulator --trace recorded, one event a line: milliseconds since the
first event, thread, event. --check only verifies the file and prints the number of events of each
kind. Exit status: 0 good, 1 the file is not a whole trace, 2 usage.
)";

constexpr std::string_view kNames[] = {
    "",          "bar-read", "bar-write", "config-read", "config-write", "dma-read",  "dma-write",
    "interrupt", "reset",    "power",     "bus-master",  "dma-map",      "dma-unmap", "note"};

bool known(const TraceRecord& record) {
  return record.kind >= 1 && record.kind < std::size(kNames);
}

const char* reset_name(std::uint64_t kind) {
  static constexpr const char* kKinds[] = {"function", "bus", "power-on"};
  return kind < std::size(kKinds) ? kKinds[kind] : "unknown";
}

void print_event(const TraceRecord& record) {
  const auto where = static_cast<unsigned long long>(record.where);
  const auto value = static_cast<unsigned long long>(record.value);
  switch (static_cast<TraceKind>(record.kind)) {
    case TraceKind::kBarRead:
    case TraceKind::kBarWrite:
      std::printf(" bar%llu+0x%06llx %s 0x%0*llx", where >> 56, where & ~(0xffull << 56),
                  record.kind == static_cast<std::uint8_t>(TraceKind::kBarRead) ? "->" : "<-",
                  record.size * 2, value);
      break;
    case TraceKind::kConfigRead:
      std::printf(" 0x%03llx -> 0x%0*llx", where, record.size * 2, value);
      break;
    case TraceKind::kConfigWrite:
      std::printf(" 0x%03llx <- 0x%0*llx", where, record.size * 2, value);
      break;
    case TraceKind::kDmaRead:
    case TraceKind::kDmaWrite:
    case TraceKind::kDmaMap:
    case TraceKind::kDmaUnmap:
      std::printf(" 0x%llx +0x%llx", where, value);
      break;
    case TraceKind::kInterrupt:
      std::printf(" vector %llu%s", where, value != 0 ? "" : " (lost)");
      break;
    case TraceKind::kReset:
      std::printf(" %s", reset_name(where));
      break;
    case TraceKind::kPower:
      std::printf(" %s", where == 0 ? "D0" : "D3hot");
      break;
    case TraceKind::kBusMaster:
      std::printf(" %s", where != 0 ? "on" : "off");
      break;
    case TraceKind::kNote:
      std::printf(" %llu 0x%llx", where, value);
      break;
  }
}

void print(const std::vector<TraceRecord>& records) {
  for (const TraceRecord& record : records) {
    std::printf("%14.6f %2u %-12s",
                static_cast<double>(record.time_ns - records.front().time_ns) / 1e6, record.thread,
                std::string(kNames[record.kind]).c_str());
    print_event(record);
    std::putchar('\n');
  }
}

void print_counts(const std::vector<TraceRecord>& records) {
  std::size_t counts[std::size(kNames)]{};
  for (const TraceRecord& record : records)
    ++counts[record.kind];
  for (std::size_t kind = 1; kind < std::size(kNames); ++kind) {
    if (counts[kind] != 0)
      std::printf("%-12s %zu\n", std::string(kNames[kind]).c_str(), counts[kind]);
  }
}

int run(const std::string& path, bool check) {
  const auto records = read_trace(path);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!known(records[i]) || records[i].time_ns < last) {
      std::fprintf(stderr, "halyard-trace: %s: record %zu %s\n", path.c_str(), i,
                   known(records[i]) ? "goes back in time" : "is of an unknown kind");
      return 1;
    }
    last = records[i].time_ns;
  }
  if (check) {
    print_counts(records);
  } else {
    print(records);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool help = argc == 2 && std::strcmp(argv[1], "--help") == 0;
  const bool check = argc == 3 && std::strcmp(argv[1], "--check") == 0;
  if (help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (!check && (argc != 2 || argv[1][0] == '-')) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    return run(argv[argc - 1], check);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "halyard-trace: %s\n", error.what());
    return 1;
  }
}
