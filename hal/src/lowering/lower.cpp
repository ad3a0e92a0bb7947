// SPDX-License-Identifier: MIT
#include "lowering/lower.hpp"

#include <algorithm>
#include <utility>

#include "lowering/emitter.hpp"
#include "lowering/fusion.hpp"
#include "lowering/operand.hpp"
#include "lowering/scratch.hpp"
#include "lowering/translate.hpp"
#include "lowering/uses.hpp"

namespace halyard::hal::lowering {
namespace {

constexpr std::size_t kConstantAlignment = 64;

bool is_view(halyard_op op) {
  return op == HALYARD_OP_TRANSPOSE || op == HALYARD_OP_RESHAPE;
}

bool is_product(halyard_op op) {
  return op == HALYARD_OP_MATMUL || op == HALYARD_OP_CONV2D;
}

[[noreturn]] void refuse(const Node& node, const std::string& reason) {
  throw Error(HALYARD_UNSUPPORTED, "\"" + node.name + "\": " + reason);
}

class Lowering {
 public:
  Lowering(const Graph& graph, const Capabilities& chip, bool profile)
      : graph_(graph),
        chip_(chip),
        uses_(graph),
        emitter_(chip, profile),
        operands_(graph.nodes().size()),
        owners_(graph.nodes().size()),
        uses_left_(graph.nodes().size()),
        fused_away_(graph.nodes().size()),
        output_bindings_(graph.nodes().size()) {}

  Lowered run();

 private:
  [[nodiscard]] const Node& node(halyard_tensor tensor) const { return graph_.nodes()[tensor]; }
  void check_sizes() const;
  void place_bindings();
  void place_constants();
  void lower_node(halyard_tensor tensor);
  void lower_view(halyard_tensor tensor);
  void lower_product(halyard_tensor tensor);
  void lower_plain(halyard_tensor tensor);
  void copy(halyard_tensor tensor, const Operand& from, const Operand& to);

  Operand place_result(halyard_tensor tensor);
  void release_inputs(halyard_tensor tensor);
  void emit(halyard_tensor tensor, Command command);

