// SPDX-License-Identifier: MIT
#include "commands.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace halyard::ggml {
namespace {

constexpr std::size_t kMaxName = 63;

halyard_dtype dtype_of(const ggml_tensor* tensor) {
  switch (tensor->type) {
    case GGML_TYPE_F32:
      return HALYARD_F32;
    case GGML_TYPE_F16:
      return HALYARD_F16;
    case GGML_TYPE_BF16:
      return HALYARD_BF16;
    case GGML_TYPE_I8:
      return HALYARD_I8;
    case GGML_TYPE_I32:
      return HALYARD_I32;
    default:
      throw Unsupported(std::string("type ") + ggml_type_name(tensor->type));
  }
}

std::vector<std::int64_t> row_major(std::span<const std::uint32_t> dims) {
  std::vector<std::int64_t> strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  return strides;
}

/// Dimensions of one element that no operand needs are taken away, from the outermost on, until
/// there are as many as the HAL has.
void fit_rank(std::vector<Strided>& operands) {
  for (std::size_t i = 0;
       operands.back().dims.size() > HALYARD_MAX_RANK && i < operands.back().dims.size();) {
    const bool unused = std::all_of(operands.begin(), operands.end(), [i](const Strided& operand) {
      return operand.dims.at(i) == 1;
    });
    if (!unused) {
      ++i;
      continue;
    }
    for (auto& operand : operands)
      operand = operand.at(i, 0);
  }
  if (operands.back().dims.size() > HALYARD_MAX_RANK) throw Unsupported("too many dimensions");
}

bool is_elementwise(halyard_op op) {
  return op == HALYARD_OP_CAST || (op >= HALYARD_OP_ADD && op <= HALYARD_OP_TANH) ||
         (op >= HALYARD_OP_EXP && op <= HALYARD_OP_SIGN);
}

std::vector<View> views_of(std::span<const Strided> operands) {
  std::vector<View> views;
  for (const auto& operand : operands)
    views.push_back(operand.view());
  return views;
}

}  // namespace

std::uint32_t narrow(std::int64_t dim) {
  if (dim < 1 || dim > INT32_MAX) throw Unsupported("a dimension beyond 31 bits");
  return static_cast<std::uint32_t>(dim);
}

bool is_blocks(const ggml_tensor* tensor) {
  return ggml_is_quantized(tensor->type);
}

halyard_format format_of(const ggml_tensor* tensor) {
  switch (tensor->type) {
    case GGML_TYPE_Q4_0:
      return HALYARD_Q4_0;
    case GGML_TYPE_Q4_1:
      return HALYARD_Q4_1;
    case GGML_TYPE_Q5_0:
      return HALYARD_Q5_0;
    case GGML_TYPE_Q5_1:
      return HALYARD_Q5_1;
    case GGML_TYPE_Q8_0:
      return HALYARD_Q8_0;
    case GGML_TYPE_Q2_K:
      return HALYARD_Q2_K;
    case GGML_TYPE_Q3_K:
      return HALYARD_Q3_K;
    case GGML_TYPE_Q4_K:
      return HALYARD_Q4_K;
    case GGML_TYPE_Q5_K:
      return HALYARD_Q5_K;
    case GGML_TYPE_Q6_K:
      return HALYARD_Q6_K;
    case GGML_TYPE_IQ4_NL:
      return HALYARD_IQ4_NL;
    case GGML_TYPE_IQ4_XS:
      return HALYARD_IQ4_XS;
    case GGML_TYPE_MXFP4:
      return HALYARD_MXFP4;
    case GGML_TYPE_NVFP4:
      return HALYARD_NVFP4;
    case GGML_TYPE_Q1_0:
      return HALYARD_Q1_0;
    case GGML_TYPE_Q2_0:
      return HALYARD_Q2_0;
    case GGML_TYPE_TQ1_0:
      return HALYARD_TQ1_0;
    case GGML_TYPE_TQ2_0:
      return HALYARD_TQ2_0;
    default:
      throw Unsupported(std::string("type ") + ggml_type_name(tensor->type));
  }
}

