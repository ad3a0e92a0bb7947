// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Runs a graph on the device and by the CPU reference, and compares.

#include <halyard/halyard.hpp>

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "elements.hpp"

namespace halyard::conformance {

/// A graph with inputs of random contents. Values are small, so that sums stay well inside every
/// type.
class Differential {
 public:
  explicit Differential(std::uint32_t seed = 1) : random_(seed) {}

  Graph graph;

  using Dims = std::vector<std::uint32_t>;

  /// An input of random values in [-range, range]; integers are whole numbers in it.
  Tensor input(const Dims& dims, halyard_dtype dtype, double range = 2);
  /// A constant of random values.
  Tensor constant(const Dims& dims, halyard_dtype dtype, double range = 2);
  /// A constant of these values.
  Tensor values(const Dims& dims, halyard_dtype dtype, const std::vector<double>& values);

  /// Makes `result` an output, runs both and compares every element. The device's job counter must
  /// have grown by one. The inputs are in one buffer and the outputs in another: chips differ in
  /// how many buffers a job may have.
  void expect_equal(const Tensor& result, const Tolerance& tolerance);
  void expect_equal(const std::vector<Tensor>& results, const Tolerance& tolerance);

 private:
  struct Memory {
    std::string name;
    halyard_dtype dtype;
    std::vector<std::byte> bytes;
  };
  std::mt19937 random_;
  std::vector<Memory> inputs_;
};

/// The device under test.
const Device& device();

/// Tolerance for sums of `terms` products whose results have this type.
Tolerance product_tolerance(halyard_dtype dtype, std::size_t terms);
/// Tolerance for one rounding to this type after a few float32 operations.
Tolerance rounding_tolerance(halyard_dtype dtype);

/// "f32" and so on, for names of parameterised tests.
std::string dtype_name(halyard_dtype dtype);

}  // namespace halyard::conformance
