// SPDX-License-Identifier: MIT
#include "lowering/operand.hpp"

#include <algorithm>

namespace halyard::hal::lowering {

void set_shape(Operand& operand, const halyard_tensor_desc& desc) {
  operand.dtype = desc.dtype;
  operand.rank = desc.rank;
  operand.dims = {};
  operand.strides = {};
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

Operand broadcast(const Operand& in, const Operand& whole) {
  Operand out = in;
  out.rank = whole.rank;
  const std::uint32_t shift = whole.rank - in.rank;
  for (std::uint32_t i = whole.rank; i-- > 0;) {
    out.dims[i] = i < shift ? 1 : in.dims[i - shift];
    out.strides[i] = i < shift ? 0 : in.strides[i - shift];
    if (out.dims[i] == 1) out.strides[i] = 0;
  }
  return out;
}

Operand as_vector(const Operand& operand) {
  std::uint32_t elements = 1;
  for (std::uint32_t i = 0; i < operand.rank; ++i)
    elements *= operand.dims[i];
  Operand vector = operand;
  vector.rank = 1;
  vector.dims = {elements};
  vector.strides = {1};
  return vector;
}

Operand cell(std::uint32_t binding, std::uint64_t offset) {
  Operand operand;
  operand.binding = binding;
  operand.offset = offset;
  set_shape(operand, {HALYARD_I32, 1, {2}});
  return operand;
}

namespace {

/// Whether `operand` walks dimensions `i` and `i + 1` of the whole's `dims` as one.
bool walks_as_one(const Operand& operand, const Operand& whole, std::uint32_t i) {
  if (whole.dims[i] == 1 || whole.dims[i + 1] == 1) return true;
  if (operand.dims[i] == 1 && operand.dims[i + 1] == 1) return true;
  return operand.dims[i] == whole.dims[i] && operand.dims[i + 1] == whole.dims[i + 1] &&
         operand.strides[i] ==
             static_cast<std::int64_t>(operand.strides[i + 1]) * operand.dims[i + 1];
}

/// Makes dimensions `i` and `i + 1` one.
void merge(Operand& operand, std::uint32_t i) {
  const bool inner = operand.dims[i + 1] != 1;
  const auto stride = inner ? operand.strides[i + 1] : operand.strides[i];
  operand.dims[i] *= operand.dims[i + 1];
  operand.strides[i] = stride;
  const auto at = static_cast<std::ptrdiff_t>(i) + 1;
  std::rotate(operand.dims.begin() + at, operand.dims.begin() + at + 1, operand.dims.end());
  std::rotate(operand.strides.begin() + at, operand.strides.begin() + at + 1,
              operand.strides.end());
  operand.dims.back() = 0;
  operand.strides.back() = 0;
  --operand.rank;
}

}  // namespace

void merge_dimensions(std::span<Operand* const> operands, std::uint32_t max_rank,
                      std::uint32_t keep) {
  const auto& whole = *operands.back();
  for (std::uint32_t i = 0; whole.rank > max_rank && i + 1 + keep < whole.rank;) {
    const bool all = std::all_of(operands.begin(), operands.end(), [&](const Operand* operand) {
      return walks_as_one(*operand, whole, i);
    });
    if (!all) {
      ++i;
      continue;
    }
    for (auto* operand : operands)
      merge(*operand, i);
  }
}

}  // namespace halyard::hal::lowering