std::uint64_t Strided::elements() const {
  return std::accumulate(dims.begin(), dims.end(), std::uint64_t{1}, std::multiplies<>());
}

bool Strided::contiguous() const {
  std::int64_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0; stride *= dims[i]) {
    if (dims[i] != 1 && strides[i] != stride) return false;
  }
  return true;
}

Strided Strided::slice(std::size_t dim, std::uint32_t first, std::uint32_t count,
                       std::uint32_t step) const {
  Strided part = *this;
  part.offset += first * static_cast<std::uint64_t>(strides[dim]) * halyard_dtype_size(dtype);
  part.dims[dim] = count;
  part.strides[dim] *= step;
  return part;
}

Strided Strided::at(std::size_t dim, std::uint32_t index) const {
  Strided part = slice(dim, index, 1);
  part.dims.erase(part.dims.begin() + static_cast<std::ptrdiff_t>(dim));
  part.strides.erase(part.strides.begin() + static_cast<std::ptrdiff_t>(dim));
  return part;
}

Strided Strided::swapped(std::size_t a, std::size_t b) const {
  Strided turned = *this;
  std::swap(turned.dims[a], turned.dims[b]);
  std::swap(turned.strides[a], turned.strides[b]);
  return turned;
}

Strided Strided::inserted(std::size_t dim) const {
  Strided other = *this;
  const auto at = static_cast<std::ptrdiff_t>(dim);
  other.dims.insert(other.dims.begin() + at, 1);
  other.strides.insert(other.strides.begin() + at, 0);
  return other;
}

Strided Strided::reshaped(std::vector<std::uint32_t> shape) const {
  if (!contiguous()) throw Unsupported("another shape of what has gaps");
  Strided other = *this;
  other.strides = row_major(shape);
  other.dims = std::move(shape);
  return other;
}

Strided Strided::repeated(std::size_t dim, std::uint32_t count) const {
  Strided all = *this;
  all.dims[dim] = count;
  all.strides[dim] = 0;
  return all;
}

View Strided::view() const {
  if (dims.empty()) return {};  // absent
  return View(binding, dtype, dims, offset).with_strides(strides);
}

Strided Commands::tensor(const ggml_tensor* tensor) const {
  return strided(tensor, dtype_of(tensor));
}

Strided Commands::words(const ggml_tensor* tensor) const {
  const auto bytes = ggml_type_size(tensor->type);
  // Equal types are copied bit by bit.
  const auto dtype = bytes % 4 == 0 ? HALYARD_I32 : bytes % 2 == 0 ? HALYARD_F16 : HALYARD_I8;
  auto words = strided(tensor, dtype);
  words.dims.back() /= static_cast<std::uint32_t>(ggml_blck_size(tensor->type));
  words.dims.push_back(static_cast<std::uint32_t>(bytes / halyard_dtype_size(dtype)));
  words.strides.push_back(1);
  return words;
}

Strided Commands::indices(const ggml_tensor* tensor) const {
  if (tensor->type == GGML_TYPE_I32) return strided(tensor, HALYARD_I32);
  if (tensor->type != GGML_TYPE_I64) throw Unsupported("indices that are no whole numbers");
  auto words = strided(tensor, HALYARD_I32);
  words.dims.push_back(2);
  words.strides.push_back(1);
  return words;
}

Strided Commands::blocks(const ggml_tensor* tensor) const {
  static_cast<void>(format_of(tensor));
  auto bytes = strided(tensor, HALYARD_U8);
  bytes.dims.back() = narrow(static_cast<std::int64_t>(ggml_row_size(tensor->type, tensor->ne[0])));
  bytes.strides.back() = 1;
  return bytes;
}

Strided Commands::movable(const ggml_tensor* tensor) const {
  return is_blocks(tensor) ? blocks(tensor) : this->tensor(tensor);
}

Strided Commands::converted(const Strided& in, halyard_dtype dtype) {
  if (in.dtype == dtype) return in;
  auto out = scratch(in.dims, dtype);
  copy(in, out);
  return out;
}

