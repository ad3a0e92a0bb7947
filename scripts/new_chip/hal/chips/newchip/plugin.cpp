// SPDX-License-Identifier: MIT
// Newchip's plug-in: says what the chip can do, turns lowered commands into the chip's, and a
// submit into a payload.

#include "plugin.hpp"

#include <drm/halyard_newchip.h>

#include <cstring>
#include <limits>

#include "lowering/jobs.hpp"
#include "lowering/lower.hpp"
#include "lowering/operand.hpp"
#include "small_vector.hpp"

#ifndef HALYARD_PLUGIN_VERSION
#error "the build gives the plug-in its version"
#endif

namespace halyard::hal::newchip {
namespace {

using lowering::Opcode;
using ChipCommand = drm_halyard_newchip_command;
using Place = drm_halyard_newchip_place;
using Payload = drm_halyard_newchip_payload;

constexpr std::uint32_t kKnownMajor = 1;
constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kSlotShift) - 1;
/// Bytes that one command writes.
constexpr std::uint64_t kMaxBytes = std::numeric_limits<std::int32_t>::max();
/// Commands of a copy or fill; the others of its payload are timestamps.
constexpr std::size_t kMaxChunks = DRM_HALYARD_NEWCHIP_COMMANDS_MAX - 3;

// ---- what the chip can do ------------------------------------------------------------------

/// Why the chip has no command for what lowering offers; empty when it has.
std::string refuse(const lowering::Command& command) {
  const auto& out = command.operands.back();
  if (command.opcode == Opcode::kTimestamp) return {};
  for (const auto& operand : command.operands) {
    if (operand.dtype != out.dtype) return "the chip does not convert between types";
    if (operand.dims != out.dims || !contiguous(operand))
      return "the chip works on whole tensors of one shape";
  }
  if (command.opcode == Opcode::kCopy) return {};
  if (out.dtype != HALYARD_F32) return "the chip computes in float32 only";
  if (const auto* op = std::get_if<lowering::BinaryOp>(&command.params)) {
    if (*op != lowering::BinaryOp::kAdd && *op != lowering::BinaryOp::kMul)
      return "of operations on two tensors the chip has add and mul";
  }
  if (const auto* activation = std::get_if<lowering::Activation>(&command.params)) {
    if (*activation != lowering::Activation::kRelu) return "of activations the chip has relu";
  }
  return {};
}

constexpr lowering::Capabilities kCapabilities{
    .opcodes = {Opcode::kBinary, Opcode::kActivate, Opcode::kCopy, Opcode::kTimestamp},
    .max_bindings = DRM_HALYARD_NEWCHIP_BUFFERS_MAX,
    .refuse = refuse};

// ---- encoding ------------------------------------------------------------------------------

/// Until a submit says where bindings are, a place's slot is the number of its binding.
Place place_of(const lowering::Operand& operand) {
  return {.offset = operand.offset, .slot = operand.binding, .pad = 0};
}

std::uint32_t opcode_of(const lowering::Command& command) {
  switch (command.opcode) {
    case Opcode::kBinary:
      return std::get<lowering::BinaryOp>(command.params) == lowering::BinaryOp::kAdd
                 ? DRM_HALYARD_NEWCHIP_ADD
                 : DRM_HALYARD_NEWCHIP_MUL;
    case Opcode::kActivate:
      return DRM_HALYARD_NEWCHIP_RELU;
    case Opcode::kCopy:
      return DRM_HALYARD_NEWCHIP_COPY;
    case Opcode::kTimestamp:
      return DRM_HALYARD_NEWCHIP_TIMESTAMP;
    default:
      throw Error(HALYARD_UNSUPPORTED, "the chip has no command for this operation");
  }
}

ChipCommand encode_command(const lowering::Command& command) {
  ChipCommand encoded{};
  encoded.opcode = opcode_of(command);
  encoded.tag = command.node;
  const auto& out = command.operands.back();
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < out.rank; ++i)
    elements *= out.dims[i];
  if (command.opcode == Opcode::kTimestamp) elements = 1;
  const std::uint64_t bytes = elements * halyard_dtype_size(out.dtype);
  if (bytes > kMaxBytes) {
    throw Error(HALYARD_UNSUPPORTED, "one command of the chip writes less than 2 GiB");
  }
  if (command.opcode == Opcode::kCopy) elements = bytes;
  encoded.count = static_cast<std::uint32_t>(elements);
  encoded.out = place_of(out);
  if (command.operands.size() > 1) encoded.a = place_of(command.operands[0]);
  if (command.operands.size() > 2) encoded.b = place_of(command.operands[1]);
  return encoded;
}

