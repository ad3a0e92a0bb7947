// SPDX-License-Identifier: MIT

#include "graph.hpp"

#include <algorithm>

#include "digest.hpp"
#include "error.hpp"
#include "graph_infer.hpp"

namespace halyard::hal {
namespace {

// Far beyond any network, and small enough that indices and tables of a program stay 32-bit.
constexpr std::size_t kMaxNodes = 1U << 20;

void add(Digest& digest, const halyard_tensor_desc& desc) {
  digest.update_value(desc.dtype);
  digest.update_value(desc.rank);
  for (std::uint32_t i = 0; i < desc.rank; ++i)
    digest.update_value(desc.dims[i]);
}

// The `size` member and what the rank leaves unused are not part of a computation's identity.
struct HashParams {
  Digest& digest;
  std::uint32_t rank;

  void operator()(const std::monostate&) const {}
  void operator()(const halyard_conv2d_params& p) const {
    for (const auto v : {p.stride_h, p.stride_w, p.dilation_h, p.dilation_w, p.pad_top, p.pad_left,
                         p.pad_bottom, p.pad_right, p.groups}) {
      digest.update_value(v);
    }
  }
  void operator()(const halyard_pool2d_params& p) const {
    for (const auto v : {p.kernel_h, p.kernel_w, p.stride_h, p.stride_w, p.pad_top, p.pad_left,
                         p.pad_bottom, p.pad_right, p.count_padding}) {
      digest.update_value(v);
    }
  }
  void operator()(const halyard_norm_params& p) const { digest.update_value(p.epsilon); }
  void operator()(const halyard_order_params& p) const { digest.update_value(p.descending); }
  void operator()(const halyard_rotate_params& p) const { digest.update_value(p.factor); }
  void operator()(const halyard_transpose_params& p) const {
    for (std::uint32_t i = 0; i < rank; ++i)
      digest.update_value(p.perm[i]);
  }
  void operator()(const halyard_reshape_params&) const {}  // the node's shape says it
  void operator()(const halyard_cast_params& p) const { digest.update_value(p.dtype); }
  void operator()(const halyard_quantize_params& p) const {
    digest.update_value(p.dtype);
    digest.update_value(p.axis);
    digest.update_value(p.zero_point);
  }
  void operator()(const halyard_linear_params& p) const { digest.update_value(p.format); }
  void operator()(const halyard_unpack_params& p) const {
    digest.update_value(p.format);
    digest.update_value(p.dtype);
  }
};

}  // namespace

const Node& Graph::node(halyard_tensor tensor) const {
  if (tensor >= nodes_.size()) {
    throw Error(HALYARD_INVALID_ARGUMENT,
                "tensor " + std::to_string(tensor) + " is not one of this graph's");
  }
  return nodes_[tensor];
}

halyard_tensor Graph::add_input(std::string_view name, const halyard_tensor_desc& desc) {
  check_name(name);
  check_desc(desc);
  for (const auto input : inputs_) {
    if (nodes_[input].name == name) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  "there is an input \"" + std::string(name) + "\" already");
    }
  }
  for (const auto& output : outputs_) {
    if (output.name == name) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  "there is an output \"" + std::string(name) + "\" already");
    }
  }
  if (nodes_.size() >= kMaxNodes) throw Error(HALYARD_LIMIT, "a graph has at most 1,048,576 nodes");
  Node node;
  node.desc = desc;
  node.name = name;
  inputs_.reserve(inputs_.size() + 1);
  nodes_.push_back(std::move(node));
  inputs_.push_back(static_cast<halyard_tensor>(nodes_.size() - 1));
  return inputs_.back();
}

halyard_tensor Graph::add_constant(const halyard_tensor_desc& desc,
                                   std::span<const std::byte> data) {
  check_desc(desc);
  if (data.size() != byte_size(desc)) {
    throw Error(HALYARD_INVALID_ARGUMENT, "a constant " + to_string(desc) + " has " +
                                              std::to_string(byte_size(desc)) + " bytes, not " +
                                              std::to_string(data.size()));
  }
  if (nodes_.size() >= kMaxNodes) throw Error(HALYARD_LIMIT, "a graph has at most 1,048,576 nodes");
  Node node;
  node.kind = Node::Kind::kConstant;
  node.desc = desc;
  node.name = "constant#" + std::to_string(nodes_.size());
  node.data = std::make_shared<const std::vector<std::byte>>(data.begin(), data.end());
  nodes_.push_back(std::move(node));
  return static_cast<halyard_tensor>(nodes_.size() - 1);
}

halyard_tensor Graph::add_operation(halyard_op op, std::span<const halyard_tensor> inputs,
                                    OpParams params) {
  if (inputs.size() != arity(op)) {
    throw Error(HALYARD_INVALID_ARGUMENT, std::string(to_string(op)) + ": takes " +
                                              std::to_string(arity(op)) + " inputs, not " +
                                              std::to_string(inputs.size()));
  }
  std::vector<halyard_tensor_desc> descs;
  for (const auto input : inputs)
    descs.push_back(node(input).desc);
  Node made;
  made.kind = Node::Kind::kOperation;
  made.op = op;
  made.desc = infer(op, descs, params);
  check_desc(made.desc);
  if (nodes_.size() >= kMaxNodes) throw Error(HALYARD_LIMIT, "a graph has at most 1,048,576 nodes");
  made.inputs.assign(inputs.begin(), inputs.end());
  made.params = params;
  made.name = std::string(to_string(op)) + "#" + std::to_string(nodes_.size());
  nodes_.push_back(std::move(made));
  return static_cast<halyard_tensor>(nodes_.size() - 1);
}

void Graph::add_output(std::string_view name, halyard_tensor tensor) {
  check_name(name);
  if (node(tensor).kind != Node::Kind::kOperation) {
    throw Error(HALYARD_INVALID_ARGUMENT, "an output must be computed: \"" + std::string(name) +
                                              "\" is an input or a constant");
  }
  for (const auto& output : outputs_) {
    if (output.name == name) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  "there is an output \"" + std::string(name) + "\" already");
    }
    if (output.tensor == tensor) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  "the tensor is the output \"" + output.name + "\" already");
    }
  }
  for (const auto input : inputs_) {
    if (nodes_[input].name == name) {
      throw Error(HALYARD_INVALID_ARGUMENT,
                  "there is an input \"" + std::string(name) + "\" already");
    }
  }
  outputs_.push_back({std::string(name), tensor});
}

void Graph::set_name(halyard_tensor tensor, std::string_view name) {
  check_name(name);
  if (node(tensor).kind == Node::Kind::kInput) {
    throw Error(HALYARD_INVALID_ARGUMENT, "an input keeps the name that it was made with");
  }
  nodes_[tensor].name = name;
}

std::string Graph::digest() const {
  Digest digest;
  for (const auto& node : nodes_) {
    digest.update_value(node.kind);
    add(digest, node.desc);
    digest.update_string(node.name);
    if (node.data) digest.update(*node.data);
    if (node.kind != Node::Kind::kOperation) continue;
    digest.update_value(node.op);
    for (const auto input : node.inputs)
      digest.update_value(input);
    std::visit(HashParams{digest, node.desc.rank}, node.params);
  }
  for (const auto& output : outputs_) {
    digest.update_string(output.name);
    digest.update_value(output.tensor);
  }
  return digest.hex();
}

}  // namespace halyard::hal
