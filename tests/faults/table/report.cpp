// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace halyard::faults {

void print_table(const std::string& chip, const std::vector<Row>& rows) {
  std::printf("\n%-24s %-8s %8s %8s %9s %9s %9s %9s\n", chip.c_str(), "load", "injected", "fired",
              "recovered", "inn. lost", "jobs", "worst ms");
  for (const auto& row : rows) {
    std::printf("%-24s %-8s %8" PRIu64 " %8" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64
                " %9lld\n",
                row.fault.c_str(), row.load.c_str(), row.injected, row.fired, row.recovered,
                row.lost, row.verified, static_cast<long long>(row.worst.count()));
  }
}

void write_json(const std::string& path, const std::string& chip, const std::vector<Row>& rows) {
  std::ofstream file(path);
  file << "[";
  for (const auto& row : rows) {
    file << (&row == rows.data() ? "\n" : ",\n") << R"({"chip": ")" << chip << R"(", "fault": ")"
         << row.fault << R"(", "load": ")" << row.load << R"(", "injected": )" << row.injected
         << R"(, "fired": )" << row.fired << R"(, "recovered": )" << row.recovered
         << R"(, "innocents_lost": )" << row.lost << R"(, "jobs": )" << row.verified
         << R"(, "worst_ms": )" << row.worst.count() << "}";
  }
  file << "\n]\n" << std::flush;
  if (!file) throw std::runtime_error("the table cannot be written to " + path);
}

}  // namespace halyard::faults