  const Graph& graph_;
  const Capabilities& chip_;
  const Uses uses_;
  Emitter emitter_;
  ScratchAllocator scratch_;
  std::vector<Operand> operands_;       ///< of tensors that have memory
  std::vector<halyard_tensor> owners_;  ///< tensor whose memory it is: views have none of their own
  std::vector<std::uint32_t> uses_left_;  ///< of a tensor's memory, views included
  std::vector<bool> fused_away_;
  std::vector<std::uint32_t> output_bindings_;
};

void Lowering::check_sizes() const {
  for (const auto& any : graph_.nodes()) {
    if (element_count(any.desc) > chip_.max_elements) {
      refuse(any, hal::to_string(any.desc) + " has more elements than the chip's strides reach");
    }
  }
}

void Lowering::place_bindings() {
  std::uint32_t index = kFixedBindings;
  const auto add = [&](const std::string& name, const halyard_tensor_desc& desc, bool output) {
    emitter_.image().bindings.push_back({name, desc, byte_size(desc), output});
    return index++;
  };
  for (const auto input : graph_.inputs()) {
    owners_[input] = input;
    set_shape(operands_[input], node(input).desc);
    operands_[input].binding = add(node(input).name, node(input).desc, false);
  }
  for (const auto& output : graph_.outputs()) {
    output_bindings_[output.tensor] = add(output.name, node(output.tensor).desc, true);
  }
  if (index > chip_.max_bindings) {
    throw Error(HALYARD_UNSUPPORTED,
                "the chip takes at most " + std::to_string(chip_.max_bindings - kFixedBindings) +
                    " inputs and outputs, the graph has " + std::to_string(index - kFixedBindings));
  }
}

void Lowering::place_constants() {
  auto& constants = emitter_.image().constants;
  for (halyard_tensor t = 0; t < graph_.nodes().size(); ++t) {
    const auto& constant = node(t);
    if (constant.kind != Node::Kind::kConstant || uses_.users(t).empty()) continue;
    constants.resize((constants.size() + kConstantAlignment - 1) / kConstantAlignment *
                     kConstantAlignment);
    owners_[t] = t;
    set_shape(operands_[t], constant.desc);
    operands_[t].binding = kBindConstants;
    operands_[t].offset = constants.size();
    constants.insert(constants.end(), constant.data->begin(), constant.data->end());
  }
}

/// Memory of a computed tensor: its output binding, or scratch that lives until the last use.
Operand Lowering::place_result(halyard_tensor tensor) {
  auto& operand = operands_[tensor];
  owners_[tensor] = tensor;
  set_shape(operand, node(tensor).desc);
  if (uses_.is_output(tensor)) {
    operand.binding = output_bindings_[tensor];
  } else {
    operand.binding = kBindScratch;
    operand.offset = scratch_.allocate(byte_size(node(tensor).desc));
  }
  uses_left_[tensor] = static_cast<std::uint32_t>(uses_.users(tensor).size());
  return operand;
}

/// After a command: memory that nobody reads any more is free again.
void Lowering::release_inputs(halyard_tensor tensor) {
  for (const auto input : node(tensor).inputs) {
    if (fused_away_[input]) {
      release_inputs(input);
      continue;
    }
    const auto owner = owners_[input];
    const auto& memory = operands_[owner];
    if (memory.binding != kBindScratch || uses_left_[owner] == 0) continue;
    if (--uses_left_[owner] == 0) scratch_.release(memory.offset, byte_size(node(owner).desc));
  }
}

void Lowering::emit(halyard_tensor tensor, Command command) {
  command.node = tensor;
  if (const auto reason = emitter_.emit(std::move(command), node(tensor).name); !reason.empty()) {
    refuse(node(tensor), std::string(hal::to_string(node(tensor).op)) + ": " + reason);
  }
}

void Lowering::copy(halyard_tensor tensor, const Operand& from, const Operand& to) {
  emit(tensor, {Opcode::kCopy, tensor, {}, {from, to}});
  release_inputs(tensor);
}

void Lowering::lower_product(halyard_tensor tensor) {
  const auto& product = node(tensor);
  const auto fused = fuse(graph_, uses_, chip_, operands_, tensor);
  for (const auto away : fused.away)
    fused_away_[away] = true;
  const auto vector = [&](std::optional<halyard_tensor> of) {
    return of ? as_vector(operands_[*of]) : Operand{};
  };
  const Operand a = operands_[product.inputs[0]];
  const Operand b = operands_[product.inputs[1]];
  std::vector<Operand> operands{a, b, vector(fused.bias), vector(fused.scale),
                                place_result(fused.result)};
  if (product.op == HALYARD_OP_MATMUL) {
    emit(tensor, {Opcode::kMatmul, tensor, fused.epilogue, std::move(operands)});
  } else {
    const auto& window = std::get<halyard_conv2d_params>(product.params);
    emit(tensor, {Opcode::kConv2d, tensor, Conv2d{fused.epilogue, window}, std::move(operands)});
  }
  release_inputs(fused.result);
}

/// Transposes and reshapes cost nothing where strides can express them.
void Lowering::lower_view(halyard_tensor tensor) {
  const auto& view = node(tensor);
  const auto source = view.inputs[0];
  Operand seen = operands_[source];
  if (view.op == HALYARD_OP_TRANSPOSE) {
    const auto& p = std::get<halyard_transpose_params>(view.params);
    for (std::uint32_t i = 0; i < view.desc.rank; ++i) {
      seen.dims[i] = operands_[source].dims[p.perm[i]];
      seen.strides[i] = operands_[source].strides[p.perm[i]];
    }
  } else if (contiguous(seen)) {
    set_shape(seen, view.desc);
  } else {
    // A copy in the source's shape makes it contiguous; the result is that memory in the new shape.
    Operand dense = place_result(tensor);
    set_shape(dense, node(source).desc);
    copy(tensor, seen, dense);
    return;
  }
  if (uses_.is_output(tensor)) {
    copy(tensor, seen, place_result(tensor));
    return;
  }
  const auto owner = owners_[source];
  operands_[tensor] = seen;
  owners_[tensor] = owner;
  // The view's uses are uses of the memory, instead of the one by the view itself.
  if (operands_[owner].binding == kBindScratch) {
    uses_left_[owner] += static_cast<std::uint32_t>(uses_.users(tensor).size());
    release_inputs(tensor);
  }
}

void Lowering::lower_plain(halyard_tensor tensor) {
  const auto& op = node(tensor);
  std::vector<Operand> inputs;
  for (const auto input : op.inputs)
    inputs.push_back(operands_[input]);
  emit(tensor, translate(op.op, op.params, inputs, place_result(tensor)));
  release_inputs(tensor);
}

void Lowering::lower_node(halyard_tensor tensor) {
  const auto& op = node(tensor);
  if (op.kind != Node::Kind::kOperation || operands_[tensor].rank != 0 || fused_away_[tensor])
    return;
  if (!uses_.needed(tensor)) return;
  if (is_view(op.op)) {
    lower_view(tensor);
  } else if (is_product(op.op)) {
    lower_product(tensor);
  } else {
    lower_plain(tensor);
  }
}

Lowered Lowering::run() {
  if (graph_.outputs().empty()) {
    throw Error(HALYARD_INVALID_ARGUMENT, "the graph has no output");
  }
  check_sizes();
  place_bindings();
  place_constants();
  for (halyard_tensor t = 0; t < graph_.nodes().size(); ++t)
    lower_node(t);
  emitter_.image().scratch_bytes = scratch_.size();
  return emitter_.finish();
}

}  // namespace

Lowered lower(const Graph& graph, const Capabilities& chip, bool profile) {
  return Lowering(graph, chip, profile).run();
}

}  // namespace halyard::hal::lowering
