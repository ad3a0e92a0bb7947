// SPDX-License-Identifier: MIT
#include "stream.hpp"

#include <algorithm>

namespace halyard::emu::test {

Operand dense(unsigned binding, unsigned dtype, std::initializer_list<std::uint32_t> dims,
              std::uint64_t offset) {
  Operand operand{};
  operand.offset = offset;
  operand.binding = static_cast<std::uint16_t>(binding);
  operand.dtype = static_cast<std::uint8_t>(dtype);
  operand.rank = static_cast<std::uint8_t>(dims.size());
  std::ranges::copy(dims, operand.dims);
  std::int32_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    operand.strides[i] = stride;
    stride *= static_cast<std::int32_t>(operand.dims[i]);
  }
  return operand;
}

Task task(unsigned opcode, std::uint32_t tag) {
  Task raw{};
  raw.opcode = static_cast<std::uint16_t>(opcode);
  raw.tag = tag;
  return raw;
}

Task fill_task(const Operand& out, std::uint32_t pattern, std::uint32_t tag) {
  Task raw = task(DRM_HALYARD_SLOOP_FILL, tag);
  raw.out = out;
  raw.pattern = pattern;
  return raw;
}

Task copy_task(const Operand& a, const Operand& out) {
  Task raw = task(DRM_HALYARD_SLOOP_COPY);
  raw.a = a;
  raw.out = out;
  return raw;
}

Task binary_task(unsigned function, const Operand& a, const Operand& b, const Operand& out) {
  Task raw = task(DRM_HALYARD_SLOOP_BINARY);
  raw.function = static_cast<std::uint8_t>(function);
  raw.a = a;
  raw.b = b;
  raw.out = out;
  return raw;
}

drm_halyard_sloop_payload copy_payload(std::uint64_t source, std::uint64_t target,
                                       std::uint64_t size) {
  drm_halyard_sloop_payload payload{};
  payload.job = DRM_HALYARD_SLOOP_JOB_COPY;
  payload.source = source;
  payload.target = target;
  payload.size = size;
  return payload;
}

drm_halyard_sloop_payload fill_payload(std::uint64_t target, std::uint64_t size,
                                       std::uint32_t pattern) {
  drm_halyard_sloop_payload payload{};
  payload.job = DRM_HALYARD_SLOOP_JOB_FILL;
  payload.target = target;
  payload.size = size;
  payload.pattern = pattern;
  return payload;
}

drm_halyard_sloop_payload compute_payload(std::uint64_t stream, std::size_t tasks,
                                          std::uint64_t bindings, unsigned count) {
  drm_halyard_sloop_payload payload{};
  payload.job = DRM_HALYARD_SLOOP_JOB_COMPUTE;
  payload.source = stream;
  payload.size = tasks * sizeof(Task);
  payload.bindings = bindings;
  payload.binding_count = count;
  return payload;
}

}  // namespace halyard::emu::test
