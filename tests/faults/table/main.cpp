// SPDX-License-Identifier: MIT
// Every injection that the first device's card offers, while the device is idle, while one client
// works, and while sixteen do.
//
// usage: faults [GoogleTest's options] [--rounds=N] [--timeout-ms=N] [--seed=N] [--table=FILE]
//               [--expect=FILE]
// --expect names a table to be used instead of the one that was built in for the chip.

#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fault_test.hpp"

namespace {

using halyard::faults::Options;

unsigned number(std::string_view word, std::string_view text) {
  unsigned value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || value == 0)
    throw std::invalid_argument(std::string(word) + " wants a number above 0");
  return value;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct CommandLine {
  Options options;
  std::string expect;
};

CommandLine parse(int argc, char** argv) {
  CommandLine result;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto equals = word.find('=');
    if (equals == word.npos) throw std::invalid_argument("there is no option " + std::string(word));
    const auto key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "--rounds") {
      result.options.rounds = number(key, value);
    } else if (key == "--timeout-ms") {
      result.options.timeout_ms = number(key, value);
    } else if (key == "--seed") {
      result.options.seed = number(key, value);
    } else if (key == "--table") {
      result.options.table = value;
    } else if (key == "--expect") {
      result.expect = value;
    } else {
      throw std::invalid_argument("there is no option " + std::string(key));
    }
  }
  return result;
}

std::string table_of(const std::string& chip, const std::string& path) {
  std::string text =
      path.empty() ? std::string(halyard::faults::find_table(chip)) : read_file(path);
  if (text.empty())
    throw std::runtime_error("there is no tests/vm/" + chip +
                             "/faults.txt that says what injections must come to");
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    const auto line = parse(argc, argv);
    halyard::faults::Session session;
    session.options = line.options;
    session.cases = halyard::faults::parse_table(table_of(session.card.chip(), line.expect));
    session.random.seed(line.options.seed);
    halyard::faults::register_tests(session);
    const int status = RUN_ALL_TESTS();
    halyard::faults::print_table(session.card.chip(), session.rows);
    if (!line.options.table.empty())
      halyard::faults::write_json(line.options.table, session.card.chip(), session.rows);
    return status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "faults: %s\n", error.what());
    return 1;
  }
}
