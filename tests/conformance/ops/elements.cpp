// SPDX-License-Identifier: MIT

#include "elements.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace halyard::conformance {
namespace {

float from_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  float value = 0;
  if (exponent == 0x1f) {
    value = fraction != 0 ? NAN : INFINITY;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    value = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

/// For small values that need no rounding beyond truncation: what inputs are made of.
std::uint16_t to_f16(float value) {
  if (value == 0) return 0;
  int exponent = 0;
  const float fraction = std::frexp(std::fabs(value), &exponent);  // [0.5, 1)
  if (exponent < -13) return 0;
  const auto bits = static_cast<std::uint16_t>((exponent + 14) << 10 |
                                               (static_cast<int>(fraction * 2048) & 0x3ff));
  return static_cast<std::uint16_t>(bits | (value < 0 ? 0x8000 : 0));
}

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <class T>
void store(std::byte* bytes, T value) {
  std::memcpy(bytes, &value, sizeof(value));
}

bool is_whole(halyard_dtype dtype) {
  return dtype == HALYARD_I8 || dtype == HALYARD_U8 || dtype == HALYARD_I32;
}

}  // namespace

double element(const std::byte* bytes, halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
      return load<float>(bytes);
    case HALYARD_F16:
      return from_f16(load<std::uint16_t>(bytes));
    case HALYARD_BF16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(bytes)) << 16);
    case HALYARD_I8:
      return load<std::int8_t>(bytes);
    case HALYARD_U8:
      return load<std::uint8_t>(bytes);
    case HALYARD_I32:
      return load<std::int32_t>(bytes);
  }
  return 0;
}

void set_element(std::byte* bytes, halyard_dtype dtype, double value) {
  switch (dtype) {
    case HALYARD_F32:
      return store(bytes, static_cast<float>(value));
    case HALYARD_F16:
      return store(bytes, to_f16(static_cast<float>(value)));
    case HALYARD_BF16:
      return store(bytes, static_cast<std::uint16_t>(
                              std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16));
    case HALYARD_I8:
      return store(bytes, static_cast<std::int8_t>(value));
    case HALYARD_U8:
      return store(bytes, static_cast<std::uint8_t>(std::fabs(value)));
    case HALYARD_I32:
      return store(bytes, static_cast<std::int32_t>(value));
  }
}

std::vector<std::byte> random_bytes(std::mt19937& random, std::uint64_t elements,
                                    halyard_dtype dtype, double range) {
  std::uniform_real_distribution<double> distribution(-range, range);
  const std::size_t size = halyard_dtype_size(dtype);
  std::vector<std::byte> bytes(elements * size);
  for (std::uint64_t i = 0; i < elements; ++i)
    set_element(bytes.data() + i * size, dtype, distribution(random));
  return bytes;
}

void compare(const std::string& name, halyard_dtype dtype, const std::byte* on_device,
             const std::byte* on_cpu, std::uint64_t elements, const Tolerance& tolerance) {
  const std::size_t size = halyard_dtype_size(dtype);
  int differences = 0;
  for (std::uint64_t i = 0; i < elements && differences < 5; ++i) {
    const double got = element(on_device + i * size, dtype),
                 expected = element(on_cpu + i * size, dtype);
    if (std::isnan(expected) && std::isnan(got)) continue;
    const double limit =
        is_whole(dtype) ? 0 : tolerance.absolute + tolerance.relative * std::fabs(expected);
    if (got == expected || std::fabs(got - expected) <= limit) continue;
    ++differences;
    ADD_FAILURE() << name << "[" << i << "]: device " << got << ", CPU " << expected << ", allowed "
                  << limit;
  }
}

}  // namespace halyard::conformance
