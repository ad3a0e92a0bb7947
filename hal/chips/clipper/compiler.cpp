// SPDX-License-Identifier: MIT

#include "compiler.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

#include "scratch.hpp"
#include "stream.hpp"

namespace halyard::hal::clipper {
namespace {

drm_halyard_clipper_dtype chip_dtype(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
      return DRM_HALYARD_CLIPPER_F32;
    case HALYARD_F16:
      return DRM_HALYARD_CLIPPER_F16;
    case HALYARD_BF16:
      return DRM_HALYARD_CLIPPER_BF16;
    case HALYARD_I8:
      return DRM_HALYARD_CLIPPER_I8;
    case HALYARD_U8:
      return DRM_HALYARD_CLIPPER_U8;
    case HALYARD_I32:
      return DRM_HALYARD_CLIPPER_I32;
  }
  throw Error(HALYARD_INVALID_ARGUMENT, "unknown element type");
}

bool is_float(halyard_dtype dtype) {
  return dtype == HALYARD_F32 || dtype == HALYARD_F16 || dtype == HALYARD_BF16;
}

std::optional<drm_halyard_clipper_activation> activation_of(halyard_op op) {
  switch (op) {
    case HALYARD_OP_RELU:
      return DRM_HALYARD_CLIPPER_ACT_RELU;
    case HALYARD_OP_GELU:
      return DRM_HALYARD_CLIPPER_ACT_GELU;
    case HALYARD_OP_SILU:
      return DRM_HALYARD_CLIPPER_ACT_SILU;
    case HALYARD_OP_SIGMOID:
      return DRM_HALYARD_CLIPPER_ACT_SIGMOID;
    case HALYARD_OP_TANH:
      return DRM_HALYARD_CLIPPER_ACT_TANH;
    default:
      return std::nullopt;
  }
}

std::optional<drm_halyard_clipper_binary_op> binary_of(halyard_op op) {
  switch (op) {
    case HALYARD_OP_ADD:
      return DRM_HALYARD_CLIPPER_ADD;
    case HALYARD_OP_SUB:
      return DRM_HALYARD_CLIPPER_SUB;
    case HALYARD_OP_MUL:
      return DRM_HALYARD_CLIPPER_MUL;
    case HALYARD_OP_DIV:
      return DRM_HALYARD_CLIPPER_DIV;
    case HALYARD_OP_MAX:
      return DRM_HALYARD_CLIPPER_MAX;
    case HALYARD_OP_MIN:
      return DRM_HALYARD_CLIPPER_MIN;
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

/// A tensor's operand, or a view of another's.
struct View {
  Operand operand{};
  halyard_tensor owner = 0;  ///< tensor whose memory it is
};

void set_shape(Operand& operand, const halyard_tensor_desc& desc) {
  operand.dtype = static_cast<std::uint16_t>(chip_dtype(desc.dtype));
  operand.rank = static_cast<std::uint16_t>(desc.rank);
  std::fill(std::begin(operand.dims), std::end(operand.dims), 0U);
  std::fill(std::begin(operand.strides), std::end(operand.strides), 0);
  std::uint64_t stride = 1;
  for (std::uint32_t i = desc.rank; i-- > 0;) {
    operand.dims[i] = desc.dims[i];
    operand.strides[i] = static_cast<std::int32_t>(stride);
    stride *= desc.dims[i];
  }
}

bool contiguous(const Operand& operand) {
  std::int64_t stride = 1;
  for (std::uint32_t i = operand.rank; i-- > 0;) {
    if (operand.dims[i] != 1 && operand.strides[i] != stride) return false;
    stride *= operand.dims[i];
  }
  return true;
}

/// The operand as `desc` broadcasts it.
Operand broadcast(const Operand& in, const halyard_tensor_desc& desc) {
  Operand out = in;
  out.rank = static_cast<std::uint16_t>(desc.rank);
  const std::uint32_t shift = desc.rank - in.rank;
  for (std::uint32_t i = desc.rank; i-- > 0;) {
    out.dims[i] = i < shift ? 1 : in.dims[i - shift];
    out.strides[i] = i < shift ? 0 : in.strides[i - shift];
    if (out.dims[i] == 1) out.strides[i] = 0;
  }
  return out;
}

/// A product with what follows it and can be done in the same command.
struct Fused {
  halyard_tensor product = 0;
  std::uint32_t channel_axis = 0;
  halyard_tensor result = 0;  ///< tensor that the command produces
  std::optional<halyard_tensor> bias, scale;
  drm_halyard_clipper_epilogue epilogue{};
};

class Compiler {
 public:
  Compiler(const Graph& graph, const drm_halyard_clipper_info& info, bool profile)
      : graph_(graph), info_(info), profile_(profile), views_(graph.nodes().size()) {}

  ProgramImage run();

 private:
  [[nodiscard]] const Node& node(halyard_tensor tensor) const { return graph_.nodes()[tensor]; }
  void check_sizes() const;
  void count_uses();
  void place_bindings();
  void place_constants();
  void compile_node(halyard_tensor tensor);
  void compile_view(halyard_tensor tensor);
  void compile_product(halyard_tensor tensor);
  void compile_plain(halyard_tensor tensor);
  void finish();

  [[nodiscard]] std::optional<halyard_tensor> only_user(halyard_tensor tensor) const;
  Fused fuse(halyard_tensor product);
  bool take_bias(Fused& fused, halyard_tensor user) const;
  bool take_scale(Fused& fused, halyard_tensor user) const;
  bool take_activation(Fused& fused, halyard_tensor user) const;
  [[nodiscard]] bool is_ready(halyard_tensor vector, const Fused& fused) const;
  [[nodiscard]] bool is_channel_vector(halyard_tensor vector, const Fused& fused) const;
  Operand vector_operand(halyard_tensor vector) const;

  Operand place_result(halyard_tensor tensor);
  void release_inputs(halyard_tensor tensor);
  void emit(halyard_tensor tensor, Command command, std::span<const Operand> operands);
  void emit_timestamp(FixedBinding binding, std::uint64_t offset);

  const Graph& graph_;
  const drm_halyard_clipper_info& info_;
  bool profile_;
  ProgramImage image_;
  ScratchAllocator scratch_;
  std::vector<View> views_;
  std::vector<std::vector<halyard_tensor>> users_;
  std::vector<std::uint32_t> uses_left_;  ///< of a tensor's memory, views included
  std::vector<bool> is_output_, fused_away_;
  std::vector<std::uint32_t> binding_of_output_;
};

void Compiler::check_sizes() const {
  for (const auto& any : graph_.nodes()) {
    if (element_count(any.desc) > std::numeric_limits<std::int32_t>::max()) {
      throw Error(HALYARD_UNSUPPORTED, "\"" + any.name + "\": " + to_string(any.desc) +
                                           " has more elements than the chip's strides reach");
    }
  }
}

void Compiler::count_uses() {
  const auto count = graph_.nodes().size();
  users_.resize(count);
  uses_left_.assign(count, 0);
  is_output_.assign(count, false);
  fused_away_.assign(count, false);
  binding_of_output_.assign(count, 0);
  for (halyard_tensor t = 0; t < count; ++t) {
    for (const auto input : node(t).inputs)
      users_[input].push_back(t);
  }
}

void Compiler::place_bindings() {
  std::uint32_t index = kFixedBindings;
  const auto add = [&](const std::string& name, const halyard_tensor_desc& desc, bool output) {
    image_.bindings.push_back({name, desc, byte_size(desc), output});
    return index++;
  };
  for (const auto input : graph_.inputs()) {
    auto& view = views_[input];
    view.owner = input;
    set_shape(view.operand, node(input).desc);
    view.operand.binding = add(node(input).name, node(input).desc, false);
  }
  for (const auto& output : graph_.outputs()) {
    is_output_[output.tensor] = true;
    binding_of_output_[output.tensor] = add(output.name, node(output.tensor).desc, true);
  }
  if (index > info_.bindings_max) {
    throw Error(HALYARD_UNSUPPORTED,
                "the chip takes at most " + std::to_string(info_.bindings_max - kFixedBindings) +
                    " inputs and outputs, the graph has " + std::to_string(index - kFixedBindings));
  }
}

void Compiler::place_constants() {
  for (halyard_tensor t = 0; t < graph_.nodes().size(); ++t) {
    const auto& constant = node(t);
    if (constant.kind != Node::Kind::kConstant || users_[t].empty()) continue;
    image_.constants.resize((image_.constants.size() + 63) / 64 * 64);
    auto& view = views_[t];
    view.owner = t;
    set_shape(view.operand, constant.desc);
    view.operand.binding = kBindConstants;
    view.operand.offset = image_.constants.size();
    image_.constants.insert(image_.constants.end(), constant.data->begin(), constant.data->end());
  }
}

/// Memory of a computed tensor: its output binding, or scratch that lives until the last use.
Operand Compiler::place_result(halyard_tensor tensor) {
  auto& view = views_[tensor];
  view.owner = tensor;
  set_shape(view.operand, node(tensor).desc);
  if (is_output_[tensor]) {
    view.operand.binding = binding_of_output_[tensor];
  } else {
    view.operand.binding = kBindScratch;
    view.operand.offset = scratch_.allocate(byte_size(node(tensor).desc));
  }
  uses_left_[tensor] = static_cast<std::uint32_t>(users_[tensor].size());
  return view.operand;
}

/// After a command: memory that nobody reads any more is free again.
void Compiler::release_inputs(halyard_tensor tensor) {
  for (const auto input : node(tensor).inputs) {
    if (fused_away_[input]) {
      release_inputs(input);
      continue;
    }
    const auto owner = views_[input].owner;
    const auto& memory = views_[owner].operand;
    if (memory.binding != kBindScratch || uses_left_[owner] == 0) continue;
    if (--uses_left_[owner] == 0) scratch_.release(memory.offset, byte_size(node(owner).desc));
  }
}

void Compiler::emit_timestamp(FixedBinding binding, std::uint64_t offset) {
  VectorSink sink(image_.stream);
  append_command(sink, make_command(DRM_HALYARD_CLIPPER_TIMESTAMP, 0),
                 std::array{cell_operand(binding, offset)});
  image_.command_names.emplace_back("timestamp");
}

void Compiler::emit(halyard_tensor tensor, Command command, std::span<const Operand> operands) {
  if ((info_.opcodes >> command.opcode & 1) == 0) {
    throw Error(HALYARD_UNSUPPORTED, "\"" + node(tensor).name +
                                         "\": this revision of the chip has no " +
                                         std::string(to_string(node(tensor).op)));
  }
  command.tag = tensor;
  VectorSink sink(image_.stream);
  append_command(sink, command, operands);
  image_.command_names.push_back(node(tensor).name);
  if (profile_) {
    image_.profile_bytes += sizeof(std::uint64_t);
    emit_timestamp(kBindProfile, image_.profile_bytes);
  }
}

std::optional<halyard_tensor> Compiler::only_user(halyard_tensor tensor) const {
  if (is_output_[tensor] || users_[tensor].size() != 1) return std::nullopt;
  return users_[tensor].front();
}

/// True for a vector that exists, without gaps, before the product is computed.
bool Compiler::is_ready(halyard_tensor vector, const Fused& fused) const {
  const auto& view = views_[vector].operand;
  return view.rank != 0 && contiguous(view) &&
         (node(vector).kind != Node::Kind::kOperation || vector < fused.product);
}

/// True for [channels], and for shapes that broadcast along the product's channels only.
bool Compiler::is_channel_vector(halyard_tensor vector, const Fused& fused) const {
  const auto& product = node(fused.product).desc;
  const auto& desc = node(vector).desc;
  if (desc.rank > product.rank) return false;
  const std::uint32_t shift = product.rank - desc.rank;
  if (fused.channel_axis < shift) return false;
  for (std::uint32_t i = 0; i < desc.rank; ++i) {
    if (desc.dims[i] != (i + shift == fused.channel_axis ? product.dims[i + shift] : 1U))
      return false;
  }
  return true;
}

bool Compiler::take_bias(Fused& fused, halyard_tensor user) const {
  const auto& add = node(user);
  if (add.op != HALYARD_OP_ADD || fused.result != fused.product || add.inputs[0] == add.inputs[1])
    return false;
  const auto vector = add.inputs[0] == fused.product ? add.inputs[1] : add.inputs[0];
  const auto dtype = node(vector).desc.dtype;
  if (dtype != HALYARD_F32 && dtype != HALYARD_I32) return false;
  if (!is_ready(vector, fused) || !is_channel_vector(vector, fused)) return false;
  fused.bias = vector;
  return true;
}

bool Compiler::take_scale(Fused& fused, halyard_tensor user) const {
  const auto& requantize = node(user);
  if (requantize.op != HALYARD_OP_REQUANTIZE || fused.scale) return false;
  const auto scale = requantize.inputs[1];
  if (requantize.inputs[0] != fused.result || node(fused.result).desc.dtype != HALYARD_I32)
    return false;
  const auto& p = std::get<halyard_quantize_params>(requantize.params);
  if (node(scale).desc.dims[0] != 1 && p.axis != fused.channel_axis) return false;
  if (!is_ready(scale, fused)) return false;
  fused.scale = scale;
  fused.epilogue.zero_point = p.zero_point;
  return true;
}

bool Compiler::take_activation(Fused& fused, halyard_tensor user) const {
  const auto activation = activation_of(node(user).op);
  if (!activation || fused.epilogue.activation != DRM_HALYARD_CLIPPER_ACT_NONE) return false;
  const auto dtype = node(fused.result).desc.dtype;
  // On integers the epilogue activates before it rounds: the same for ReLU around zero only.
  const bool same =
      is_float(dtype) || (dtype == HALYARD_I8 && *activation == DRM_HALYARD_CLIPPER_ACT_RELU &&
                          fused.epilogue.zero_point == 0);
  if (!same) return false;
  fused.epilogue.activation = *activation;
  return true;
}

Fused Compiler::fuse(halyard_tensor product) {
  Fused fused;
  fused.product = fused.result = product;
  fused.channel_axis = node(product).op == HALYARD_OP_CONV2D ? 1 : node(product).desc.rank - 1;
  while (const auto user = only_user(fused.result)) {
    const bool same_shape = element_count(node(*user).desc) == element_count(node(product).desc);
    if (!same_shape) break;
    if (!take_bias(fused, *user) && !take_scale(fused, *user) && !take_activation(fused, *user))
      break;
    fused_away_[fused.result] = true;
    fused.result = *user;
    if (fused.epilogue.activation != DRM_HALYARD_CLIPPER_ACT_NONE) break;
  }
  return fused;
}

/// A vector of any shape as rank 1.
Operand Compiler::vector_operand(halyard_tensor vector) const {
  const auto& view = views_[vector].operand;
  return linear_operand(chip_dtype(node(vector).desc.dtype), view.binding, view.offset,
                        static_cast<std::uint32_t>(element_count(node(vector).desc)));
}

void Compiler::compile_product(halyard_tensor tensor) {
  const auto& product = node(tensor);
  const auto fused = fuse(tensor);
  std::array<Operand, 5> operands{};
  operands[0] = views_[product.inputs[0]].operand;
  operands[1] = views_[product.inputs[1]].operand;
  if (fused.bias) operands[2] = vector_operand(*fused.bias);
  if (fused.scale) operands[3] = vector_operand(*fused.scale);
  operands[4] = place_result(fused.result);
  if (product.op == HALYARD_OP_MATMUL) {
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_MATMUL, 0, fused.epilogue), operands);
  } else {
    const auto& p = std::get<halyard_conv2d_params>(product.params);
    const auto narrow = [](std::uint32_t value) { return static_cast<std::uint16_t>(value); };
    const drm_halyard_clipper_conv2d params{fused.epilogue,       narrow(p.stride_h),
                                            narrow(p.stride_w),   narrow(p.dilation_h),
                                            narrow(p.dilation_w), narrow(p.pad_top),
                                            narrow(p.pad_left),   narrow(p.pad_bottom),
                                            narrow(p.pad_right),  p.groups};
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_CONV2D, 0, params), operands);
  }
  release_inputs(fused.result);
}

