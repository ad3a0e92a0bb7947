// SPDX-License-Identifier: MIT
// The fake chips' command processor, and the registry of a sim platform that has one of them alone:
// a chip with page tables or, with FAKE_CARD, a card with memory of its own and none.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chips/chip.hpp>
#include <cstring>

#include "stream.hpp"

namespace halyard::fake {
namespace {

using emu::Access;
using emu::Fault;
using emu::FaultCause;
using emu::Outcome;

class Job final : public emu::Execution {
 public:
  Job(const Payload& payload, std::uint32_t engine_class, emu::AddressSpace& space,
      const std::function<std::uint64_t()>& clock)
      : payload_(payload), engine_class_(engine_class), space_(space), clock_(clock) {}

  Outcome step() override {
    if (completed_ == payload_.commands) return Outcome::kDone;
    const auto pin = space_.pin();
    fault_ = {};
    Command command;
    const auto address = payload_.stream + completed_ * sizeof(Command);
    if (!read(address, &command, sizeof(command)) || !run(command)) {
      fault_.command = completed_;
      return Outcome::kFault;
    }
    ++completed_;
    return completed_ == payload_.commands ? Outcome::kDone : Outcome::kRunning;
  }

  [[nodiscard]] const Fault& fault() const override { return fault_; }
  [[nodiscard]] std::uint64_t cycles() const override { return completed_; }
  [[nodiscard]] std::uint32_t completed() const override { return completed_; }

 private:
  bool fail(FaultCause cause) {
    fault_.cause = cause;
    return false;
  }

  template <class Body>
  bool walk(std::uint64_t address, std::uint64_t size, Access access, Body body) {
    while (size > 0) {
      const auto bytes = space_.translate(address, size, access, fault_);
      if (bytes.empty()) return false;
      body(bytes);
      address += bytes.size();
      size -= bytes.size();
    }
    return true;
  }
  bool read(std::uint64_t address, void* out, std::uint64_t size) {
    auto* to = static_cast<std::byte*>(out);
    return walk(address, size, Access::kRead, [&](auto bytes) {
      std::memcpy(to, bytes.data(), bytes.size());
      to += bytes.size();
    });
  }
  bool write(std::uint64_t address, const void* in, std::uint64_t size) {
    const auto* from = static_cast<const std::byte*>(in);
    return walk(address, size, Access::kWrite, [&](auto bytes) {
      std::memcpy(bytes.data(), from, bytes.size());
      from += bytes.size();
    });
  }

  bool locate(const Operand& operand, std::uint64_t& address) {
    if (operand.binding >= payload_.binding_count) return fail(FaultCause::kIllegalCommand);
    Binding binding;
    if (!read(payload_.bindings + operand.binding * sizeof(binding), &binding, sizeof(binding))) {
      return false;
    }
    if (operand.offset > binding.size || operand.bytes > binding.size - operand.offset) {
      return fail(FaultCause::kOutOfBounds);
    }
    address = binding.address + operand.offset;
    return true;
  }
  template <class T>
  bool load(const Operand& operand, std::vector<T>& values) {
    std::uint64_t address = 0;
    if (!locate(operand, address)) return false;
    values.resize(operand.bytes / sizeof(T));
    return read(address, values.data(), values.size() * sizeof(T));
  }
  template <class T>
  bool store(const Operand& operand, const std::vector<T>& values) {
    std::uint64_t address = 0;
    if (operand.bytes != values.size() * sizeof(T)) return fail(FaultCause::kIllegalCommand);
    return locate(operand, address) && write(address, values.data(), operand.bytes);
  }
  /// The last command of every job writes where the library looks: others must see what came
  /// before.
  bool stamp(const Operand& operand) {
    std::uint64_t address = 0;
    if (!locate(operand, address)) return false;
    const auto bytes = space_.translate(address, sizeof(std::uint64_t), Access::kWrite, fault_);
    if (bytes.size() < sizeof(std::uint64_t)) return false;
    std::atomic_ref<std::uint64_t>(*std::bit_cast<std::uint64_t*>(bytes.data()))
        .store(clock_(), std::memory_order_release);
    return true;
  }

