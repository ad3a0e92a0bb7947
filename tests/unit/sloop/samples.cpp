// SPDX-License-Identifier: MIT
#include "samples.hpp"

#include <bit>
#include <initializer_list>

namespace halyard::emu::test {

namespace {

constexpr unsigned kF32 = DRM_HALYARD_SLOOP_F32, kF16 = DRM_HALYARD_SLOOP_F16,
                   kBf16 = DRM_HALYARD_SLOOP_BF16, kI8 = DRM_HALYARD_SLOOP_I8,
                   kU8 = DRM_HALYARD_SLOOP_U8, kI32 = DRM_HALYARD_SLOOP_I32;

std::string type_name(unsigned dtype) {
  constexpr const char* kNames[] = {"none", "f32", "f16", "bf16", "i8", "u8", "i32"};
  return kNames[dtype];
}

class Builder {
 public:
  using Dims = std::initializer_list<std::uint32_t>;
  Builder(std::string name, unsigned opcode) : sample_{std::move(name), task(opcode)} {}

  Builder& a(unsigned dtype, Dims dims) { return put(sample_.task.a, dtype, dims); }
  Builder& b(unsigned dtype, Dims dims) { return put(sample_.task.b, dtype, dims); }
  Builder& bias(unsigned dtype, Dims dims) { return put(sample_.task.bias, dtype, dims); }
  Builder& scale(unsigned dtype, Dims dims) { return put(sample_.task.scale, dtype, dims); }
  Builder& out(unsigned dtype, Dims dims) { return put(sample_.task.out, dtype, dims); }
  template <typename Change>
  Builder& with(Change change) {
    change(sample_.task);
    return *this;
  }
  [[nodiscard]] const Sample& done() const { return sample_; }

 private:
  Builder& put(Operand& operand, unsigned dtype, Dims dims) {
    operand = dense(0, dtype, dims, next_);
    std::uint64_t bytes = 4;
    for (const std::uint32_t dim : dims)
      bytes *= dim;
    next_ += (bytes + 63) & ~std::uint64_t{63};
    return *this;
  }