bool has_a(const ChipCommand& command) {
  return command.opcode != DRM_HALYARD_NEWCHIP_NOP && command.opcode != DRM_HALYARD_NEWCHIP_FILL &&
         command.opcode != DRM_HALYARD_NEWCHIP_TIMESTAMP;
}

bool has_b(const ChipCommand& command) {
  return command.opcode == DRM_HALYARD_NEWCHIP_ADD || command.opcode == DRM_HALYARD_NEWCHIP_MUL;
}

/// A place in the job's buffers, `offset` bytes into a range of them.
Place place_in(DeviceRange range, std::uint64_t offset) {
  const std::uint64_t address = range.va + offset;
  return {.offset = address & kOffsetMask,
          .slot = static_cast<std::uint32_t>(address >> kSlotShift),
          .pad = 0};
}

std::vector<ChipCommand> commands_of(const ProgramImage& image) {
  std::vector<ChipCommand> commands(image.stream.size() / sizeof(ChipCommand));
  std::memcpy(commands.data(), image.stream.data(), commands.size() * sizeof(ChipCommand));
  return commands;
}

// ---- the plug-in ---------------------------------------------------------------------------

ProgramImage encoded(lowering::Lowered lowered) {
  if (lowered.commands.size() > DRM_HALYARD_NEWCHIP_COMMANDS_MAX) {
    throw Error(HALYARD_UNSUPPORTED, "the program needs " +
                                         std::to_string(lowered.commands.size()) +
                                         " commands, a job of this chip has at most " +
                                         std::to_string(DRM_HALYARD_NEWCHIP_COMMANDS_MAX));
  }
  for (const auto& command : lowered.commands) {
    const auto chip_command = encode_command(command);
    const auto bytes = std::as_bytes(std::span(&chip_command, 1));
    lowered.image.stream.insert(lowered.image.stream.end(), bytes.begin(), bytes.end());
  }
  return std::move(lowered.image);
}

class Plugin final : public ChipPlugin {
 public:
  ProgramImage compile(const Graph& graph, bool profile) override {
    return encoded(lowering::lower(graph, kCapabilities, profile));
  }
  ProgramImage record(const CommandList& list, bool profile) override {
    return encoded(lowering::lower(list, kCapabilities, profile));
  }
  [[nodiscard]] std::string why_not(const ListCommand& command) const override {
    return lowering::why_not(kCapabilities, command);
  }

  void check(const ProgramImage& image) override;

  /// The payload holds the commands.
  [[nodiscard]] bool places_stream() const override { return false; }
  [[nodiscard]] std::size_t arena_bytes(const ProgramImage& /*image*/) const override {
    return builtin_arena_bytes();
  }
  [[nodiscard]] std::size_t builtin_arena_bytes() const override { return lowering::kArenaOffset; }

  void encode(const ProgramImage& image, const Placement& placement,
              std::vector<std::byte>& payload) override;
  void encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override;
  void encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override;
  void encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) override;

  [[nodiscard]] bool surely_done(Arena arena) const override {
    return lowering::status_is_set(arena);
  }

  std::vector<ProfileSample> read_profile(const ProgramImage& image,
                                          std::span<const std::byte> profile) override {
    return lowering::read_timestamps(image, profile);
  }

  [[nodiscard]] bool supports_graphs(std::uint32_t engine_class) const override {
    return engine_class == DRM_HALYARD_NEWCHIP_ENGINE_NPU;
  }
};

void add(Payload& payload, const ChipCommand& command) {
  payload.commands[payload.count++] = command;
}

void add_timestamp(Payload& payload, Place cell) {
  ChipCommand command{};
  command.opcode = DRM_HALYARD_NEWCHIP_TIMESTAMP;
  command.count = 1;
  command.out = cell;
  add(payload, command);
}

