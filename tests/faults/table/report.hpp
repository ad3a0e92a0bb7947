// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The table at the end: case x load.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace halyard::faults {

struct Row {
  std::string fault;  ///< name of the case
  std::string load;
  std::uint64_t injected = 0;   ///< rounds
  std::uint64_t fired = 0;      ///< events that the card spoilt in them
  std::uint64_t recovered = 0;  ///< rounds that ended as the chip's table says, the device usable
  std::uint64_t lost = 0;       ///< innocent clients that lost a job
  std::uint64_t verified = 0;   ///< jobs with right results meanwhile
  std::chrono::milliseconds worst{};  ///< from the injection until a new client's jobs were done
};

/// For people, on standard output.
void print_table(const std::string& chip, const std::vector<Row>& rows);
/// For programs: an array of objects. Throws when the file can't be written.
void write_json(const std::string& path, const std::string& chip, const std::vector<Row>& rows);

}  // namespace halyard::faults
