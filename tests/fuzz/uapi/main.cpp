// SPDX-License-Identifier: MIT
/// \file
/// Fuzzes the driver of one chip from inside the VM; see Documentation/testing.rst.

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "chip.hpp"
#include "fuzzer.hpp"

namespace {

using halyard::fuzz::Fuzzer;
using halyard::fuzz::Options;

constexpr const char* kUsage =
    "usage: PROGRAM [--seconds N] [--seed N] [--out DIR] [--corpus FILE]...\n"
    "       PROGRAM --replay FILE [--times N]    run the programs in FILE, nothing else\n"
    "       PROGRAM --minimise [--corpus FILE]...  leave in DIR/corpus what is needed of it\n";

enum class Mode { run, replay, minimise };

struct Arguments {
  Mode mode = Mode::run;
  Options options;
  unsigned times = 1;
};

void read_corpus(Options& options, const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("can't read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  for (auto& program : halyard::fuzz::parse(text.str()))
    options.corpus.push_back(std::move(program));
}

Arguments parse_arguments(std::span<char*> words) {
  Arguments arguments;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string word = words[i];
    if (word == "--minimise") {
      arguments.mode = Mode::minimise;
      continue;
    }
    if (i + 1 == words.size()) throw std::runtime_error(kUsage);
    const std::string value = words[++i];
    if (word == "--seconds") {
      arguments.options.time = std::chrono::seconds(std::stoul(value));
    } else if (word == "--seed") {
      arguments.options.seed = std::stoull(value);
    } else if (word == "--times") {
      arguments.times = static_cast<unsigned>(std::stoul(value));
    } else if (word == "--out") {
      arguments.options.out = value;
    } else if (word == "--corpus" || word == "--replay") {
      read_corpus(arguments.options, value);
      if (word == "--replay") arguments.mode = Mode::replay;
    } else {
      throw std::runtime_error(kUsage);
    }
  }
  return arguments;
}

bool run(Arguments arguments) {
  const auto chip = halyard::fuzz::make_chip();
  Fuzzer fuzzer(*chip, std::move(arguments.options));
  switch (arguments.mode) {
    case Mode::replay:
      return fuzzer.replay(arguments.times);
    case Mode::minimise:
      return fuzzer.minimise();
    case Mode::run:
      break;
  }
  return fuzzer.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse_arguments({argv, static_cast<std::size_t>(argc)})) ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