Strided Commands::real(const ggml_tensor* tensor, halyard_dtype dtype) {
  if (!is_blocks(tensor)) {
    return converted(this->tensor(tensor), dtype);
  }
  auto dims = blocks(tensor).dims;
  dims.back() = narrow(tensor->ne[0]);
  auto unpacked = scratch(std::move(dims), dtype);
  unpack(tensor, blocks(tensor), unpacked);
  return unpacked;
}

void Commands::unpack(const ggml_tensor* tensor, const Strided& blocks, const Strided& out) {
  add(HALYARD_OP_UNPACK, {blocks, out}, halyard_unpack_params{0, format_of(tensor), out.dtype});
}

Strided Commands::strided(const ggml_tensor* tensor, halyard_dtype dtype) const {
  Strided strided;
  strided.dtype = dtype;
  const auto location = locate_ ? locate_(tensor) : Location{kFirst, 0};
  strided.binding = location.binding;
  strided.offset = location.offset;
  const auto size = halyard_dtype_size(strided.dtype);
  for (std::size_t i = GGML_MAX_DIMS; i-- > 0;) {
    if (tensor->nb[i] % size != 0) throw Unsupported("strides that are no multiple of an element");
    strided.dims.push_back(narrow(tensor->ne[i]));
    strided.strides.push_back(static_cast<std::int64_t>(tensor->nb[i] / size));
  }
  return strided;
}

Strided Commands::scratch(std::vector<std::uint32_t> dims, halyard_dtype dtype) {
  constexpr std::uint64_t kAlignment = 64;
  Strided strided;
  strided.binding = kScratch;
  strided.dtype = dtype;
  strided.offset = scratch_used_;
  strided.strides = row_major(dims);
  strided.dims = std::move(dims);
  const auto bytes = strided.elements() * halyard_dtype_size(dtype);
  scratch_used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  scratch_bytes_ = std::max(scratch_bytes_, scratch_used_);
  return strided;
}

Strided Commands::constant(std::span<const float> values, std::vector<std::uint32_t> dims) {
  Strided strided;
  strided.binding = kConstants;
  strided.offset = constants_.size() * sizeof(float);
  strided.strides = row_major(dims);
  strided.dims = std::move(dims);
  constants_.insert(constants_.end(), values.begin(), values.end());
  return strided;
}

Strided Commands::scalar(float value, std::size_t rank) {
  return constant({&value, 1}, std::vector<std::uint32_t>(rank, 1));
}

void Commands::begin_node(const ggml_tensor* node) {
  scratch_used_ = 0;
  name_ = std::string(node->name[0] != '\0' ? node->name : ggml_op_desc(node)).substr(0, kMaxName);
}

void Commands::add(halyard_op op, std::vector<Strided> operands, CommandParams params) {
  if (is_elementwise(op)) fit_rank(operands);
  commands_.push_back({op, std::move(operands), std::move(params), name_});
}

bool Commands::supported_by(const Device& device) const {
  return std::all_of(commands_.begin(), commands_.end(), [&](const Command& command) {
    std::vector<halyard_view> views;
    for (const auto& view : views_of(command.operands))
      views.push_back(view.raw());
    const auto status = halyard_device_supports(device.get(), command.op, views.data(),
                                                views.size(), command.params.raw());
    // What no chip at all can do is not supported either.
    if (status == HALYARD_UNSUPPORTED || status == HALYARD_INVALID_ARGUMENT) return false;
    detail::check(status);
    return true;
  });
}

CommandList Commands::list(std::span<const BindingUse> bindings) const {
  CommandList list;
  std::vector<std::uint32_t> indices = {0, 0};
  if (scratch_bytes_ > 0) indices[kScratch] = list.scratch(scratch_bytes_);
  if (!constants_.empty()) {
    indices[kConstants] = list.constant(std::span<const float>(constants_));
  }
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    indices.push_back(
        list.bind(std::to_string(i), bindings[i].bytes,
                  bindings[i].written ? HALYARD_ACCESS_READ_WRITE : HALYARD_ACCESS_READ));
  }
  for (const auto& command : commands_) {
    auto operands = command.operands;
    for (auto& operand : operands)
      operand.binding = indices.at(operand.binding);
    list.add(command.op, views_of(operands), command.params, command.name);
  }
  return list;
}

}  // namespace halyard::ggml
