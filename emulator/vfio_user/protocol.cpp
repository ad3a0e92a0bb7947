// SPDX-License-Identifier: MIT
#include "vfio_user/protocol.hpp"

#include <linux/vfio.h>

#include <cerrno>
#include <cstring>

namespace halyard::emu::vfio_user {

namespace {

using Bytes = std::span<const std::byte>;

template <typename T>
T load(Bytes bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

/// Is [start, start + length) a range that does not wrap?
bool wraps(std::uint64_t start, std::uint64_t length) {
  return start + length < start;
}

constexpr std::size_t kVersionFixed = 4;
constexpr std::size_t kDmaMapSize = 32;
constexpr std::size_t kDmaUnmapSize = 24;
constexpr std::size_t kDeviceInfoSize = 16;  // <linux/vfio.h> has a longer one; the protocol stayed
constexpr std::size_t kRegionAccessFixed = 16;
constexpr std::size_t kWriteMultiFixed = 8;
constexpr std::size_t kWriteMultiEntry = 24;

constexpr Refusal kBadSize{EINVAL, "message size does not fit the command"};
constexpr Refusal kBadArgsz{EINVAL, "argsz is smaller than the structure"};

Request parse_version(Bytes payload) {
  if (payload.size() < kVersionFixed) return kBadSize;
  VersionRequest request{load<std::uint16_t>(payload, 0), load<std::uint16_t>(payload, 2), {}};
  if (request.major != 0) return Refusal{ENOTSUP, "unknown major version"};
  const Bytes text = payload.subspan(kVersionFixed);
  if (text.empty()) return request;
  if (text.back() != std::byte{0}) return Refusal{EINVAL, "version data do not end in NUL"};
  request.capabilities = {reinterpret_cast<const char*>(text.data()), text.size() - 1};
  if (request.capabilities.find('\0') != std::string_view::npos) {
    return Refusal{EINVAL, "version data contain NUL"};
  }
  return request;
}

Request parse_dma_map(Bytes payload) {
  if (payload.size() != kDmaMapSize) return kBadSize;
  if (load<std::uint32_t>(payload, 0) < kDmaMapSize) return kBadArgsz;
  const auto flags = load<std::uint32_t>(payload, 4);
  constexpr std::uint32_t kKnown = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
  if ((flags & ~kKnown) != 0) return Refusal{EINVAL, "unknown DMA map flags"};
  const DmaMapRequest request{
      .offset = load<std::uint64_t>(payload, 8),
      .address = load<std::uint64_t>(payload, 16),
      .size = load<std::uint64_t>(payload, 24),
      .readable = (flags & VFIO_DMA_MAP_FLAG_READ) != 0,
      .writable = (flags & VFIO_DMA_MAP_FLAG_WRITE) != 0,
  };
  if (request.size == 0) return Refusal{EINVAL, "empty DMA range"};
  if (((request.address | request.size | request.offset) % kDmaPageSize) != 0) {
    return Refusal{EINVAL, "DMA range is not page-aligned"};
  }
  if (wraps(request.address, request.size)) return Refusal{EINVAL, "DMA range wraps"};
  if (wraps(request.offset, request.size)) return Refusal{EINVAL, "DMA file range wraps"};
  return request;
}

Request parse_dma_unmap(Bytes payload) {
  if (payload.size() != kDmaUnmapSize) return kBadSize;
  if (load<std::uint32_t>(payload, 0) < kDmaUnmapSize) return kBadArgsz;
  const auto flags = load<std::uint32_t>(payload, 4);
  if ((flags & ~std::uint32_t{VFIO_DMA_UNMAP_FLAG_ALL}) != 0) {
    return Refusal{EINVAL, "unknown DMA unmap flags"};
  }
  const DmaUnmapRequest request{
      .address = load<std::uint64_t>(payload, 8),
      .size = load<std::uint64_t>(payload, 16),
      .all = flags != 0,
  };
  if (request.all) {
    if (request.address != 0 || request.size != 0) {
      return Refusal{EINVAL, "unmap of everything names a range"};
    }
    return request;
  }
  if (request.size == 0) return Refusal{EINVAL, "empty DMA range"};
  if (wraps(request.address, request.size)) return Refusal{EINVAL, "DMA range wraps"};
  return request;
}

Request parse_device_info(Bytes payload) {
  if (payload.size() != kDeviceInfoSize) return kBadSize;
  if (load<std::uint32_t>(payload, 0) < kDeviceInfoSize) return kBadArgsz;
  return DeviceInfoRequest{};
}

Request parse_region_info(Bytes payload) {
  if (payload.size() != sizeof(vfio_region_info)) return kBadSize;
  const auto info = load<vfio_region_info>(payload, 0);
  if (info.argsz < sizeof(info)) return kBadArgsz;
  return RegionInfoRequest{info.argsz, info.index};
}

Request parse_irq_info(Bytes payload) {
  if (payload.size() != sizeof(vfio_irq_info)) return kBadSize;
  const auto info = load<vfio_irq_info>(payload, 0);
  if (info.argsz < sizeof(info)) return kBadArgsz;
  return IrqInfoRequest{info.index};
}

std::optional<IrqData> irq_data(std::uint32_t flags) {
  switch (flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
    case VFIO_IRQ_SET_DATA_NONE:
      return IrqData::kNone;
    case VFIO_IRQ_SET_DATA_BOOL:
      return IrqData::kBool;
    case VFIO_IRQ_SET_DATA_EVENTFD:
      return IrqData::kEventFd;
    default:
      return std::nullopt;
  }
}

std::optional<IrqAction> irq_action(std::uint32_t flags) {
  switch (flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) {
    case VFIO_IRQ_SET_ACTION_MASK:
      return IrqAction::kMask;
    case VFIO_IRQ_SET_ACTION_UNMASK:
      return IrqAction::kUnmask;
    case VFIO_IRQ_SET_ACTION_TRIGGER:
      return IrqAction::kTrigger;
    default:
      return std::nullopt;
  }
}

Request parse_set_irqs(Bytes payload, std::size_t fds) {
  if (payload.size() < sizeof(vfio_irq_set)) return kBadSize;
  struct Fixed {  // vfio_irq_set ends in a flexible array, which C++ does not copy
    std::uint32_t argsz, flags, index, start, count;
  };
  static_assert(sizeof(Fixed) == sizeof(vfio_irq_set));
  const auto fixed = load<Fixed>(payload, 0);
  if (fixed.argsz < sizeof(Fixed)) return kBadArgsz;
  constexpr std::uint32_t kKnown = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
  if ((fixed.flags & ~kKnown) != 0) return Refusal{EINVAL, "unknown interrupt flags"};
  const auto data = irq_data(fixed.flags);
  const auto action = irq_action(fixed.flags);
  if (!data) return Refusal{EINVAL, "not exactly one interrupt data type"};
  if (!action) return Refusal{EINVAL, "not exactly one interrupt action"};
  if (fixed.start + fixed.count < fixed.start) return Refusal{EINVAL, "interrupt range wraps"};

  const Bytes bools = payload.subspan(sizeof(Fixed));
  if (bools.size() != (*data == IrqData::kBool ? fixed.count : 0)) return kBadSize;
  if (*data == IrqData::kEventFd) {
    if (fds != 0 && fds != fixed.count) {
      return Refusal{EINVAL, "number of eventfds differs from the interrupt count"};
    }
    if (*action != IrqAction::kTrigger) return Refusal{ENOTSUP, "(un)mask by eventfd"};
  } else if (fds != 0) {
    return Refusal{EINVAL, "file descriptors without eventfd data"};
  }
  // Count 0 means "the whole index" for the one form that disables it, and nothing at all
  // elsewhere.
  if (fixed.count == 0 && !(*data == IrqData::kNone && *action == IrqAction::kTrigger)) {
    return Refusal{EINVAL, "empty interrupt range"};
  }
  return SetIrqsRequest{*data, *action, fixed.index, fixed.start, fixed.count, bools};
}

Request parse_region_read(Bytes payload) {
  if (payload.size() != kRegionAccessFixed) return kBadSize;
  const RegionReadRequest request{load<std::uint64_t>(payload, 0), load<std::uint32_t>(payload, 8),
                                  load<std::uint32_t>(payload, 12)};
  if (request.count == 0) return Refusal{EINVAL, "empty region access"};
  if (request.count > kMaxDataTransfer) return Refusal{E2BIG, "region access is too large"};
  if (wraps(request.offset, request.count)) return Refusal{EINVAL, "region access wraps"};
  return request;
}

Request parse_region_write(Bytes payload) {
  if (payload.size() < kRegionAccessFixed) return kBadSize;
  const auto count = load<std::uint32_t>(payload, 12);
  const RegionWriteRequest request{load<std::uint64_t>(payload, 0), load<std::uint32_t>(payload, 8),
                                   payload.subspan(kRegionAccessFixed)};
  if (count == 0) return Refusal{EINVAL, "empty region access"};
  if (request.data.size() != count) return kBadSize;
  if (count > kMaxDataTransfer) return Refusal{E2BIG, "region access is too large"};
  if (wraps(request.offset, count)) return Refusal{EINVAL, "region access wraps"};
  return request;
}

Request parse_write_multi(Bytes payload) {
  if (payload.size() < kWriteMultiFixed) return kBadSize;
  const auto count = load<std::uint64_t>(payload, 0);
  if (count > kMaxWriteMulti) return Refusal{E2BIG, "too many writes in one message"};
  const RegionWriteMultiRequest request{payload.subspan(kWriteMultiFixed)};
  if (request.writes.size() != count * kWriteMultiEntry) return kBadSize;
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes entry = request.writes.subspan(i * kWriteMultiEntry, kWriteMultiEntry);
    const auto bytes = load<std::uint32_t>(entry, 12);
    if (bytes == 0 || bytes > 8) return Refusal{EINVAL, "write of a size other than 1 to 8"};
    if (wraps(load<std::uint64_t>(entry, 0), bytes)) return Refusal{EINVAL, "region access wraps"};
  }
  return request;
}

/// File descriptors belong to DMA_MAP (at most one) and SET_IRQS (its own rule).
std::optional<Refusal> check_fds(Command command, std::size_t fds) {
  if (command == Command::kDeviceSetIrqs) return std::nullopt;
  if (fds > (command == Command::kDmaMap ? 1u : 0u)) {
    return Refusal{EINVAL, "wrong number of file descriptors"};
  }
  return std::nullopt;
}

}  // namespace

std::size_t RegionWriteMultiRequest::size() const {
  return writes.size() / kWriteMultiEntry;
}

RegionWriteRequest RegionWriteMultiRequest::operator[](std::size_t index) const {
  const Bytes entry = writes.subspan(index * kWriteMultiEntry, kWriteMultiEntry);
  return {load<std::uint64_t>(entry, 0), load<std::uint32_t>(entry, 8),
          entry.subspan(kRegionAccessFixed, load<std::uint32_t>(entry, 12))};
}

Header parse_header(std::span<const std::byte, kHeaderSize> bytes) {
  return load<Header>(bytes, 0);
}

std::optional<Refusal> check_header(const Header& header) {
  if (header.size < kHeaderSize) return Refusal{EINVAL, "message is smaller than its header"};
  if (header.size > kMaxMessageSize) return Refusal{E2BIG, "message is too large"};
  if ((header.flags & kFlagTypeMask) != kFlagTypeRequest) {
    // This server never asks the client anything, so no reply is expected.
    return Refusal{EINVAL, "message is not a request"};
  }
  constexpr std::uint32_t kKnown = kFlagTypeMask | kFlagNoReply;
  if ((header.flags & ~kKnown) != 0) return Refusal{EINVAL, "unknown header flags"};
  return std::nullopt;
}

Request parse_request(const Header& header, Bytes payload, std::size_t fds) {
  const auto command = static_cast<Command>(header.command);
  if (const auto refusal = check_fds(command, fds)) return *refusal;
  switch (command) {
    case Command::kVersion:
      return parse_version(payload);
    case Command::kDmaMap:
      return parse_dma_map(payload);
    case Command::kDmaUnmap:
      return parse_dma_unmap(payload);
    case Command::kDeviceGetInfo:
      return parse_device_info(payload);
    case Command::kDeviceGetRegionInfo:
      return parse_region_info(payload);
    case Command::kDeviceGetIrqInfo:
      return parse_irq_info(payload);
    case Command::kDeviceSetIrqs:
      return parse_set_irqs(payload, fds);
    case Command::kRegionRead:
      return parse_region_read(payload);
    case Command::kRegionWrite:
      return parse_region_write(payload);
    case Command::kDeviceReset:
      if (!payload.empty()) return kBadSize;
      return DeviceResetRequest{};
    case Command::kRegionWriteMulti:
      return parse_write_multi(payload);
    case Command::kDeviceFeature:
      // What the kernel says for a feature that a device does not have; the client then does
      // without.
      return Refusal{ENOTTY, "device features"};
    case Command::kDeviceGetRegionIoFds:
    case Command::kDmaRead:
    case Command::kDmaWrite:
      break;
  }
  return Refusal{ENOTSUP, "command is not offered"};
}

}  // namespace halyard::emu::vfio_user
