// SPDX-License-Identifier: MIT

/// \file
/// Builds firmware images, and the boot ROM's key, at build time.

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "chips/sloop/firmware/builder.hpp"

namespace {

using namespace halyard::emu::sloop;

constexpr char kUsage[] = "usage: sloop-firmware DESCRIPTION KEY IMAGE\n";

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  return text;
}

void write_file(const char* path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error(std::string("cannot write ") + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << kUsage;
    return 2;
  }
  try {
    write_file(argv[3],
               build_image(parse_description(read_file(argv[1])), SigningKey(read_file(argv[2]))));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "sloop-firmware: " << error.what() << '\n';
    return 1;
  }
}
