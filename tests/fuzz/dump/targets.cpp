// SPDX-License-Identifier: MIT
#include "targets.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string>
#include <variant>

#include "dump_builder.hpp"
#include "dump_file.hpp"

namespace halyard::test {

namespace {

std::vector<std::byte> sound_dump(std::minstd_rand& random) {
  tools::test::DumpBuilder builder;
  for (unsigned n = static_cast<unsigned>(random() % 6); n > 0; --n) {
    switch (random() % 3) {
      case 0:
        builder.text("log", std::string(random() % 40, 'x') + "\n");
        break;
      case 1:
        builder.values("registers", {{"STATUS", random()}, {"CONTROL", random()}});
        break;
      default:
        builder.bytes("ring", random(), std::vector<std::uint8_t>(random() % 80, 0xa5));
    }
  }
  return builder.finish();
}

std::size_t bytes_of(const tools::DumpSection& section) {
  return std::visit([](const auto& data) { return data.size(); }, section.data);
}

void expect(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

}  // namespace

bool fuzz_dump(std::span<const std::uint8_t> bytes) {
  tools::Dump dump;
  try {
    dump = tools::read_dump(std::as_bytes(bytes));
  } catch (const std::runtime_error&) {
    return false;
  }
  std::size_t sum = 0;
  for (const auto& section : dump.sections)
    sum += bytes_of(section);
  expect(sum <= bytes.size(), "more was read than there is");
  std::ostringstream out;
  tools::print_dump(dump, out);
  const std::string text = out.str();
  expect(std::ranges::none_of(text,
                              [](char c) {
                                const auto code = static_cast<unsigned char>(c);
                                return (code < ' ' && c != '\n' && c != '\t') || code == 0x7f;
                              }),
         "a control character is printed");
  return true;
}

std::vector<std::uint8_t> mutated_dump(std::minstd_rand& random) {
  constexpr std::uint8_t kOdd[] = {0, 1, 2, 7, 8, 0x1b, 0x7f, 0x80, 0xff};
  const auto file = sound_dump(random);
  std::vector<std::uint8_t> bytes(file.size());
  std::memcpy(bytes.data(), file.data(), file.size());
  for (std::size_t n = random() % 4; n > 0; --n)
    bytes[random() % bytes.size()] = kOdd[random() % std::size(kOdd)];
  if (random() % 8 == 0) bytes.resize(random() % (bytes.size() + 64));
  return bytes;
}

}  // namespace halyard::test
