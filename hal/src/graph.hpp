// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The computation as the library and the chips' plug-ins see it.

#include <halyard/halyard.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace halyard::hal {

std::uint64_t element_count(const halyard_tensor_desc& desc);
std::uint64_t byte_size(const halyard_tensor_desc& desc);
/// "f32[1, 64]", for messages.
std::string to_string(const halyard_tensor_desc& desc);
std::string_view to_string(halyard_op op);

/// Elementwise on one, but no activation.
constexpr bool is_function(halyard_op op) {
  return op >= HALYARD_OP_EXP && op <= HALYARD_OP_SIGN;
}

using OpParams = std::variant<std::monostate, halyard_conv2d_params, halyard_pool2d_params,
                              halyard_norm_params, halyard_transpose_params, halyard_reshape_params,
                              halyard_cast_params, halyard_quantize_params, halyard_rotate_params,
                              halyard_unpack_params, halyard_order_params, halyard_linear_params>;

struct Node {
  enum class Kind : std::uint8_t { kInput, kConstant, kOperation };
  Kind kind = Kind::kInput;
  halyard_op op{};  ///< of an operation
  std::vector<halyard_tensor> inputs;
  OpParams params;
  halyard_tensor_desc desc{};
  std::string name;  ///< of an input; of other nodes as set, or "matmul#3"
  std::shared_ptr<const std::vector<std::byte>> data;  ///< of a constant
};

struct GraphOutput {
  std::string name;
  halyard_tensor tensor = 0;
};

/// Nodes in topological order: a node's inputs have smaller numbers. All functions that add check
/// everything and throw Error(HALYARD_INVALID_ARGUMENT) with what does not fit; the graph is then
/// unchanged.
class Graph {
 public:
  halyard_tensor add_input(std::string_view name, const halyard_tensor_desc& desc);
  halyard_tensor add_constant(const halyard_tensor_desc& desc, std::span<const std::byte> data);
  halyard_tensor add_operation(halyard_op op, std::span<const halyard_tensor> inputs,
                               OpParams params);
  void add_output(std::string_view name, halyard_tensor tensor);
  void set_name(halyard_tensor tensor, std::string_view name);

  [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }
  [[nodiscard]] const Node& node(halyard_tensor tensor) const;
  [[nodiscard]] std::span<const halyard_tensor> inputs() const { return inputs_; }
  [[nodiscard]] std::span<const GraphOutput> outputs() const { return outputs_; }
  /// Equal graphs have equal digests (SHA-256 over structure, parameters and constants), names of
  /// nodes included.
  [[nodiscard]] std::string digest() const;

 private:
  std::vector<Node> nodes_;
  std::vector<halyard_tensor> inputs_;
  std::vector<GraphOutput> outputs_;
};

/// The CPU reference, from nothing but this file's structures.
void evaluate(const Graph& graph, std::span<const halyard_host_tensor> tensors);

}  // namespace halyard::hal