/// Transposes and reshapes cost nothing where strides can express them.
void Compiler::compile_view(halyard_tensor tensor) {
  const auto& view_node = node(tensor);
  const auto source = view_node.inputs[0];
  Operand seen = views_[source].operand;
  if (view_node.op == HALYARD_OP_TRANSPOSE) {
    const auto& p = std::get<halyard_transpose_params>(view_node.params);
    for (std::uint32_t i = 0; i < view_node.desc.rank; ++i) {
      seen.dims[i] = views_[source].operand.dims[p.perm[i]];
      seen.strides[i] = views_[source].operand.strides[p.perm[i]];
    }
  } else if (contiguous(seen)) {
    set_shape(seen, view_node.desc);
  } else {
    // A copy in the source's shape makes it contiguous; the result is that memory in the new shape.
    const Operand result = place_result(tensor);
    Operand dense = result;
    halyard_tensor_desc shape = node(source).desc;
    set_shape(dense, shape);
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_COPY, 0), std::array{seen, dense});
    release_inputs(tensor);
    return;
  }
  if (is_output_[tensor]) {
    const Operand result = place_result(tensor);
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_COPY, 0), std::array{seen, result});
    release_inputs(tensor);
    return;
  }
  const auto owner = views_[source].owner;
  views_[tensor] = {seen, owner};
  // The view's uses are uses of the memory, instead of the one by the view itself.
  if (views_[owner].operand.binding == kBindScratch) {
    uses_left_[owner] += static_cast<std::uint32_t>(users_[tensor].size());
    release_inputs(tensor);
  }
}