void Plugin::encode(const ProgramImage& image, const Placement& placement,
                    std::vector<std::byte>& payload) {
  lowering::clear_status(placement.arena);
  SmallVector<DeviceRange, DRM_HALYARD_NEWCHIP_BUFFERS_MAX> bindings;
  lowering::for_each_binding(placement, [&](DeviceRange range) { bindings.push_back(range); });
  const auto resolve = [&](Place place) {
    return place_in(bindings.span()[place.slot], place.offset);
  };
  Payload content{};
  for (auto command : commands_of(image)) {
    command.out = resolve(command.out);
    if (has_a(command)) command.a = resolve(command.a);
    if (has_b(command)) command.b = resolve(command.b);
    add(content, command);
  }
  lowering::put_payload(content, payload);
}

/// `body` adds the commands between the times of the profile.
template <class Body>
void encode_builtin(const BuiltinJob& job, std::vector<std::byte>& payload, Body body) {
  lowering::clear_status(job.arena);
  Payload content{};
  if (job.profile.size > 0) add_timestamp(content, place_in(job.profile, 0));
  body(content);
  if (job.profile.size > 0) {
    add_timestamp(content, place_in(job.profile, sizeof(std::uint64_t)));
  }
  add_timestamp(content, place_in(lowering::status_cell(job.arena), 0));
  lowering::put_payload(content, payload);
}

void Plugin::encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  encode_builtin(job, payload, [&](Payload& content) {
    lowering::for_each_chunk(dst.size, 1, kMaxChunks, [&](std::uint64_t at, std::uint32_t count) {
      ChipCommand command{};
      command.opcode = DRM_HALYARD_NEWCHIP_COPY;
      command.count = count;
      command.out = place_in(dst, at);
      command.a = place_in(src, at);
      add(content, command);
    });
  });
}

void Plugin::encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  // In bytes, of which a command takes less than one of words would.
  encode_builtin(job, payload, [&](Payload& content) {
    lowering::for_each_chunk(dst.size, 1, kMaxChunks, [&](std::uint64_t at, std::uint32_t count) {
      ChipCommand command{};
      command.opcode = DRM_HALYARD_NEWCHIP_FILL;
      command.count = count / static_cast<std::uint32_t>(sizeof(pattern));
      command.pattern = pattern;
      command.out = place_in(dst, at);
      add(content, command);
    });
  });
}

void Plugin::encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) {
  encode_builtin(job, payload, [](Payload&) {});
}

/// The kernel checks every job; this finds what a damaged file would make of a program early.
void Plugin::check(const ProgramImage& image) {
  const auto malformed = [](const std::string& what) {
    return Error(HALYARD_MALFORMED, "command stream: " + what);
  };
  if (image.stream.size() % sizeof(ChipCommand) != 0 ||
      image.stream.size() > DRM_HALYARD_NEWCHIP_COMMANDS_MAX * sizeof(ChipCommand)) {
    throw malformed("size " + std::to_string(image.stream.size()) + " is not that of a stream");
  }
  const auto commands = commands_of(image);
  const std::size_t bindings = lowering::kFixedBindings + image.bindings.size();
  if (bindings > DRM_HALYARD_NEWCHIP_BUFFERS_MAX) throw malformed("too many bindings");
  for (const auto& command : commands) {
    if (command.opcode >= DRM_HALYARD_NEWCHIP_NUM_OPCODES)
      throw malformed("there is no opcode " + std::to_string(command.opcode));
    for (const auto& place : {command.out, command.a, command.b}) {
      if (place.slot >= bindings) throw malformed("a command names a binding that is not there");
    }
  }
  if (commands.size() != image.command_names.size()) {
    throw malformed(std::to_string(commands.size()) + " commands, but " +
                    std::to_string(image.command_names.size()) + " names");
  }
}

std::unique_ptr<ChipPlugin> create(std::span<const std::byte> blob, std::uint32_t chip_revision) {
  lowering::read_info<drm_halyard_newchip_info>(blob, chip_revision, kKnownMajor);
  return std::make_unique<Plugin>();
}

}  // namespace
}  // namespace halyard::hal::newchip

extern "C" __attribute__((visibility("default")))
const halyard::hal::PluginDescriptor halyard_plugin = {
    halyard::hal::kPluginAbi, "newchip", HALYARD_PLUGIN_VERSION, halyard::hal::newchip::create};
