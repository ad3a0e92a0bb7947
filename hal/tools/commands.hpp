// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace halyard::tools {

/// What the command line asks for, after the command's own word.
struct Options {
  bool json = false;
  std::string device;  ///< empty: the first usable one
  unsigned show = 3;   ///< images to print
  unsigned in_flight = 8;
  std::string file;  ///< of a command that takes one
};

/// Each returns the exit status and throws halyard::Error or std::exception.
int run_list(const Options& options);
int run_info(const Options& options);
int run_doctor(const Options& options);
int run_digits(const Options& options);
int run_dump(const Options& options);

}  // namespace halyard::tools