  Sample sample_;
  std::uint64_t next_ = 64;
};

void add_products(std::vector<Sample>& list) {
  for (const unsigned type : {kF32, kF16, kBf16}) {
    list.push_back(Builder("matmul_" + type_name(type), DRM_HALYARD_SLOOP_MATMUL)
                       .a(type, {2, 3, 4})
                       .b(type, {1, 4, 5})
                       .bias(kF32, {5})
                       .out(type, {2, 3, 5})
                       .with([](Task& t) { t.activation = DRM_HALYARD_SLOOP_ACT_RELU; })
                       .done());
    list.push_back(Builder("conv2d_" + type_name(type), DRM_HALYARD_SLOOP_CONV2D)
                       .a(type, {1, 4, 7, 6})
                       .b(type, {6, 2, 3, 3})
                       .bias(kF32, {6})
                       .out(type, {1, 6, 4, 3})
                       .with([](Task& t) {
                         t.stride_h = t.stride_w = 2;
                         t.dilation_h = t.dilation_w = 1;
                         t.pad_top = t.pad_left = t.pad_bottom = t.pad_right = 1;
                         t.groups = 2;
                         t.activation = DRM_HALYARD_SLOOP_ACT_SIGMOID;
                       })
                       .done());
  }
  list.push_back(Builder("matmul_i8", DRM_HALYARD_SLOOP_MATMUL)
                     .a(kI8, {5, 8})
                     .b(kI8, {8, 3})
                     .bias(kI32, {3})
                     .scale(kF32, {3})
                     .out(kI8, {5, 3})
                     .with([](Task& t) { t.zero_point = -3; })
                     .done());
}

void add_elementwise(std::vector<Sample>& list) {
  for (const unsigned type : {kF32, kF16, kBf16, kI8, kI32}) {
    for (std::uint8_t function = 0; function <= DRM_HALYARD_SLOOP_MIN; ++function)
      list.push_back(Builder("binary" + std::to_string(function) + "_" + type_name(type),
                             DRM_HALYARD_SLOOP_BINARY)
                         .a(type, {3, 1, 5})
                         .b(type, {3, 4, 1})
                         .out(type, {3, 4, 5})
                         .with([function](Task& t) { t.function = function; })
                         .done());
  }
  for (std::uint8_t act = 0; act <= DRM_HALYARD_SLOOP_ACT_TANH; ++act)
    list.push_back(Builder("activate" + std::to_string(act), DRM_HALYARD_SLOOP_ACTIVATE)
                       .a(kF32, {4, 5})
                       .out(kF32, {4, 5})
                       .with([act](Task& t) { t.activation = act; })
                       .done());
}

void add_windows_and_rows(std::vector<Sample>& list) {
  for (std::uint8_t function = 0; function <= DRM_HALYARD_SLOOP_POOL_AVERAGE_PADDED; ++function)
    list.push_back(Builder("pool" + std::to_string(function), DRM_HALYARD_SLOOP_POOL2D)
                       .a(kF32, {1, 2, 6, 7})
                       .out(kF32, {1, 2, 3, 4})
                       .with([function](Task& t) {
                         t.function = function;
                         t.kernel_h = t.kernel_w = 3;
                         t.stride_h = t.stride_w = 2;
                         t.pad_top = t.pad_left = t.pad_right = 1;
                       })
                       .done());
  for (const unsigned type : {kF32, kF16, kBf16}) {
    list.push_back(Builder("softmax_" + type_name(type), DRM_HALYARD_SLOOP_SOFTMAX)
                       .a(type, {3, 7})
                       .out(type, {3, 7})
                       .done());
    for (std::uint8_t function = 0; function <= DRM_HALYARD_SLOOP_NORM_RMS; ++function) {
      Builder norm("norm" + std::to_string(function) + "_" + type_name(type),
                   DRM_HALYARD_SLOOP_NORM);
      norm.a(type, {3, 8}).scale(kF32, {8});
      if (function == DRM_HALYARD_SLOOP_NORM_LAYER) norm.bias(kF32, {8});
      list.push_back(norm.out(type, {3, 8})
                         .with([function](Task& t) {
                           t.function = function;
                           t.epsilon = std::bit_cast<std::uint32_t>(1e-5F);
                         })
                         .done());
    }
  }
}

void add_movement(std::vector<Sample>& list) {
  for (const unsigned from : {kF32, kF16, kBf16, kI8, kU8, kI32}) {
    for (const unsigned to : {kF32, kF16, kBf16, kI8, kU8, kI32})
      list.push_back(
          Builder("copy_" + type_name(from) + "_" + type_name(to), DRM_HALYARD_SLOOP_COPY)
              .a(from, {2, 3, 4, 2, 1, 3})
              .out(to, {2, 3, 4, 2, 1, 3})
              .done());
    list.push_back(Builder("gather_" + type_name(from), DRM_HALYARD_SLOOP_GATHER)
                       .a(from, {128, 3})
                       .b(kI32, {5})
                       .out(from, {5, 3})
                       .done());
    list.push_back(Builder("scatter_" + type_name(from), DRM_HALYARD_SLOOP_SCATTER)
                       .a(from, {5, 3})
                       .b(kI32, {5})
                       .out(kF32, {128, 3})
                       .done());
    list.push_back(Builder("fill_" + type_name(from), DRM_HALYARD_SLOOP_FILL)
                       .out(from, {4, 5})
                       .with([](Task& t) { t.pattern = 0x5a; })
                       .done());
  }
  for (const unsigned type : {kF32, kF16, kBf16}) {
    list.push_back(Builder("rotate_" + type_name(type), DRM_HALYARD_SLOOP_ROTATE)
                       .a(type, {4, 3, 5, 2})
                       .b(kF32, {4, 1, 5, 1})
                       .out(type, {4, 3, 5, 2})
                       .with([](Task& t) { t.pattern = std::bit_cast<std::uint32_t>(0.75F); })
                       .done());
  }
  for (const unsigned type : {kF32, kF16, kBf16}) {
    for (std::uint8_t function = 0; function <= DRM_HALYARD_SLOOP_SIGN; ++function) {
      list.push_back(Builder("function_" + std::to_string(function) + "_" + type_name(type),
                             DRM_HALYARD_SLOOP_FUNCTION)
                         .a(type, {4, 30})
                         .out(type, {4, 30})
                         .with([function](Task& t) { t.function = function; })
                         .done());
    }
    list.push_back(Builder("order_" + type_name(type), DRM_HALYARD_SLOOP_ORDER)
                       .a(type, {4, 30})
                       .out(kI32, {4, 7})
                       .with([](Task& t) { t.function = 1; })
                       .done());
  }
  const auto scaled = [](Task& t) {
    t.axis = 1;
    t.zero_point = 3;
  };
  list.push_back(Builder("quantize", DRM_HALYARD_SLOOP_QUANTIZE)
                     .a(kF32, {4, 3})
                     .scale(kF32, {3})
                     .out(kU8, {4, 3})
                     .with(scaled)
                     .done());
  list.push_back(Builder("dequantize", DRM_HALYARD_SLOOP_DEQUANTIZE)
                     .a(kI8, {4, 3})
                     .scale(kF32, {3})
                     .out(kF16, {4, 3})
                     .with(scaled)
                     .done());
  list.push_back(Builder("requantize", DRM_HALYARD_SLOOP_REQUANTIZE)
                     .a(kI32, {4, 3})
                     .scale(kF32, {3})
                     .out(kI8, {4, 3})
                     .with(scaled)
                     .done());
  list.push_back(Builder("unpack", DRM_HALYARD_SLOOP_UNPACK)
                     .a(kU8, {3, 36})
                     .out(kF16, {3, 64})
                     .with([](Task& t) { t.function = DRM_HALYARD_SLOOP_Q4_0; })
                     .done());
  list.push_back(Builder("linear", DRM_HALYARD_SLOOP_LINEAR)
                     .a(kF32, {2, 64})
                     .b(kU8, {3, 36})
                     .out(kF32, {2, 3})
                     .with([](Task& t) { t.function = DRM_HALYARD_SLOOP_Q4_0; })
                     .done());
}

}  // namespace

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = [] {
    std::vector<Sample> list;
    add_products(list);
    add_elementwise(list);
    add_windows_and_rows(list);
    add_movement(list);
    list.push_back(Builder("nop", DRM_HALYARD_SLOOP_NOP).done());
    list.push_back(Builder("timestamp", DRM_HALYARD_SLOOP_TIMESTAMP).out(kI32, {2}).done());
    return list;
  }();
  return all;
}

}  // namespace halyard::emu::test
