// SPDX-License-Identifier: MIT
#include "program.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <limits>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace halyard::fuzz {
namespace {

constexpr std::uint64_t kPage = 4096;

// ---- grammar ----

/// Calls of one structure have these two behind their own arguments.
std::vector<Parameter> with_poke(std::vector<Parameter> own) {
  own.push_back({"poke_at", Kind::poke_at});
  own.push_back({"poke_value", Kind::value});
  return own;
}

std::vector<Grammar> make_grammar() {
  using enum Kind;
  const Parameter on{"client", client};
  std::vector<Grammar> all(static_cast<std::size_t>(Op::count));
  const auto define = [&](Op op, std::string_view name, unsigned weight,
                          std::vector<Parameter> parameters) {
    all[static_cast<std::size_t>(op)] = {name, weight, std::move(parameters)};
  };

  define(Op::open, "open", 4, {on});
  define(Op::close, "close", 3, {on});
  define(Op::duplicate, "duplicate", 2, {on, {"to", client}});
  define(Op::fork, "fork", 1, {on, {"bo", bo}});
  define(Op::dev_query, "dev_query", 6, with_poke({on, {"type", small}, {"size", size}}));
  define(Op::bo_create, "bo_create", 20,
         with_poke({on, {"out", bo}, {"size", size}, {"region", small}}));
  define(Op::bo_userptr, "bo_userptr", 8,
         with_poke({on,
                    {"out", bo},
                    {"arena", arena},
                    {"offset", offset},
                    {"size", size},
                    {"flags", flags}}));
  define(Op::bo_info, "bo_info", 3, with_poke({on, {"bo", bo}}));
  define(Op::bo_mmap, "bo_mmap", 8,
         with_poke({on, {"bo", bo}, {"offset", offset}, {"size", size}, {"protection", flags}}));
  define(Op::bo_touch, "bo_touch", 8, {{"bo", bo}, {"offset", offset}, {"write", flags}});
  define(Op::bo_munmap, "bo_munmap", 3, {{"bo", bo}});
  define(Op::gem_close, "gem_close", 6, {on, {"bo", bo}});
  define(Op::vm_create, "vm_create", 8, with_poke({on, {"out", vm}}));
  define(Op::vm_destroy, "vm_destroy", 4, with_poke({on, {"vm", vm}}));
  define(Op::vm_map, "vm_map", 20,
         with_poke({on,
                    {"vm", vm},
                    {"bo", bo},
                    {"va", address},
                    {"offset", offset},
                    {"size", size},
                    {"flags", flags}}));
  define(Op::vm_unmap, "vm_unmap", 14,
         with_poke({on, {"vm", vm}, {"va", address}, {"size", size}}));
  define(Op::vm_bind, "vm_bind", 10,
         with_poke({on,
                    {"vm", vm},
                    {"bo", bo},
                    {"va", address},
                    {"size", size},
                    {"count", small},
                    {"types", value}}));
  define(Op::queue_create, "queue_create", 14,
         with_poke({on, {"vm", vm}, {"out", queue}, {"class", small}, {"priority", small}}));
  define(Op::queue_destroy, "queue_destroy", 6, with_poke({on, {"queue", queue}}));
  define(Op::queue_query, "queue_query", 4, with_poke({on, {"queue", queue}}));
  define(Op::submit, "submit", 50,
         with_poke({on,
                    {"queue", queue},
                    {"other", queue},
                    {"kind", small},
                    {"seed", value},
                    {"stream", bo},
                    {"data", bo},
                    {"mutation", flags},
                    {"wait", sync},
                    {"signal", sync}}));
  define(Op::sync_create, "sync_create", 8, with_poke({on, {"out", syncobj}, {"flags", flags}}));
  define(Op::sync_destroy, "sync_destroy", 3, with_poke({on, {"syncobj", syncobj}}));
  define(Op::sync_wait, "sync_wait", 10,
         {on, {"syncobj", syncobj}, {"point", point}, {"ms", small}, {"flags", flags}});
  define(Op::sync_export, "sync_export", 4,
         with_poke({on, {"syncobj", syncobj}, {"out", file}, {"flags", flags}}));
  define(Op::sync_import, "sync_import", 4,
         with_poke({on, {"file", file}, {"syncobj", syncobj}, {"flags", flags}}));
  define(Op::sync_signal, "sync_signal", 4, {on, {"syncobj", syncobj}, {"point", point}});
  define(Op::sync_reset, "sync_reset", 2, {on, {"syncobj", syncobj}});
  define(Op::sync_transfer, "sync_transfer", 4,
         with_poke({on, {"from", syncobj}, {"to", syncobj}, {"at", point}, {"as", point}}));
  define(Op::sync_query, "sync_query", 2, {on, {"syncobj", syncobj}, {"flags", flags}});
  define(Op::sync_eventfd, "sync_eventfd", 2,
         with_poke({on, {"syncobj", syncobj}, {"point", point}, {"flags", flags}}));
  define(Op::prime_export, "prime_export", 6,
         with_poke({on, {"bo", bo}, {"out", file}, {"flags", flags}}));
  define(Op::prime_import, "prime_import", 6, with_poke({on, {"file", file}, {"out", bo}}));
  define(Op::foreign, "foreign", 4, {{"out", file}, {"kind", small}, {"size", size}});
  define(Op::file_close, "file_close", 3, {{"file", file}});
  define(Op::dmabuf_touch, "dmabuf_touch", 3, {{"file", file}, {"offset", offset}});
  define(Op::dmabuf_sync, "dmabuf_sync", 3, {{"file", file}, {"flags", flags}});
  define(Op::dmabuf_export_sync, "dmabuf_export_sync", 3,
         {{"file", file}, {"out", file}, {"flags", flags}});
  define(Op::dmabuf_import_sync, "dmabuf_import_sync", 3,
         {{"file", file}, {"fence", file}, {"flags", flags}});
  define(Op::read_text, "read_text", 2, {on, {"which", small}});
  define(Op::raw, "raw", 4, {on, {"number", small}, {"size", small}, {"seed", value}});
  define(Op::inject, "inject", 1, {{"kind", small}, {"skip", small}, {"argument", small}});
  define(Op::pause, "pause", 1, {{"ms", small}});
  return all;
}

const std::vector<Grammar>& all_grammar() {
  static const std::vector<Grammar> all = make_grammar();
  return all;
}

Op random_op(Random& random) {
  static const unsigned sum =
      std::accumulate(all_grammar().begin(), all_grammar().end(), 0U,
                      [](unsigned total, const Grammar& one) { return total + one.weight; });
  std::uint64_t left = random.below(sum);
  std::size_t op = 0;
  while (left >= all_grammar()[op].weight)
    left -= all_grammar()[op++].weight;
  return static_cast<Op>(op);
}

// ---- values ----

template <std::size_t N>
std::uint64_t one_of(Random& random, const std::array<std::uint64_t, N>& values) {
  return values[random.below(N)];
}

std::uint64_t boundary(Random& random) {
  constexpr std::uint64_t k32 = std::numeric_limits<std::uint32_t>::max();
  constexpr std::uint64_t k64 = std::numeric_limits<std::uint64_t>::max();
  return one_of<24>(random,
                    {0,        1,          2,         3,   7,       8,         16,         63,
                     64,       65,         255,       256, 4095,    4096,      4097,       0x1fffff,
                     0x200000, 0x7fffffff, 1U << 31U, k32, k32 + 1, k64 >> 1U, k64 - 4095, k64});
}

std::uint64_t random_slot(Random& random) {
  if (random.one_in(40)) return random.one_in(2) ? boundary(random) : kSlots + random.below(4);
  // Mostly the same few, so that calls meet.
  return random.one_in(3) ? random.below(kSlots) : random.below(2);
}

std::uint64_t random_size(Random& random) {
  if (random.one_in(8)) return boundary(random);
  if (random.one_in(4)) return one_of<3>(random, {0x200000, 0x201000, 0x400000});
  return kPage * (1 + random.below(random.one_in(3) ? 64 : 4));
}

std::uint64_t random_offset(Random& random) {
  if (random.one_in(8)) return boundary(random);
  return random.one_in(2) ? 0 : kPage * random.below(16);
}

std::uint64_t random_address(Random& random) {
  const std::uint64_t base = random.one_in(12) ? kFromEnd : 0;
  if (random.one_in(16)) return (random.one_in(2) ? kRaw : base) | (boundary(random) & ~kRaw);
  // Few, so that ranges meet; some where a large page begins.
  return base + (random.one_in(2) ? 0x200000 * random.below(4) : kPage * random.below(24));
}

std::uint64_t random_point(Random& random) {
  return random.one_in(10) ? boundary(random) : random.below(4);
}

std::uint64_t random_sync(Random& random) {
  if (random.one_in(2)) return 0;
  return (1 + random.below(random.one_in(8) ? 2 * kSlots : 2)) |
         (random.one_in(2) ? random_point(random) << 8U : 0);
}

std::uint64_t random_value(Random& random, Kind kind) {
  switch (kind) {
    case Kind::client:
      // Two share most of the work.
      return random.one_in(30) ? random_slot(random) : random.below(random.one_in(5) ? 2 : 1);
    case Kind::bo:
    case Kind::vm:
    case Kind::queue:
    case Kind::syncobj:
    case Kind::file:
      return random_slot(random);
    case Kind::arena:
      return random.below(5);
    case Kind::small:
      return random.one_in(30) ? boundary(random) : random.below(random.one_in(3) ? 32 : 4);
    case Kind::size:
      return random_size(random);
    case Kind::offset:
      return random_offset(random);
    case Kind::address:
      return random_address(random);
    case Kind::flags:
      return random.one_in(30) ? boundary(random) : random.below(random.one_in(4) ? 8 : 2);
    case Kind::point:
      return random_point(random);
    case Kind::sync:
      return random_sync(random);
    case Kind::value:
      return random.one_in(3) ? boundary(random) : random.next();
    case Kind::poke_at:
      return random.one_in(25) ? 1 + random.below(24) : 0;
  }
  return 0;
}

Call random_call(Random& random, Op op) {
  Call call{.op = op, .arguments = {}};
  const std::vector<Parameter>& parameters = grammar(op).parameters;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    call.arguments.at(i) = random_value(random, parameters[i].kind);
  return call;
}

/// Beside a new random value, small steps and single bits.
std::uint64_t mutate_value(Random& random, Kind kind, std::uint64_t value) {
  switch (random.below(6)) {
    case 0:
      return value + 1;
    case 1:
      return value - 1;
    case 2:
      return value ^ std::uint64_t{1} << random.below(64);
    case 3:
      return boundary(random);
    default:
      return random_value(random, kind);
  }
}

void mutate_call(Call& call, Random& random) {
  const std::vector<Parameter>& parameters = grammar(call.op).parameters;
  if (parameters.empty()) return;
  const std::size_t which = random.below(parameters.size());
  call.arguments.at(which) = mutate_value(random, parameters[which].kind, call.arguments.at(which));
}

/// What a job needs to be accepted.
void add_prologue(Program& program, Random& random) {
  const auto add = [&](Op op, std::initializer_list<std::uint64_t> arguments) {
    Call call{.op = op, .arguments = {}};
    std::ranges::copy(arguments, call.arguments.begin());
    program.push_back(call);
  };
  const std::uint64_t region = random.one_in(4) ? 1 : 0;
  const std::uint64_t pages = 1 + random.below(8);
  add(Op::open, {0});
  add(Op::vm_create, {0, 0});
  add(Op::bo_create, {0, 0, 16 * kPage, 0});
  add(Op::bo_create, {0, 1, pages * kPage, region});
  add(Op::vm_map, {0, 0, 0, 0, 0, 16 * kPage});
  add(Op::vm_map, {0, 0, 1, 0x200000, 0, pages * kPage});
  add(Op::queue_create, {0, 0, 0, random.below(2), 1});
  if (random.one_in(2)) add(Op::queue_create, {0, 0, 1, random.below(2), random.below(4)});
  add(Op::sync_create, {0, 0});
}

// ---- text ----

std::uint64_t parse_number(std::string_view word, std::size_t line) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 16);
  if (error != std::errc{} || end != word.data() + word.size())
    throw std::runtime_error("line " + std::to_string(line) + ": " + std::string(word) +
                             " is no number");
  return value;
}

