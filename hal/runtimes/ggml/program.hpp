// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Graphs as programs of the HAL, kept and bound to other buffers when the same graph comes again.

#include <cstdint>
#include <halyard/halyard.hpp>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "interface.hpp"

namespace halyard::ggml {

/// One thread at a time.
class Programs {
 public:
  /// The tensors are in buffers of `type`.
  Programs(Device device, ggml_backend_buffer_type_t type)
      : device_(std::move(device)), type_(type) {}

  /// Runs all of the graph behind the points, and waits; one submit, unless the chip takes fewer
  /// commands in one. Throws Error.
  void run(ggml_cgraph* graph, Queue& queue, std::span<const Point> waits);

  [[nodiscard]] std::uint64_t recorded() const { return recorded_; }
  /// Graphs that needed no job since what they compute has no elements; none of views alone.
  [[nodiscard]] std::uint64_t empty() const { return empty_; }

 private:
  struct Entry {
    std::string key;
    std::vector<Program> programs;  ///< to be run one after the other
  };
  using Entries = std::list<Entry>;
  class Scan;

  const Entry& find(const Scan& scan);
  void record(const Scan& scan, std::size_t first, std::size_t count,
              std::vector<Program>& programs);

  static constexpr std::size_t kMaxEntries = 128;

  const Device device_;
  ggml_backend_buffer_type_t type_;
  Entries entries_;  ///< most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
  std::uint64_t recorded_ = 0, empty_ = 0;
};

}  // namespace halyard::ggml
