// SPDX-License-Identifier: MIT
#include "vfio_user/session.hpp"

#include <linux/vfio.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>

#include "vfio_user/log.hpp"

namespace halyard::emu::vfio_user {

namespace {

/// What the card offers, in answer to any offer of the client's. write_multiple is left out: it
/// would turn nearly all posted writes into batches without making one of them earlier.
std::string capabilities() {
  return R"({"capabilities":{"max_msg_fds":)" + std::to_string(kMaxMessageFds) +
         R"(,"max_data_xfer_size":)" + std::to_string(kMaxDataTransfer) + R"(,"pgsizes":)" +
         std::to_string(kDmaPageSize) + R"(,"max_dma_maps":)" + std::to_string(kMaxDmaMaps) + "}}";
}

void log_refusal(const Header& header, const Refusal& refusal) {
  log_line("refused message " + std::to_string(header.id) + ", command " +
           std::to_string(header.command) + ", " + std::to_string(header.size) +
           " bytes: " + std::string(refusal.reason));
}

}  // namespace

Header Reply::header(const Header& request) const {
  return {.id = request.id,
          .command = request.command,
          .size = static_cast<std::uint32_t>(kHeaderSize + payload.size()),
          .flags = kFlagTypeReply | (error != 0 ? kFlagError : 0u),
          .error = static_cast<std::uint32_t>(error)};
}

Reply Session::handle(Message& message) {
  payload_.clear();
  fd_ = -1;
  Reply reply;
  reply.send = message.header.wants_reply();

  const Request request = parse_request(message.header, message.payload, message.fds.size());
  if (const auto* refusal = std::get_if<Refusal>(&request)) {
    // A feature query is an ordinary question with the answer no.
    if (refusal->error != ENOTTY) log_refusal(message.header, *refusal);
    reply.error = refusal->error;
    // Without an agreed version nothing else can be understood.
    reply.close = !negotiated_;
    return reply;
  }
  if (negotiated_ == std::holds_alternative<VersionRequest>(request)) {
    log_refusal(message.header, {EINVAL, negotiated_ ? "version again" : "no version yet"});
    reply.error = EINVAL;
    reply.close = !negotiated_;
    return reply;
  }
  reply.error = std::visit(
      [&](const auto& typed) {
        if constexpr (std::is_same_v<std::decay_t<decltype(typed)>, Refusal>) {
          return typed.error;
        } else {
          return serve(typed, message);
        }
      },
      request);
  if (reply.error != 0) {
    log_refusal(message.header, {reply.error, std::strerror(reply.error)});
    return reply;
  }
  reply.payload = payload_;
  reply.fd = fd_;
  return reply;
}

template <typename T>
void Session::append(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  payload_.insert(payload_.end(), bytes, bytes + sizeof(value));
}

int Session::serve(const VersionRequest& /*request*/, Message& /*message*/) {
  negotiated_ = true;
  append(std::uint16_t{0});  // major
  append(std::uint16_t{0});  // minor: the lower of both sides'
  const std::string text = capabilities();
  const auto* bytes = reinterpret_cast<const std::byte*>(text.c_str());
  payload_.insert(payload_.end(), bytes, bytes + text.size() + 1);
  return 0;
}

int Session::serve(const DmaMapRequest& request, Message& message) {
  return function_.map_dma(request, message.fds.empty() ? -1 : message.fds[0].get());
}

int Session::serve(const DmaUnmapRequest& request, Message& message) {
  const int error = function_.unmap_dma(request);
  if (error == 0) payload_.assign(message.payload.begin(), message.payload.end());
  return error;
}

int Session::serve(const DeviceInfoRequest& /*request*/, Message& /*message*/) {
  constexpr std::uint32_t kArgsz = 16;
  append(kArgsz);
  append(std::uint32_t{VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI});
  append(std::uint32_t{VFIO_PCI_NUM_REGIONS});
  append(std::uint32_t{VFIO_PCI_NUM_IRQS});
  return 0;
}

int Session::serve(const RegionInfoRequest& request, Message& /*message*/) {
  PciFunction::RegionInfo info{};
  if (!function_.region_info(request.index, info)) return EINVAL;
  append(vfio_region_info{.argsz = sizeof(vfio_region_info),
                          .flags = info.flags,
                          .index = request.index,
                          .cap_offset = 0,
                          .size = info.size,
                          .offset = 0});
  fd_ = info.memory_fd;
  return 0;
}

int Session::serve(const IrqInfoRequest& request, Message& /*message*/) {
  Interrupts::Info info{};
  if (!function_.irq_info(request.index, info)) return EINVAL;
  append(vfio_irq_info{.argsz = sizeof(vfio_irq_info),
                       .flags = info.flags,
                       .index = request.index,
                       .count = info.count});
  return 0;
}

int Session::serve(const SetIrqsRequest& request, Message& message) {
  return function_.set_irqs(request, message.fds);
}

int Session::serve(const RegionReadRequest& request, Message& /*message*/) {
  append(request.offset);
  append(request.region);
  append(request.count);
  const std::size_t fixed = payload_.size();
  payload_.resize(fixed + request.count);
  return function_.read(request.region, request.offset, std::span(payload_).subspan(fixed));
}

int Session::serve(const RegionWriteRequest& request, Message& /*message*/) {
  append(request.offset);
  append(request.region);
  append(static_cast<std::uint32_t>(request.data.size()));
  return function_.write(request.region, request.offset, request.data);
}

int Session::serve(const RegionWriteMultiRequest& request, Message& /*message*/) {
  for (std::size_t i = 0; i < request.size(); ++i) {
    const RegionWriteRequest write = request[i];
    if (const int error = function_.write(write.region, write.offset, write.data); error != 0)
      return error;
  }
  append(std::uint64_t{request.size()});
  return 0;
}

int Session::serve(const DeviceResetRequest& /*request*/, Message& /*message*/) {
  function_.reset(ResetKind::kBus);
  return 0;
}

}  // namespace halyard::emu::vfio_user
