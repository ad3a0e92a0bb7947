// SPDX-License-Identifier: MIT
#include "stream.hpp"

#include <bit>

namespace dory_test {

namespace {

constexpr std::uint32_t kF32 = DRM_HALYARD_DORY_F32;
constexpr std::uint32_t kI8 = DRM_HALYARD_DORY_I8;
constexpr std::uint32_t kI32 = DRM_HALYARD_DORY_I32;

/// Sets IN0, IN1, BIAS, SCALE, OUT.
Stream operands(const Operand& in0, const Operand& in1, const Operand& bias, const Operand& scale,
                const Operand& out) {
  Stream stream;
  std::uint32_t number = 0;
  for (const Operand* operand : {&in0, &in1, &bias, &scale, &out})
    stream.operand(number++, *operand);
  return stream;
}

Stream one_input(const Operand& in, const Operand& out) {
  return operands(in, absent(), absent(), absent(), out);
}

Stream scaled(std::uint32_t in, std::uint32_t out) {
  Stream stream = operands(dense(0, in, {3, 9}), absent(), absent(), dense(0, kF32, {9}),
                           dense(1, out, {3, 9}));
  return stream.set(DRM_HALYARD_DORY_AXIS, {1});
}

Stream conv2d() {
  Stream stream = operands(dense(0, kF32, {1, 4, 8, 8}), dense(0, kF32, {6, 2, 3, 3}),
                           dense(0, kF32, {6}), absent(), dense(1, kF32, {1, 6, 6, 6}));
  return stream.set(DRM_HALYARD_DORY_STRIDES, {pair(1, 1), pair(1, 1), 0, 0, 2});
}

Stream pool2d() {
  Stream stream = one_input(dense(0, kF32, {1, 2, 8, 8}), dense(1, kF32, {1, 2, 4, 4}));
  stream.set(DRM_HALYARD_DORY_STRIDES, {pair(2, 2)});
  return stream.set(DRM_HALYARD_DORY_KERNEL, {pair(2, 2)});
}

Stream norm() {
  Stream stream = operands(dense(0, kF32, {3, 9}), absent(), dense(0, kF32, {9}),
                           dense(0, kF32, {9}), dense(1, kF32, {3, 9}));
  return stream.set(DRM_HALYARD_DORY_EPSILON, {std::bit_cast<std::uint32_t>(1e-5F)});
}

Stream setup(std::uint32_t opcode) {
  switch (opcode) {
    case DRM_HALYARD_DORY_OP_MATMUL:
      return operands(dense(0, kF32, {4, 8}), dense(0, kF32, {8, 6}), dense(0, kF32, {6}), absent(),
                      dense(1, kF32, {4, 6}));
    case DRM_HALYARD_DORY_OP_CONV2D:
      return conv2d();
    case DRM_HALYARD_DORY_OP_BINARY:
      return operands(dense(0, kF32, {4, 4}), dense(0, kF32, {1, 4}), absent(), absent(),
                      dense(1, kF32, {4, 4}));
    case DRM_HALYARD_DORY_OP_POOL2D:
      return pool2d();
    case DRM_HALYARD_DORY_OP_NORM:
      return norm();
    case DRM_HALYARD_DORY_OP_QUANTIZE:
      return scaled(kF32, kI8);
    case DRM_HALYARD_DORY_OP_DEQUANTIZE:
      return scaled(kI8, kF32);
    case DRM_HALYARD_DORY_OP_REQUANTIZE:
      return scaled(kI32, kI8);
    case DRM_HALYARD_DORY_OP_FILL:
      return one_input(absent(), dense(1, kF32, {3, 9}))
          .set(DRM_HALYARD_DORY_PATTERN, {0x12345678});
    case DRM_HALYARD_DORY_OP_TIMESTAMP:
      return one_input(absent(), word(1));
    default:
      return one_input(dense(0, kF32, {3, 9}), dense(1, kF32, {3, 9}));
  }
}

}  // namespace

Operand dense(std::uint32_t region, std::uint32_t dtype, std::vector<std::uint32_t> dims,
              std::uint32_t offset) {
  Operand operand{
      .dtype = dtype, .region = region, .offset = offset, .dims = std::move(dims), .strides = {}};
  operand.strides.resize(operand.dims.size());
  std::uint32_t stride = 1;
  for (std::size_t i = operand.dims.size(); i-- > 0;) {
    operand.strides[i] = static_cast<std::int32_t>(stride);
    stride *= operand.dims[i];
  }
  return operand;
}

Stream& Stream::raw(std::uint32_t word) {
  words_.push_back(word);
  return *this;
}

Stream& Stream::set(std::uint32_t first, const std::vector<std::uint32_t>& values) {
  const auto count = static_cast<std::uint32_t>(values.size());
  raw(command(DRM_HALYARD_DORY_OP_SET, count << DRM_HALYARD_DORY_SET_COUNT_SHIFT | first));
  words_.insert(words_.end(), values.begin(), values.end());
  return *this;
}

Stream& Stream::operand(std::uint32_t number, const Operand& operand) {
  std::vector<std::uint32_t> state(DRM_HALYARD_DORY_OPERAND_WORDS);
  const auto rank = static_cast<std::uint32_t>(operand.dims.size());
  state[DRM_HALYARD_DORY_FORMAT] = operand.dtype | rank << 8 | operand.region << 16;
  state[DRM_HALYARD_DORY_OFFSET] = operand.offset;
  for (std::uint32_t i = 0; i < rank && i < DRM_HALYARD_DORY_MAX_RANK; ++i) {
    state[DRM_HALYARD_DORY_DIM(i)] = operand.dims[i];
    state[DRM_HALYARD_DORY_STRIDE(i)] = static_cast<std::uint32_t>(operand.strides[i]);
  }
  return set(DRM_HALYARD_DORY_OPERAND(number), state);
}

Stream& Stream::fill(const Operand& out, std::uint32_t pattern) {
  operand(DRM_HALYARD_DORY_OUT, out);
  return set(DRM_HALYARD_DORY_PATTERN, {pattern}).op(DRM_HALYARD_DORY_OP_FILL);
}

Stream& Stream::copy(const Operand& in, const Operand& out) {
  operand(DRM_HALYARD_DORY_IN0, in);
  return operand(DRM_HALYARD_DORY_OUT, out).op(DRM_HALYARD_DORY_OP_COPY);
}

Stream valid_operation(std::uint32_t opcode) {
  Stream stream = setup(opcode);
  return stream.op(opcode);
}

}  // namespace dory_test
