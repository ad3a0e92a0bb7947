// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What calls of the kernel have executed: KCOV's trace of the modules, where they are built with
/// scripts/kbuild --instrument kcov.

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "client.hpp"

namespace halyard::fuzz {

/// The trace of a thread. Where the kernel has no KCOV it stays empty.
class Trace {
 public:
  Trace();

  /// From the thread to be traced, which it then is until it ends.
  void start();
  void clear();
  /// Addresses in the modules, in the order of execution, since clear().
  [[nodiscard]] std::span<const std::uint64_t> addresses() const;
  [[nodiscard]] bool available() const { return file_.get() >= 0; }

 private:
  test::File file_;
  test::Mapping memory_;
};

/// What can be new about a run: which address follows which. Sorted.
std::vector<std::uint64_t> features_of(std::span<const std::uint64_t> addresses);

/// All that was seen.
class Coverage {
 public:
  void add_addresses(std::span<const std::uint64_t> addresses);
  /// Those of `features` that were not seen before; they are from now on.
  std::vector<std::uint64_t> add(std::span<const std::uint64_t> features);

  [[nodiscard]] std::size_t addresses() const { return addresses_.size(); }
  [[nodiscard]] std::size_t features() const { return features_.size(); }
  /// One line for each address: module, section, offset in it; all in hexadecimal.
  [[nodiscard]] std::string report() const;

 private:
  std::set<std::uint64_t> addresses_;
  std::unordered_set<std::uint64_t> features_;
};

}  // namespace halyard::fuzz
