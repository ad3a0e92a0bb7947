// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Device time that one job may take, as an administrator sets it.

#include <filesystem>
#include <fstream>
#include <string>

#include "client.hpp"
#include "lost.hpp"

namespace halyard::test {

/// Sets the limit for as long as this object lives.
class JobLimit {
 public:
  explicit JobLimit(unsigned ms) {
    std::ifstream(file()) >> before_;
    write_file(file(), std::to_string(ms));
  }
  ~JobLimit() { std::ofstream(file()) << before_; }
  JobLimit(const JobLimit&) = delete;
  JobLimit& operator=(const JobLimit&) = delete;

  [[nodiscard]] unsigned before() const { return before_; }

  static std::filesystem::path file() {
    return "/sys/class/accel" / std::filesystem::path(device_node()).filename() / "job_limit_ms";
  }

 private:
  unsigned before_ = 0;
};

}  // namespace halyard::test
