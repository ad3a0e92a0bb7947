// SPDX-License-Identifier: MIT
#include "stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace halyard::test {
namespace {

template <typename T>
std::span<const std::byte> bytes_of(const T& object) {
  return std::as_bytes(std::span<const T>(&object, 1));
}

drm_halyard_clipper_operand word64(std::uint32_t binding, std::uint64_t offset) {
  return row(binding, 2, offset);
}

}  // namespace

drm_halyard_clipper_operand row(std::uint32_t binding, std::uint32_t count, std::uint64_t offset,
                                std::uint16_t dtype) {
  drm_halyard_clipper_operand operand{};
  operand.offset = offset;
  operand.binding = binding;
  operand.dtype = dtype;
  operand.rank = 1;
  operand.dims[0] = count;
  operand.strides[0] = 1;
  return operand;
}

drm_halyard_clipper_operand matrix(std::uint32_t binding, std::uint32_t rows, std::uint32_t columns,
                                   std::uint16_t dtype) {
  drm_halyard_clipper_operand operand = row(binding, rows, 0, dtype);
  operand.rank = 2;
  operand.strides[0] = static_cast<std::int32_t>(columns);
  operand.dims[1] = columns;
  operand.strides[1] = 1;
  return operand;
}

Stream& Stream::raw(std::uint16_t opcode, std::uint32_t tag,
                    std::span<const drm_halyard_clipper_operand> operands,
                    std::span<const std::byte> params) {
  drm_halyard_clipper_command command{};
  command.opcode = opcode;
  command.operands = static_cast<std::uint16_t>(operands.size());
  command.tag = tag;
  std::memcpy(command.params, params.data(), std::min(params.size(), sizeof(command.params)));
  std::ranges::copy(bytes_of(command), std::back_inserter(bytes_));
  std::ranges::copy(std::as_bytes(operands), std::back_inserter(bytes_));
  return *this;
}

Stream& Stream::nop(std::uint32_t tag) {
  return raw(DRM_HALYARD_CLIPPER_NOP, tag);
}

Stream& Stream::fill(const drm_halyard_clipper_operand& out, std::uint32_t pattern,
                     std::uint32_t tag) {
  return raw(DRM_HALYARD_CLIPPER_FILL, tag, {&out, 1},
             bytes_of(drm_halyard_clipper_fill{.pattern = pattern}));
}

Stream& Stream::copy(const drm_halyard_clipper_operand& in, const drm_halyard_clipper_operand& out,
                     std::uint32_t tag) {
  return raw(DRM_HALYARD_CLIPPER_COPY, tag, std::array{in, out});
}

Stream& Stream::matmul(const drm_halyard_clipper_operand& a, const drm_halyard_clipper_operand& b,
                       const drm_halyard_clipper_operand& out, std::uint32_t tag) {
  const drm_halyard_clipper_operand absent{};
  return raw(DRM_HALYARD_CLIPPER_MATMUL, tag, std::array{a, b, absent, absent, out},
             bytes_of(drm_halyard_clipper_epilogue{}));
}

Stream& Stream::fence_wait(std::uint32_t binding, std::uint64_t offset, std::uint64_t value,
                           std::uint32_t tag) {
  return raw(DRM_HALYARD_CLIPPER_FENCE_WAIT, tag, std::array{word64(binding, offset)},
             bytes_of(drm_halyard_clipper_fence{.value = value}));
}

Stream& Stream::fence_signal(std::uint32_t binding, std::uint64_t offset, std::uint64_t value) {
  return raw(DRM_HALYARD_CLIPPER_FENCE_SIGNAL, 0, std::array{word64(binding, offset)},
             bytes_of(drm_halyard_clipper_fence{.value = value}));
}

Stream& Stream::timestamp(std::uint32_t binding, std::uint64_t offset) {
  return raw(DRM_HALYARD_CLIPPER_TIMESTAMP, 0, std::array{word64(binding, offset)});
}

drm_halyard_clipper_binding whole(const Buffer& buffer) {
  return {.address = buffer.va, .size = buffer.size};
}

Program load(Client& client, const Stream& stream,
             const std::vector<drm_halyard_clipper_binding>& bindings) {
  const auto table = std::as_bytes(std::span(bindings));
  Program program;
  program.memory = client.make_buffer(stream.bytes().size() + table.size() + 1);
  const auto memory = program.memory.map.bytes();
  std::ranges::copy(stream.bytes(), memory.begin());
  std::ranges::copy(table, memory.subspan(stream.bytes().size()).begin());
  program.payload.stream = program.memory.va;
  program.payload.stream_size = static_cast<std::uint32_t>(stream.bytes().size());
  program.payload.bindings = program.memory.va + stream.bytes().size();
  program.payload.binding_count = static_cast<std::uint32_t>(bindings.size());
  return program;
}

}  // namespace halyard::test
