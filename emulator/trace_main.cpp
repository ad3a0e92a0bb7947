// SPDX-License-Identifier: MIT

/// \file
/// halyard-trace: prints a card's trace as text, checks that it is whole, or replays it.

#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "chips/chip.hpp"
#include "chips/judge.hpp"
#include "chips/trace.hpp"
#include "vfio_user/log.hpp"
#include "vfio_user/replay.hpp"

namespace {

using namespace halyard::emu;

constexpr int kExitGood = 0;
constexpr int kExitBroken = 1;
constexpr int kExitUsage = 2;
constexpr int kExitDiffers = 3;

constexpr char kUsage[] = R"(usage: halyard-trace FILE
       halyard-trace --check FILE
       halyard-trace --replay CHIP FILE

Reads a trace that halyard-emulator --trace recorded. Prints it, one event a line: milliseconds
since the first event, thread, event. --check verifies the file and prints the number of events of
each kind. --replay gives a new card of that chip the recorded register accesses and resets, up to
its first DMA, and prints what it answers otherwise than recorded.

Exit status: 0 good, 1 the file is not a whole trace, 2 usage, 3 the replay differs.
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

void print_line(const TraceRecord& first, const TraceRecord& record) {
  std::printf("%14.6f %2u %-12s", static_cast<double>(record.time_ns - first.time_ns) / 1e6,
              record.thread, std::string(kNames[record.kind]).c_str());
  print_event(record);
}

void print(const std::vector<TraceRecord>& records) {
  for (const TraceRecord& record : records) {
    print_line(records.front(), record);
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

/// The records of a trace that is whole. Throws std::runtime_error for any other.
std::vector<TraceRecord> load(const std::string& path) {
  auto records = read_trace(path);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::string where = path + ": record " + std::to_string(i);
    if (!known(records[i])) throw std::runtime_error(where + " is of an unknown kind");
    if (records[i].time_ns < last) throw std::runtime_error(where + " goes back in time");
    last = records[i].time_ns;
  }
  return records;
}

int replay_on(const ChipKind& kind, const std::vector<TraceRecord>& records) {
  Judge judge;
  Trace trace;
  const auto chip = kind.make({}, judge, trace);
  vfio_user::set_quiet(true);
  const auto result = vfio_user::replay(records, *chip);
  for (const auto& difference : result.differences) {
    print_line(records.front(), records[difference.record]);
    std::printf(", now 0x%llx\n", static_cast<unsigned long long>(difference.value));
  }
  std::printf("replayed %zu of %zu events, compared %zu answers, %zu differ\n", result.replayed,
              records.size(), result.compared, result.differences.size());
  return result.differences.empty() ? kExitGood : kExitDiffers;
}

int run(std::span<char* const> arguments) {
  const std::string_view mode = arguments.empty() ? "" : arguments[0];
  if (mode == "--help" && arguments.size() == 1) {
    std::fputs(kUsage, stdout);
    return kExitGood;
  }
  if (mode == "--check" && arguments.size() == 2) {
    print_counts(load(arguments[1]));
    return kExitGood;
  }
  if (mode == "--replay" && arguments.size() == 3) {
    const ChipKind* kind = find_chip_kind(arguments[1]);
    if (kind != nullptr) return replay_on(*kind, load(arguments[2]));
    std::fprintf(stderr, "halyard-trace: no chip '%s' in this build\n", arguments[1]);
    return kExitUsage;
  }
  if (arguments.size() == 1 && !mode.starts_with('-')) {
    print(load(arguments[0]));
    return kExitGood;
  }
  std::fputs(kUsage, stderr);
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "halyard-trace: %s\n", error.what());
    return kExitBroken;
  }
}
