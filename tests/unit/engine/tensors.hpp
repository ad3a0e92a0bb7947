// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Tensors for tests: memory of their own, random layouts and values, comparison.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace halyard::engine::testing {

using Dims = std::vector<std::uint32_t>;

/// Deterministic random numbers: the same seed gives the same on every machine.
class Random {
 public:
  explicit Random(std::uint32_t seed) : generator_(seed) {}

  /// An integer from low to high, both included.
  std::int64_t integer(std::int64_t low, std::int64_t high);
  std::uint32_t dim(std::uint32_t low, std::uint32_t high);
  bool chance(double probability);
  float real(float low, float high);
  template <typename T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[integer(0, static_cast<std::int64_t>(choices.size()) - 1)];
  }

 private:
  std::mt19937 generator_;
};

/// How a tensor lies in memory.
enum class Layout : std::uint8_t {
  kContiguous,
  kOutput,  ///< axes in any order, gaps between them, negative strides
  kInput    ///< and axes of stride zero as well
};

/// Values that a tensor is filled with.
enum class Values : std::uint8_t {
  kOrdinary,  ///< floats around 1, integers over their type's whole range
  kExtreme,   ///< integers from the ends of their range; floats large and small, within f16
  kSpecial    ///< NaN, infinities, subnormals, zeros of both signs among ordinary ones
};

/// A tensor and the memory that it lies in, no byte more than it needs: an address sanitizer sees
/// any access outside.
class Storage {
 public:
  /// Absent.
  Storage() = default;
  /// Contiguous, all bytes zero.
  Storage(DType type, const Dims& dims);
  Storage(DType type, const Dims& dims, Layout layout, Random& random);
  /// Contiguous, with these values.
  Storage(DType type, const Dims& dims, std::initializer_list<double> values);
  Storage(const Storage& other);
  Storage(Storage&& other) noexcept;
  Storage& operator=(const Storage& other);
  Storage& operator=(Storage&& other) noexcept;
  ~Storage() = default;

  [[nodiscard]] const Tensor& tensor() const { return tensor_; }
  operator const Tensor&() const { return tensor_; }  // NOLINT(google-explicit-constructor)

  /// Elements in row-major order of their indices.
  [[nodiscard]] std::vector<double> values() const;
  [[nodiscard]] std::vector<std::uint32_t> bits() const;
  void set(const std::function<double(std::size_t)>& value);
  void randomize(Random& random, Values values = Values::kOrdinary);
  /// The same tensor with the absolute value of each element.
  [[nodiscard]] Storage magnitudes() const;
  /// All bytes of the memory but those of the elements.
  [[nodiscard]] std::vector<std::byte> gaps() const;
  /// All bytes become one that says "untouched".
  void paint();

 private:
  void place(Layout layout, Random* random);

  std::vector<std::byte> memory_;
  std::size_t origin_ = 0;  ///< of element 0 in the memory
  Tensor tensor_;
};

/// A tensor's shape, layout and values, for failure messages.
std::string describe(const Tensor& tensor);

/// Distance that may lie between two results for the element at a place in row-major order.
using Tolerance = std::function<double(std::size_t, double expected)>;

/// Expects the tensors to agree (NaN with NaN, infinities exactly) and their gaps to be untouched.
void expect_near(const Storage& actual, const Storage& expected, const Tolerance& tolerance);
void expect_equal(const Storage& actual, const Storage& expected);

/// Runs an operation by both implementations on outputs like `out` and returns {fast, reference}.
struct Results {
  Storage fast;
  Storage reference;
};
using Operation = std::function<std::string(const Arithmetic&, const Tensor& out)>;
Results run_both(const Storage& out, const Operation& operation);

/// Half the distance between neighbouring values of the type near `value`; 0 for integers.
double rounding_of(DType type, double value);

/// Names a test after its type.
std::string type_name(const ::testing::TestParamInfo<DType>& info);

inline constexpr std::initializer_list<DType> kFloats = {DType::kF32, DType::kF16, DType::kBF16};

}  // namespace halyard::engine::testing
