// SPDX-License-Identifier: MIT
#include "fake_space.hpp"

#include <clipper/clipper_regs.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "chips/clipper/processor.hpp"

namespace halyard::emu::test {

std::byte* FakeSpace::page_memory(std::size_t index) {
  return memory_.bytes().data() + index * kPage;
}

std::span<std::byte> FakeSpace::translate(std::uint64_t address, std::size_t size, Access access,
                                          Fault& fault) {
  const auto found = pages_.find(address / kPage);
  if (found == pages_.end() || (access == Access::kWrite && !found->second.writable)) {
    fault.cause = found == pages_.end() ? FaultCause::kUnmapped : FaultCause::kPermission;
    fault.address = address;
    fault.access = access;
    return {};
  }
  std::size_t length = kPage - address % kPage;
  std::byte* memory = page_memory(found->second.index) + address % kPage;
  for (auto next = std::next(found), last = found;
       length < size && next != pages_.end() && next->first == last->first + 1 &&
       next->second.index == last->second.index + 1 &&
       (access == Access::kRead || next->second.writable);
       last = next++)
    length += kPage;
  return {memory, std::min(length, size)};
}

std::uint64_t FakeSpace::allocate(std::size_t size, bool scattered, bool writable) {
  const std::size_t count = (size + kPage - 1) / kPage;
  const std::uint64_t address = next_address_;
  for (std::size_t i = 0; i < count; ++i) {
    pages_[address / kPage + i] = {next_page_, writable};
    next_page_ += scattered ? 2 : 1;
  }
  if (next_page_ * kPage > memory_.bytes().size()) throw std::runtime_error("out of test memory");
  next_address_ += (count + 1) * kPage;  // a page that is not mapped between any two
  return address;
}

void FakeSpace::copy_out(std::uint64_t address, std::span<std::byte> data) {
  Fault fault;
  while (!data.empty()) {
    const auto part = translate(address, data.size(), Access::kRead, fault);
    if (part.empty()) throw std::runtime_error("not mapped");
    std::memcpy(data.data(), part.data(), part.size());
    address += part.size();
    data = data.subspan(part.size());
  }
}

void FakeSpace::copy_in(std::uint64_t address, std::span<const std::byte> data) {
  Fault fault;
  while (!data.empty()) {
    const auto part = translate(address, data.size(), Access::kRead, fault);
    if (part.empty()) throw std::runtime_error("not mapped");
    std::memcpy(part.data(), data.data(), part.size());
    address += part.size();
    data = data.subspan(part.size());
  }
}

namespace {

std::uint32_t to_cause(FaultCause cause) {
  switch (cause) {
    case FaultCause::kNone:
      return 0;
    case FaultCause::kOutOfBounds:
      return CLP_FAULT_OUT_OF_BOUNDS;
    case FaultCause::kUnmapped:
      return CLP_FAULT_UNMAPPED;
    case FaultCause::kPermission:
      return CLP_FAULT_PERMISSION;
    case FaultCause::kEcc:
      return CLP_FAULT_ECC_UNCORRECTABLE;
    default:
      return CLP_FAULT_ILLEGAL_COMMAND;
  }
}

class ProcessorClient final : public Client {
 public:
  std::uint64_t allocate(std::size_t size, bool scattered) override {
    return space_.allocate(size, scattered);
  }
  void write(std::uint64_t address, std::span<const std::byte> data) override {
    space_.copy_in(address, data);
  }
  void read(std::uint64_t address, std::span<std::byte> data) override {
    space_.copy_out(address, data);
  }
  Result run(const Stream& stream, std::uint32_t engine_class) override {
    drm_halyard_clipper_payload payload{};
    payload.stream = space_.allocate(stream.bytes().size() + 64, true);
    payload.stream_size = static_cast<std::uint32_t>(stream.bytes().size());
    payload.binding_count = static_cast<std::uint32_t>(stream.bindings().size());
    payload.bindings =
        space_.allocate(stream.bindings().size() * sizeof(stream.bindings()[0]) + 64, true);
    space_.copy_in(payload.stream, stream.bytes());
    space_.copy_in(payload.bindings, std::as_bytes(std::span(stream.bindings())));
    std::string error;
    const auto execution = processor_.start(
        std::as_bytes(std::span(&payload, 1)), engine_class, space_,
        [] { return std::uint64_t{42}; }, error);
    if (execution == nullptr) throw std::runtime_error(error);
    Outcome outcome = Outcome::kRunning;
    while (outcome == Outcome::kRunning)
      outcome = execution->step();
    if (outcome == Outcome::kWaiting) throw std::runtime_error("the job waits");
    const Fault& fault = execution->fault();
    return {.cause = to_cause(fault.cause),
            .address = fault.address,
            .access = fault.access == Access::kWrite ? 1U : 0U,
            .command = fault.command,
            .tag = fault.tag,
            .text = fault.text};
  }

 private:
  FakeSpace space_;
  clipper::Processor processor_;
};

}  // namespace

std::unique_ptr<Client> make_processor_client() {
  return std::make_unique<ProcessorClient>();
}

}  // namespace halyard::emu::test
