// SPDX-License-Identifier: MIT
#include "lowering/lower.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "lowering/fusion.hpp"
#include "lowering/operand.hpp"
#include "lowering/scratch.hpp"
#include "lowering/uses.hpp"

namespace halyard::hal::lowering {
namespace {

constexpr std::size_t kConstantAlignment = 64;

std::optional<BinaryOp> binary_of(halyard_op op) {
  switch (op) {
    case HALYARD_OP_ADD:
      return BinaryOp::kAdd;
    case HALYARD_OP_SUB:
      return BinaryOp::kSub;
    case HALYARD_OP_MUL:
      return BinaryOp::kMul;
    case HALYARD_OP_DIV:
      return BinaryOp::kDiv;
    case HALYARD_OP_MAX:
      return BinaryOp::kMax;
    case HALYARD_OP_MIN:
      return BinaryOp::kMin;
    default:
      return std::nullopt;
  }
}

bool is_view(halyard_op op) {
  return op == HALYARD_OP_TRANSPOSE || op == HALYARD_OP_RESHAPE;
}

bool is_product(halyard_op op) {
  return op == HALYARD_OP_MATMUL || op == HALYARD_OP_CONV2D;
}

[[noreturn]] void refuse(const Node& node, const std::string& reason) {
  throw Error(HALYARD_UNSUPPORTED, "\"" + node.name + "\": " + reason);
}

/// Brings the operands' rank down to what the chip has, as far as the command's meaning allows.
void reduce_rank(Command& command, std::uint32_t max_rank) {
  const auto rank = command.operands.back().rank;
  std::uint32_t keep = 0;
  switch (command.opcode) {
    case Opcode::kBinary:
    case Opcode::kActivate:
    case Opcode::kCopy:
      break;
    case Opcode::kSoftmax:
    case Opcode::kNorm:
      keep = 1;
      break;
    case Opcode::kQuantize:
    case Opcode::kDequantize:
    case Opcode::kRequantize:
      if (command.operands[1].dims[0] != 1) return;
      std::get<Quantize>(command.params).axis = 0;
      break;
    default:
      return;
  }
  std::array<Operand*, 4> whole{};
  std::size_t count = 0;
  for (auto& operand : command.operands) {
    if (operand.rank == rank) whole[count++] = &operand;
  }
  merge_dimensions(std::span(whole).first(count), max_rank, keep);
}

class Lowering {
 public:
  Lowering(const Graph& graph, const Capabilities& chip, bool profile)
      : graph_(graph),
        chip_(chip),
        profile_(profile),
        uses_(graph),
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
  void emit(halyard_tensor tensor, Opcode opcode, Params params, std::vector<Operand> operands);
  void emit_timestamp(FixedBinding binding, std::uint64_t offset);