  template <class Function>
  bool binary(const Command& command, Function function) {
    std::vector<float> a, b;
    if (!load(command.a, a) || !load(command.b, b)) return false;
    if (b.empty() || a.size() % b.size() != 0) return fail(FaultCause::kIllegalCommand);
    for (std::size_t i = 0; i < a.size(); ++i)
      a[i] = function(a[i], b[i % b.size()]);
    return store(command.out, a);
  }
  bool gather(const Command& command) {
    std::vector<float> rows, out;
    std::vector<std::int32_t> indices;
    if (!load(command.a, rows) || !load(command.b, indices)) return false;
    for (const auto index : indices) {
      const auto begin = static_cast<std::size_t>(index) * command.width;
      if (index < 0 || begin + command.width > rows.size()) return fail(FaultCause::kOutOfBounds);
      const auto first = rows.begin() + static_cast<std::ptrdiff_t>(begin);
      out.insert(out.end(), first, first + command.width);
    }
    return store(command.out, out);
  }

  bool run(const Command& command) {
    const bool copies = command.opcode >= Opcode::kCopy;
    if (engine_class_ == kCopyClass && !copies) return fail(FaultCause::kIllegalCommand);
    switch (command.opcode) {
      case Opcode::kAdd:
        return binary(command, [](float a, float b) { return a + b; });
      case Opcode::kMul:
        return binary(command, [](float a, float b) { return a * b; });
      case Opcode::kRelu: {
        std::vector<float> a;
        if (!load(command.a, a)) return false;
        for (auto& value : a)
          value = std::max(value, 0.0F);
        return store(command.out, a);
      }
      case Opcode::kGather:
        return gather(command);
      case Opcode::kCopy: {
        std::vector<std::byte> bytes;
        return load(command.a, bytes) && store(command.out, bytes);
      }
      case Opcode::kFill:
        return store(command.out, std::vector<std::uint32_t>(
                                      command.out.bytes / sizeof(std::uint32_t), command.pattern));
      case Opcode::kStamp:
        return stamp(command.out);
    }
    return fail(FaultCause::kIllegalCommand);
  }

  const Payload payload_;
  const std::uint32_t engine_class_;
  emu::AddressSpace& space_;
  const std::function<std::uint64_t()>& clock_;
  Fault fault_;
  std::uint32_t completed_ = 0;
};

class Processor final : public emu::CommandProcessor {
 public:
  explicit Processor(bool is_card) : is_card_(is_card) {}

  [[nodiscard]] emu::ProcessorInfo info() const override {
    emu::ProcessorInfo info;
    info.revision = kRevision;
    if (is_card_) {
      info.has_mmu = false;
      info.regions = {{.name = "card", .size = kCardMemory, .host = false}, {}};
      info.job_buffers_max = kCardBuffers;
    }
    return info;
  }
  [[nodiscard]] std::vector<emu::EngineInfo> engines() const override {
    return {{"compute", kComputeClass, 2}, {"copy", kCopyClass, 1}};
  }
  [[nodiscard]] std::vector<std::byte> chip_blob() const override {
    const Info info{kRevision, 0};
    const auto bytes = std::as_bytes(std::span(&info, 1));
    return {bytes.begin(), bytes.end()};
  }
  std::unique_ptr<emu::Execution> start(std::span<const std::byte> payload,
                                        std::uint32_t engine_class, emu::AddressSpace& space,
                                        const std::function<std::uint64_t()>& clock,
                                        std::string& error) override {
    Payload content;
    if (payload.size() != sizeof(content)) {
      error = "wrong size";
      return nullptr;
    }
    std::memcpy(&content, payload.data(), sizeof(content));
    return std::make_unique<Job>(content, engine_class, space, clock);
  }

 private:
  const bool is_card_;
};

#ifdef FAKE_CARD
constexpr const char* kName = "fakecard";
constexpr bool kIsCard = true;
#else
constexpr const char* kName = "fake";
constexpr bool kIsCard = false;
#endif

constexpr std::array<emu::ChipKind, 1> kKinds = {{{
    .name = kName,
    .description = "chip of the tests",
    .make = nullptr,
    .make_processor = []() -> std::unique_ptr<emu::CommandProcessor> {
      return std::make_unique<Processor>(kIsCard);
    },
    .vendor = 0,
    .device = 0,
}}};

}  // namespace
}  // namespace halyard::fake

namespace halyard::emu {

std::span<const ChipKind> chip_kinds() {
  return fake::kKinds;
}

const ChipKind* find_chip_kind(std::string_view name) {
  return name == fake::kKinds.front().name ? &fake::kKinds.front() : nullptr;
}

}  // namespace halyard::emu
