// SPDX-License-Identifier: MIT

#include "differential.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>

#include "fixture.hpp"

namespace halyard::conformance {
namespace {

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

Tensor Differential::input(const Dims& dims, halyard_dtype dtype, double range) {
  const auto name = "in" + std::to_string(inputs_.size());
  const auto tensor = graph.input(name, dims, dtype);
  inputs_.push_back({name, dtype, random_bytes(random_, tensor.elements(), dtype, range)});
  return tensor;
}

Tensor Differential::constant(const Dims& dims, halyard_dtype dtype, double range) {
  std::uint64_t elements = 1;
  for (const auto dim : dims)
    elements *= dim;
  const auto bytes = random_bytes(random_, elements, dtype, range);
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
