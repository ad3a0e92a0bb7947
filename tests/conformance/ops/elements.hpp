// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Elements of every type on the host: values, random contents, comparisons.

#include <halyard/halyard.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace halyard::conformance {

/// How far a result may be from the reference: |device - cpu| <= absolute + relative * |cpu|.
/// Integers are always exact.
struct Tolerance {
  double absolute = 0, relative = 0;
};

double element(const std::byte* bytes, halyard_dtype dtype);
/// The values are small; f16 and bf16 take them truncated.
void set_element(std::byte* bytes, halyard_dtype dtype, double value);

/// Random values in [-range, range]; integers are whole numbers in it.
std::vector<std::byte> random_bytes(std::mt19937& random, std::uint64_t elements,
                                    halyard_dtype dtype, double range);

/// Compares, and stops after a few differences.
void compare(const std::string& name, halyard_dtype dtype, const std::byte* on_device,
             const std::byte* on_cpu, std::uint64_t elements, const Tolerance& tolerance);

}  // namespace halyard::conformance