Call parse_call(const std::string& text, std::size_t line) {
  std::istringstream words(text);
  std::string name;
  words >> name;
  const auto found = std::ranges::find(all_grammar(), name, &Grammar::name);
  if (found == all_grammar().end())
    throw std::runtime_error("line " + std::to_string(line) + ": no call is named " + name);
  Call call{.op = static_cast<Op>(found - all_grammar().begin()), .arguments = {}};
  std::size_t next = 0;
  for (std::string word; words >> word;) {
    if (next == found->parameters.size())
      throw std::runtime_error("line " + std::to_string(line) + ": too many arguments");
    call.arguments.at(next++) = parse_number(word, line);
  }
  return call;
}

}  // namespace

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t value = state_;
  value = (value ^ value >> 30U) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27U) * 0x94d049bb133111eb;
  return value ^ value >> 31U;
}

const Grammar& grammar(Op op) {
  return all_grammar()[static_cast<std::size_t>(op)];
}

std::string to_text(const Program& program) {
  std::ostringstream text;
  text << std::hex;
  for (const Call& call : program) {
    text << grammar(call.op).name;
    // Zeroes at the end are what is left out.
    const auto last = std::ranges::find_if(call.arguments.rbegin(), call.arguments.rend(),
                                           [](std::uint64_t value) { return value != 0; });
    const auto count = static_cast<std::size_t>(call.arguments.rend() - last);
    for (std::size_t i = 0; i < count; ++i)
      text << ' ' << call.arguments.at(i);
    text << '\n';
  }
  return text.str();
}

