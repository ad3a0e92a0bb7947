// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The vfio-user wire format: bytes to a typed request or a refusal, and back. Pure: no I/O, no
/// state, no allocation.
///
/// Everything that can be judged from a message alone is judged here; what needs the device (does
/// the region exist, is the range mapped already) is judged by PciFunction.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace halyard::emu::vfio_user {

inline constexpr std::size_t kHeaderSize = 16;
/// Largest data part of one region access, as announced in the version reply.
inline constexpr std::uint32_t kMaxDataTransfer = 1u << 20;
/// Largest message that is read at all: a region write with the largest data part.
inline constexpr std::uint32_t kMaxMessageSize = kHeaderSize + 16 + kMaxDataTransfer;
/// File descriptors that one message may carry, as announced in the version reply.
inline constexpr std::size_t kMaxMessageFds = 16;
/// Writes that one REGION_WRITE_MULTI may carry.
inline constexpr std::uint64_t kMaxWriteMulti = 200;
/// DMA ranges that may exist at once, as announced in the version reply.
inline constexpr std::size_t kMaxDmaMaps = 65535;
/// Grain of DMA ranges, as announced in the version reply.
inline constexpr std::uint64_t kDmaPageSize = 4096;

enum class Command : std::uint16_t {
  kVersion = 1,
  kDmaMap = 2,
  kDmaUnmap = 3,
  kDeviceGetInfo = 4,
  kDeviceGetRegionInfo = 5,
  kDeviceGetRegionIoFds = 6,
  kDeviceGetIrqInfo = 7,
  kDeviceSetIrqs = 8,
  kRegionRead = 9,
  kRegionWrite = 10,
  kDmaRead = 11,
  kDmaWrite = 12,
  kDeviceReset = 13,
  kRegionWriteMulti = 15,
  kDeviceFeature = 16,
};

/// Header::flags
inline constexpr std::uint32_t kFlagTypeMask = 0xf;
inline constexpr std::uint32_t kFlagTypeRequest = 0;
inline constexpr std::uint32_t kFlagTypeReply = 1;
inline constexpr std::uint32_t kFlagNoReply = 0x10;
inline constexpr std::uint32_t kFlagError = 0x20;

/// Stands before every message, in host byte order.
struct Header {
  std::uint16_t id;
  std::uint16_t command;
  std::uint32_t size;  ///< of the whole message, header included
  std::uint32_t flags;
  std::uint32_t error;  ///< positive errno when kFlagError is set

  [[nodiscard]] bool wants_reply() const { return (flags & kFlagNoReply) == 0; }
};
static_assert(sizeof(Header) == kHeaderSize);

/// Why a message is not served.
struct Refusal {
  int error;                ///< positive errno for the reply
  std::string_view reason;  ///< for the log; a string literal
};

struct VersionRequest {
  std::uint16_t major, minor;
  std::string_view capabilities;  ///< JSON, without the NUL; may be empty
};
struct DmaMapRequest {
  std::uint64_t offset, address,
      size;                 ///< [address, address + size) does not wrap, page-aligned, not empty
  bool readable, writable;  ///< by the device
};
struct DmaUnmapRequest {
  std::uint64_t address, size;
  bool all;
};
struct DeviceInfoRequest {};
struct RegionInfoRequest {
  std::uint32_t argsz;
  std::uint32_t index;
};
struct IrqInfoRequest {
  std::uint32_t index;
};
enum class IrqData : std::uint8_t { kNone, kBool, kEventFd };
enum class IrqAction : std::uint8_t { kMask, kUnmask, kTrigger };
struct SetIrqsRequest {
  IrqData data;
  IrqAction action;
  std::uint32_t index, start, count;  ///< start + count does not wrap
  std::span<const std::byte> bools;   ///< kBool: `count` bytes
};
struct RegionReadRequest {
  std::uint64_t offset;  ///< offset + count does not wrap
  std::uint32_t region;
  std::uint32_t count;  ///< 1 to kMaxDataTransfer
};
struct RegionWriteRequest {
  std::uint64_t offset;  ///< offset + data.size() does not wrap
  std::uint32_t region;
  std::span<const std::byte> data;  ///< 1 to kMaxDataTransfer bytes
};
struct RegionWriteMultiRequest {
  std::span<const std::byte> writes;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] RegionWriteRequest operator[](std::size_t index) const;
};
struct DeviceResetRequest {};

using Request =
    std::variant<Refusal, VersionRequest, DmaMapRequest, DmaUnmapRequest, DeviceInfoRequest,
                 RegionInfoRequest, IrqInfoRequest, SetIrqsRequest, RegionReadRequest,
                 RegionWriteRequest, RegionWriteMultiRequest, DeviceResetRequest>;

/// The header as it stands in the first kHeaderSize bytes.
Header parse_header(std::span<const std::byte, kHeaderSize> bytes);

/// What makes it impossible to find the next message, or to serve this one, whatever its payload
/// is: the connection has to be closed.
std::optional<Refusal> check_header(const Header& header);

/// The typed request. `payload` is the message without its header (header.size - kHeaderSize
/// bytes), `fds` the number of file descriptors that came with it. The result refers to `payload`.
Request parse_request(const Header& header, std::span<const std::byte> payload, std::size_t fds);

}  // namespace halyard::emu::vfio_user
