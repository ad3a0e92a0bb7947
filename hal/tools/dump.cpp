// SPDX-License-Identifier: MIT
// halyard dump FILE: prints what the kernel kept of a failure.

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include "commands.hpp"
#include "dump_file.hpp"

namespace halyard::tools {

int run_dump(const Options& options) {
  // To the end: files in sysfs do not know their sizes.
  std::ifstream file(options.file, std::ios::binary);
  if (!file) throw std::system_error(errno, std::generic_category(), options.file);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) throw std::system_error(errno, std::generic_category(), options.file);
  try {
    print_dump(read_dump(std::as_bytes(std::span(bytes))), std::cout);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(options.file + ": " + error.what());
  }
  return 0;
}

}  // namespace halyard::tools