void Compiler::compile_plain(halyard_tensor tensor) {
  const auto& op = node(tensor);
  const auto in = [&](std::size_t i) { return views_[op.inputs[i]].operand; };
  if (const auto activation = activation_of(op.op)) {
    const drm_halyard_clipper_activate params{static_cast<std::uint32_t>(*activation)};
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_ACTIVATE, 0, params),
         std::array{in(0), place_result(tensor)});
  } else if (const auto binary = binary_of(op.op)) {
    const drm_halyard_clipper_binary params{static_cast<std::uint32_t>(*binary),
                                            DRM_HALYARD_CLIPPER_ACT_NONE};
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_BINARY, 0, params),
         std::array{broadcast(in(0), op.desc), broadcast(in(1), op.desc), place_result(tensor)});
  } else if (const auto* pool = std::get_if<halyard_pool2d_params>(&op.params)) {
    const auto narrow = [](std::uint32_t value) { return static_cast<std::uint16_t>(value); };
    const bool average = op.op == HALYARD_OP_AVG_POOL2D;
    const drm_halyard_clipper_pool2d params{
        narrow(average ? 1 : 0),  narrow(average ? pool->count_padding : 0),
        narrow(pool->kernel_h),   narrow(pool->kernel_w),
        narrow(pool->stride_h),   narrow(pool->stride_w),
        narrow(pool->pad_top),    narrow(pool->pad_left),
        narrow(pool->pad_bottom), narrow(pool->pad_right)};
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_POOL2D, 0, params),
         std::array{in(0), place_result(tensor)});
  } else if (const auto* norm = std::get_if<halyard_norm_params>(&op.params)) {
    const bool rms = op.op == HALYARD_OP_RMS_NORM;
    const drm_halyard_clipper_norm params{rms ? 1U : 0U,
                                          std::bit_cast<std::uint32_t>(norm->epsilon)};
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_NORM, 0, params),
         std::array{in(0), in(1), rms ? Operand{} : in(2), place_result(tensor)});
  } else if (const auto* scaled = std::get_if<halyard_quantize_params>(&op.params)) {
    const auto opcode = op.op == HALYARD_OP_QUANTIZE     ? DRM_HALYARD_CLIPPER_QUANTIZE
                        : op.op == HALYARD_OP_DEQUANTIZE ? DRM_HALYARD_CLIPPER_DEQUANTIZE
                                                         : DRM_HALYARD_CLIPPER_REQUANTIZE;
    const drm_halyard_clipper_quantize params{scaled->axis, scaled->zero_point};
    emit(tensor, make_command(opcode, 0, params), std::array{in(0), in(1), place_result(tensor)});
  } else if (op.op == HALYARD_OP_SOFTMAX) {
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_SOFTMAX, 0),
         std::array{in(0), place_result(tensor)});
  } else if (op.op == HALYARD_OP_CAST) {
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_COPY, 0),
         std::array{in(0), place_result(tensor)});
  } else if (op.op == HALYARD_OP_GATHER) {
    emit(tensor, make_command(DRM_HALYARD_CLIPPER_GATHER, 0),
         std::array{in(0), in(1), place_result(tensor)});
  } else {
    throw Error(HALYARD_UNSUPPORTED, "\"" + op.name + "\": the chip has no command for " +
                                         std::string(to_string(op.op)));
  }
  release_inputs(tensor);
}

