// SPDX-License-Identifier: MIT
#include "stream.hpp"

namespace halyard::emu::test {

RawOperand dense(std::uint32_t binding, std::uint16_t dtype, std::vector<std::uint32_t> dims,
                 std::uint64_t offset) {
  RawOperand operand{};
  operand.offset = offset;
  operand.binding = binding;
  operand.dtype = dtype;
  operand.rank = static_cast<std::uint16_t>(dims.size());
  std::int32_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    operand.dims[i] = dims[i];
    operand.strides[i] = stride;
    stride *= static_cast<std::int32_t>(dims[i]);
  }
  return operand;
}

RawOperand absent() {
  return RawOperand{};
}

RawOperand word(std::uint32_t binding, std::uint64_t offset) {
  return dense(binding, DRM_HALYARD_CLIPPER_I32, {2}, offset);
}

std::uint16_t to_raw(engine::DType type) {
  switch (type) {
    case engine::DType::kF32:
      return DRM_HALYARD_CLIPPER_F32;
    case engine::DType::kF16:
      return DRM_HALYARD_CLIPPER_F16;
    case engine::DType::kBF16:
      return DRM_HALYARD_CLIPPER_BF16;
    case engine::DType::kI8:
      return DRM_HALYARD_CLIPPER_I8;
    case engine::DType::kU8:
      return DRM_HALYARD_CLIPPER_U8;
    case engine::DType::kI32:
      return DRM_HALYARD_CLIPPER_I32;
  }
  return 0;
}

std::uint32_t Stream::bind(std::uint64_t address, std::uint64_t size) {
  bindings_.push_back({address, size});
  return static_cast<std::uint32_t>(bindings_.size() - 1);
}

Stream& Stream::append(const drm_halyard_clipper_command& command,
                       const std::vector<RawOperand>& operands) {
  const auto put = [&](std::span<const std::byte> part) {
    bytes_.insert(bytes_.end(), part.begin(), part.end());
  };
  put(std::as_bytes(std::span(&command, 1)));
  put(std::as_bytes(std::span(operands)));
  return *this;
}

}  // namespace halyard::emu::test
