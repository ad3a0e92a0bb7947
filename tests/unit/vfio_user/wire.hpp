// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Payloads as QEMU 11.1 puts them on the wire, for tests.

#include <linux/vfio.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vfio_user/protocol.hpp"

namespace halyard::emu::vfio_user::test {

using Bytes = std::vector<std::byte>;

inline void append(Bytes& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// The values one after another, in host byte order.
template <typename... T>
Bytes pack(T... values) {
  static_assert((std::is_integral_v<T> && ...));
  Bytes out;
  (append(out, std::as_bytes(std::span<const T>(&values, 1))), ...);
  return out;
}

inline Bytes text_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

template <typename T>
T load(std::span<const std::byte> bytes, std::size_t offset = 0) {
  T value{};
  if (offset + sizeof(T) <= bytes.size()) {
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
  }
  return value;
}

using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;

inline constexpr U32 kTriggerEventFd = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
inline constexpr U32 kDisable = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
inline constexpr U32 kMask = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK;
inline constexpr U32 kUnmask = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
inline constexpr U32 kReadWrite = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;

inline Bytes version_payload(
    std::string_view json =
        R"({"capabilities":{"pgsizes":4096,"max_msg_fds":16,"max_dma_maps":65535,)"
        R"("max_data_xfer_size":1048576,"migration":{"pgsize":4096,"max_bitmap_size":268435456},)"
        R"("write_multiple":true}})") {
  Bytes out = pack(U16{0}, U16{0});
  append(out, text_bytes(json));
  out.push_back(std::byte{0});
  return out;
}

inline Bytes dma_map_payload(U64 address, U64 size, U64 offset = 0, U32 flags = kReadWrite) {
  return pack(U32{32}, flags, offset, address, size);
}

inline Bytes dma_unmap_payload(U64 address, U64 size, U32 flags = 0) {
  return pack(U32{24}, flags, address, size);
}

inline Bytes device_info_payload() {
  return pack(U32{16}, U32{0}, U32{0}, U32{0});
}

inline Bytes region_info_payload(U32 index, U32 argsz = 32) {
  return pack(argsz, U32{0}, index, U32{0}, U64{0}, U64{0});
}

inline Bytes irq_info_payload(U32 index) {
  return pack(U32{16}, U32{0}, index, U32{0});
}

inline Bytes set_irqs_payload(U32 flags, U32 index, U32 start, U32 count) {
  return pack(U32{20}, flags, index, start, count);
}

inline Bytes read_payload(U32 region, U64 offset, U32 count) {
  return pack(offset, region, count);
}

inline Bytes write_payload(U32 region, U64 offset, std::span<const std::byte> data) {
  Bytes out = pack(offset, region, static_cast<U32>(data.size()));
  append(out, data);
  return out;
}

struct MultiWrite {
  U64 offset;
  U32 region, count;
  U64 data;
};

inline Bytes write_multi_payload(std::span<const MultiWrite> writes) {
  Bytes out = pack(U64{writes.size()});
  for (const MultiWrite& write : writes) {
    append(out, pack(write.offset, write.region, write.count, write.data));
  }
  return out;
}

}  // namespace halyard::emu::vfio_user::test