void Compiler::compile_node(halyard_tensor tensor) {
  const auto& op = node(tensor);
  if (op.kind != Node::Kind::kOperation || views_[tensor].operand.rank != 0 || fused_away_[tensor])
    return;
  if (users_[tensor].empty() && !is_output_[tensor]) return;  // nobody wants it
  if (is_view(op.op)) {
    compile_view(tensor);
  } else if (is_product(op.op)) {
    compile_product(tensor);
  } else {
    compile_plain(tensor);
  }
}

void Compiler::finish() {
  emit_timestamp(kBindStatus, 0);
  if (profile_) image_.profile_bytes += sizeof(std::uint64_t);
  image_.scratch_bytes = scratch_.size();
}

ProgramImage Compiler::run() {
  if (graph_.outputs().empty()) {
    throw Error(HALYARD_INVALID_ARGUMENT, "the graph has no output");
  }
  check_sizes();
  count_uses();
  place_bindings();
  place_constants();
  if (profile_) emit_timestamp(kBindProfile, 0);
  for (halyard_tensor t = 0; t < graph_.nodes().size(); ++t)
    compile_node(t);
  finish();
  return std::move(image_);
}

}  // namespace

ProgramImage compile_graph(const Graph& graph, const drm_halyard_clipper_info& info, bool profile) {
  return Compiler(graph, info, profile).run();
}

}  // namespace halyard::hal::clipper