std::vector<Program> parse(std::string_view text) {
  std::vector<Program> programs;
  std::istringstream lines{std::string(text)};
  Program program;
  std::size_t number = 0;
  const auto finish = [&] {
    if (!program.empty()) programs.push_back(std::exchange(program, {}));
  };
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      finish();
      continue;
    }
    program.push_back(parse_call(line, number));
  }
  finish();
  return programs;
}

Program generate(Random& random) {
  Program program;
  if (!random.one_in(6)) add_prologue(program, random);
  const std::size_t more = 2 + random.below(14);
  for (std::size_t i = 0; i < more; ++i)
    program.push_back(random_call(random, random_op(random)));
  return program;
}

void mutate(Program& program, Random& random, const Program& other) {
  const auto place = [&] {
    return program.begin() + static_cast<std::ptrdiff_t>(random.below(program.size() + 1));
  };
  for (std::uint64_t rounds = 1 + random.below(4); rounds != 0; --rounds) {
    const std::uint64_t which = program.empty() ? 0 : random.below(10);
    if (which < 3) {
      program.insert(place(), random_call(random, random_op(random)));
    } else if (which < 4) {
      program.erase(program.begin() + static_cast<std::ptrdiff_t>(random.below(program.size())));
    } else if (which < 5) {
      const Call call = program[random.below(program.size())];
      program.insert(place(), call);
    } else if (which < 6 && !other.empty()) {
      const std::size_t from = random.below(other.size());
      const std::size_t count = 1 + random.below(other.size() - from);
      program.insert(place(), other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + count));
    } else {
      mutate_call(program[random.below(program.size())], random);
    }
  }
  if (program.size() > kLongestProgram) program.resize(kLongestProgram);
}

void mutate_bytes(std::span<std::byte> bytes, Random& random) {
  if (bytes.size() < sizeof(std::uint32_t)) return;
  for (std::uint64_t rounds = 1 + random.below(3); rounds != 0; --rounds) {
    const std::size_t words = bytes.size() / sizeof(std::uint32_t);
    const std::size_t at = random.below(words) * sizeof(std::uint32_t);
    std::uint32_t word = 0;
    std::memcpy(&word, &bytes[at], sizeof(word));
    word = static_cast<std::uint32_t>(mutate_value(random, Kind::value, word));
    std::memcpy(&bytes[at], &word, sizeof(word));
  }
}

}  // namespace halyard::fuzz