  const Graph& graph_;
  const Capabilities& chip_;
  const bool profile_;
  const Uses uses_;
  Lowered result_;
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
    result_.image.bindings.push_back({name, desc, byte_size(desc), output});
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
  auto& constants = result_.image.constants;
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

void Lowering::emit_timestamp(FixedBinding binding, std::uint64_t offset) {
  result_.commands.push_back({Opcode::kTimestamp, 0, {}, {cell(binding, offset)}});
  result_.image.command_names.emplace_back("timestamp");
}

void Lowering::emit(halyard_tensor tensor, Opcode opcode, Params params,
                    std::vector<Operand> operands) {
  Command command{opcode, tensor, params, std::move(operands)};
  if (command.operands.back().rank > chip_.max_rank) reduce_rank(command, chip_.max_rank);
  if (const auto reason = why_not(chip_, command); !reason.empty()) {
    refuse(node(tensor), std::string(hal::to_string(node(tensor).op)) + ": " + reason);
  }
  result_.commands.push_back(std::move(command));
  result_.image.command_names.push_back(node(tensor).name);
  if (profile_) {
    result_.image.profile_bytes += sizeof(std::uint64_t);
    emit_timestamp(kBindProfile, result_.image.profile_bytes);
  }
}

void Lowering::copy(halyard_tensor tensor, const Operand& from, const Operand& to) {
  emit(tensor, Opcode::kCopy, {}, {from, to});
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
    emit(tensor, Opcode::kMatmul, fused.epilogue, std::move(operands));
  } else {
    const auto& window = std::get<halyard_conv2d_params>(product.params);
    emit(tensor, Opcode::kConv2d, Conv2d{fused.epilogue, window}, std::move(operands));
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
  const auto in = [&](std::size_t i) { return operands_[op.inputs[i]]; };
  if (const auto activation = activation_of(op.op)) {
    emit(tensor, Opcode::kActivate, *activation, {in(0), place_result(tensor)});
  } else if (const auto binary = binary_of(op.op)) {
    emit(tensor, Opcode::kBinary, *binary,
         {broadcast(in(0), op.desc), broadcast(in(1), op.desc), place_result(tensor)});
  } else if (const auto* window = std::get_if<halyard_pool2d_params>(&op.params)) {
    Pool2d pool{op.op == HALYARD_OP_AVG_POOL2D, *window};
    if (!pool.average) pool.window.count_padding = 0;
    emit(tensor, Opcode::kPool2d, pool, {in(0), place_result(tensor)});
  } else if (const auto* norm = std::get_if<halyard_norm_params>(&op.params)) {
    const bool rms = op.op == HALYARD_OP_RMS_NORM;
    emit(tensor, Opcode::kNorm, Norm{rms, norm->epsilon},
         {in(0), in(1), rms ? Operand{} : in(2), place_result(tensor)});
  } else if (const auto* scaled = std::get_if<halyard_quantize_params>(&op.params)) {
    const auto opcode = op.op == HALYARD_OP_QUANTIZE     ? Opcode::kQuantize
                        : op.op == HALYARD_OP_DEQUANTIZE ? Opcode::kDequantize
                                                         : Opcode::kRequantize;
    emit(tensor, opcode, Quantize{scaled->axis, scaled->zero_point},
         {in(0), in(1), place_result(tensor)});
  } else if (op.op == HALYARD_OP_SOFTMAX) {
    emit(tensor, Opcode::kSoftmax, {}, {in(0), place_result(tensor)});
  } else if (op.op == HALYARD_OP_CAST) {
    emit(tensor, Opcode::kCopy, {}, {in(0), place_result(tensor)});
  } else if (op.op == HALYARD_OP_GATHER) {
    emit(tensor, Opcode::kGather, {}, {in(0), in(1), place_result(tensor)});
  } else {
    refuse(op, "no chip has a command for " + std::string(hal::to_string(op.op)));
  }
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
  if (profile_) emit_timestamp(kBindProfile, 0);
  for (halyard_tensor t = 0; t < graph_.nodes().size(); ++t)
    lower_node(t);
  emit_timestamp(kBindStatus, 0);
  if (profile_) result_.image.profile_bytes += sizeof(std::uint64_t);
  result_.image.scratch_bytes = scratch_.size();
  return std::move(result_);
}

}  // namespace

Lowered lower(const Graph& graph, const Capabilities& chip, bool profile) {
  return Lowering(graph, chip, profile).run();
}

/// The stream is timestamp, command, timestamp, command, ..., timestamp, and the status cell's.
std::vector<ProfileSample> read_timestamps(const ProgramImage& image,
                                           std::span<const std::byte> profile) {
  const std::size_t cells =
      std::min<std::size_t>(image.profile_bytes, profile.size()) / sizeof(std::uint64_t);
  std::vector<ProfileSample> samples;
  for (std::size_t i = 0; i + 1 < cells; ++i) {
    std::array<std::uint64_t, 2> times{};
    std::memcpy(times.data(), profile.data() + i * sizeof(std::uint64_t), sizeof(times));
    samples.push_back({static_cast<std::uint32_t>(2 * i + 1), times[0], times[1]});
  }
  return samples;
}

}  // namespace halyard::hal::lowering
