// SPDX-License-Identifier: MIT

#include "digits_network.hpp"

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "safetensors.hpp"

// digits_data.S
extern "C" {
extern const std::byte halyard_digits_f32[], halyard_digits_f32_end[];
extern const std::byte halyard_digits_int8[], halyard_digits_int8_end[];
extern const std::byte halyard_digits_test[], halyard_digits_test_end[];
}

namespace halyard::tools {
namespace {

/// Tensors of one file, by name.
class Weights {
 public:
  Weights(const std::byte* begin, const std::byte* end)
      : tensors_(read_safetensors({begin, end})) {}

  [[nodiscard]] const FileTensor& find(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw std::runtime_error("the weights have no \"" + name + "\"");
    return found->second;
  }
  [[nodiscard]] float scalar(const std::string& name) const {
    const auto values = find(name).as<float>("F32");
    if (values.size() != 1) throw std::runtime_error("\"" + name + "\" is no scalar");
    return values.front();
  }
  Tensor f32_constant(Graph& graph, const std::string& name) const {
    return graph.constant(find(name).as<float>("F32"), find(name).dims, f32);
  }
  Tensor i8_constant(Graph& graph, const std::string& name) const {
    return graph.constant(find(name).as<std::int8_t>("I8"), find(name).dims, i8);
  }

 private:
  std::map<std::string, FileTensor, std::less<>> tensors_;
};

constexpr Conv2d kSame{.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
constexpr Pool2d kHalve{.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};

/// A bias that broadcasts along the channels of a convolution.
template <class T>
Tensor channel_bias(Graph& graph, std::span<const T> values, halyard_dtype dtype) {
  return graph.constant(values, {static_cast<std::uint32_t>(values.size()), 1, 1}, dtype);
}

void finish(Graph& graph, const Tensor& logits, const Tensor& real_logits) {
  graph.set_name(logits, "fc");
  const auto probabilities = graph.softmax(real_logits);
  graph.set_name(probabilities, "softmax");
  graph.output("logits", logits);
  graph.output("probabilities", probabilities);
}

/// Convolution, bias and ReLU in float32.
Tensor f32_layer(Graph& graph, const Weights& weights, const std::string& name, const Tensor& in) {
  const auto product = graph.conv2d(in, weights.f32_constant(graph, name + ".weight"), kSame);
  graph.set_name(product, name);
  const auto bias = channel_bias(graph, weights.find(name + ".bias").as<float>("F32"), f32);
  return graph.relu(graph.add(product, bias));
}

/// The multipliers of README.md's step 2, in its order of rounding.
std::vector<float> multipliers(const Weights& weights, const std::string& layer, float in_scale) {
  std::vector<float> result;
  const float out_scale = weights.scalar(layer + ".out_scale");
  for (const float scale : weights.find(layer + ".weight_scale").as<float>("F32")) {
    result.push_back(in_scale * scale / out_scale);
  }
  return result;
}

/// Bias and requantisation of a product whose channels run along `axis`.
Tensor requantised(Graph& graph, const Weights& weights, const std::string& name,
                   const Tensor& product, const Tensor& bias, float in_scale) {
  graph.set_name(product, name);
  const auto scales = multipliers(weights, name, in_scale);
  const auto scale = graph.constant(std::span<const float>(scales),
                                    {static_cast<std::uint32_t>(scales.size())}, f32);
  return graph.requantize(graph.add(product, bias), scale, 1);
}

Tensor int8_layer(Graph& graph, const Weights& weights, const std::string& name, const Tensor& in,
                  float in_scale) {
  const auto product = graph.conv2d(in, weights.i8_constant(graph, name + ".weight"), kSame);
  const auto bias = channel_bias(graph, weights.find(name + ".bias").as<std::int32_t>("I32"), i32);
  return graph.relu(requantised(graph, weights, name, product, bias, in_scale));
}

}  // namespace

DigitImages digit_images() {
  const Weights file(halyard_digits_test, halyard_digits_test_end);
  DigitImages images{file.find("images").as<std::uint8_t>("U8"),
                     file.find("labels").as<std::uint8_t>("U8")};
  if (images.pixels.size() != images.labels.size() * kPixels) {
    throw std::runtime_error("the test split has another number of images than labels");
  }
  return images;
}

Graph digits_f32() {
  const Weights weights(halyard_digits_f32, halyard_digits_f32_end);
  Graph graph;
  const auto pixels = graph.input("pixels", {1, 1, 8, 8}, u8);
  const std::array<float, 1> ink{1.0F / 16};
  const auto in =
      graph.mul(graph.cast(pixels, f32), graph.constant(std::span<const float>(ink), {1}, f32));
  const auto first = f32_layer(graph, weights, "conv1", in);
  const auto second = f32_layer(graph, weights, "conv2", first);
  const auto flat = graph.reshape(graph.max_pool2d(second, kHalve), {1, 256});
  const auto product = graph.matmul(flat, weights.f32_constant(graph, "fc.weight"));
  const auto logits = graph.add(product, weights.f32_constant(graph, "fc.bias"));
  finish(graph, logits, logits);
  return graph;
}

Graph digits_int8() {
  const Weights weights(halyard_digits_int8, halyard_digits_int8_end);
  Graph graph;
  // input.scale is 1/16: the quantised input is the ink itself.
  const auto in = graph.cast(graph.input("pixels", {1, 1, 8, 8}, u8), i8);
  const auto first = int8_layer(graph, weights, "conv1", in, weights.scalar("input.scale"));
  const auto second = int8_layer(graph, weights, "conv2", first, weights.scalar("conv1.out_scale"));
  const auto flat = graph.reshape(graph.max_pool2d(second, kHalve), {1, 256});
  const auto product = graph.matmul(flat, weights.i8_constant(graph, "fc.weight"));
  const auto bias =
      graph.constant(weights.find("fc.bias").as<std::int32_t>("I32"), {1, kClasses}, i32);
  const auto logits =
      requantised(graph, weights, "fc", product, bias, weights.scalar("conv2.out_scale"));
  const std::array<float, 1> scale{weights.scalar("fc.out_scale")};
  const auto real =
      graph.dequantize(logits, graph.constant(std::span<const float>(scale), {1}, f32), f32);
  finish(graph, logits, real);
  return graph;
}

}  // namespace halyard::tools
