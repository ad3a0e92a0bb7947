// SPDX-License-Identifier: MIT

#include "differential.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>

#include "fixture.hpp"

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

bool is_whole(halyard_dtype dtype) {
  return dtype == HALYARD_I8 || dtype == HALYARD_U8 || dtype == HALYARD_I32;
}

/// Compares, and stops after a few differences.
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

/// Where tensors are that share a buffer.
struct Places {
  std::vector<std::uint64_t> offsets;
  std::uint64_t bytes = 64;  ///< none is empty
};

Places place(std::span<const halyard_host_tensor> tensors) {
  Places places;
  for (const auto& tensor : tensors) {
    places.offsets.push_back(places.bytes);
    places.bytes += (tensor.bytes + 63) / 64 * 64;
  }
  return places;
}

}  // namespace

const Device& device() {
  static const Device opened = test::open_device();
  return opened;
}

std::vector<std::byte> Differential::random_bytes(std::uint64_t elements, halyard_dtype dtype,
                                                  double range) {
  std::uniform_real_distribution<double> distribution(-range, range);
  const std::size_t size = halyard_dtype_size(dtype);
  std::vector<std::byte> bytes(elements * size);
  for (std::uint64_t i = 0; i < elements; ++i)
    set_element(bytes.data() + i * size, dtype, distribution(random_));
  return bytes;
}

Tensor Differential::input(const Dims& dims, halyard_dtype dtype, double range) {
  const auto name = "in" + std::to_string(inputs_.size());
  const auto tensor = graph.input(name, dims, dtype);
  inputs_.push_back({name, dtype, random_bytes(tensor.elements(), dtype, range)});
  return tensor;
}

Tensor Differential::constant(const Dims& dims, halyard_dtype dtype, double range) {
  std::uint64_t elements = 1;
  for (const auto dim : dims)
    elements *= dim;
  const auto bytes = random_bytes(elements, dtype, range);
  return graph.constant(std::span<const std::byte>(bytes), dims, dtype);
}

Tensor Differential::values(const Dims& dims, halyard_dtype dtype,
                            const std::vector<double>& values) {
  const std::size_t size = halyard_dtype_size(dtype);
  std::vector<std::byte> bytes(values.size() * size);
  for (std::size_t i = 0; i < values.size(); ++i)
    set_element(bytes.data() + i * size, dtype, values[i]);
  return graph.constant(std::span<const std::byte>(bytes), dims, dtype);
}

void Differential::expect_equal(const Tensor& result, const Tolerance& tolerance) {
  expect_equal(std::vector{result}, tolerance);
}

void Differential::expect_equal(const std::vector<Tensor>& results, const Tolerance& tolerance) {
  std::vector<std::vector<std::byte>> on_cpu;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < results.size(); ++i) {
    names.push_back("out" + std::to_string(i));
    graph.output(names.back(), results[i]);
    on_cpu.emplace_back(results[i].bytes());
  }
  std::vector<halyard_host_tensor> tensors;
  for (auto& input : inputs_)
    tensors.push_back({input.name.c_str(), input.bytes.data(), input.bytes.size()});
  for (std::size_t i = 0; i < results.size(); ++i) {
    tensors.push_back({names[i].c_str(), on_cpu[i].data(), on_cpu[i].size()});
  }
  graph.evaluate(tensors);

  const auto program = device().compile(graph);
  const auto host = std::span<const halyard_host_tensor>(tensors);
  const auto inputs = place(host.first(inputs_.size()));
  const auto outputs = place(host.subspan(inputs_.size()));
  const auto in = device().allocate(inputs.bytes), out = device().allocate(outputs.bytes);
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    std::memcpy(in.map().data() + inputs.offsets[i], tensors[i].data, tensors[i].bytes);
  std::memset(out.map().data(), 0xa5, outputs.bytes);
  std::vector<Binding> bindings;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    bindings.push_back({tensors[i].name, in, inputs.offsets[i]});
  for (std::size_t i = 0; i < results.size(); ++i)
    bindings.push_back({names[i].c_str(), out, outputs.offsets[i]});
  auto queue = device().create_queue();
  const auto before = device().jobs().completed;
  queue.submit(program, bindings).wait(std::chrono::seconds(60));
  EXPECT_EQ(device().jobs().completed, before + 1);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto* bytes = out.map().data() + outputs.offsets[i];
    compare(names[i], results[i].dtype(), bytes, on_cpu[i].data(), results[i].elements(),
            tolerance);
  }
}

namespace {

/// Distance between neighbouring values around 1.
double epsilon(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F16:
      return 0x1p-10;
    case HALYARD_BF16:
      return 0x1p-7;
    default:
      return 0x1p-23;
  }
}

}  // namespace

Tolerance product_tolerance(halyard_dtype dtype, std::size_t terms) {
  // Each term is at most 4 with inputs up to 2; float32 sums lose half an ulp of the running sum
  // per term.
  const double n = static_cast<double>(terms);
  return {4 * n * 0x1p-24 * std::sqrt(n) + epsilon(dtype) * 0x1p-10, epsilon(dtype)};
}

Tolerance rounding_tolerance(halyard_dtype dtype) {
  return {4e-7, epsilon(dtype) + 4e-6};
}

std::string dtype_name(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
      return "f32";
    case HALYARD_F16:
      return "f16";
    case HALYARD_BF16:
      return "bf16";
    case HALYARD_I8:
      return "i8";
    case HALYARD_U8:
      return "u8";
    case HALYARD_I32:
      return "i32";
  }
  return "unknown";
}

}  // namespace halyard::conformance
